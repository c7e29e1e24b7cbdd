//! Where leaves and evidence come from: what an audit reads, and nothing that it believes.

use chancery_core::digest::Sha256;
use chancery_ledger::tile::Tile;

/// Something could not be read; nothing is said about what it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {what}: {why}")]
pub struct Unreadable {
    /// What was being read.
    pub what: String,
    /// Why it failed.
    pub why: String,
}

impl Unreadable {
    /// Says what could not be read and why.
    pub fn new(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self { what: what.into(), why: why.to_string() }
    }
}

/// A stored copy of a tile, in one of the places where the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTile {
    /// Where it lies: `file tile/0/000`, `table ledger_tile`.
    pub place: String,
    /// How many hashes or leaves its place says that it has; without one, at least as many as were asked for.
    pub width: Option<u16>,
    /// Its bytes: hashes, or an entry bundle; `None` where it should lie and does not.
    pub bytes: Option<Vec<u8>>,
}

/// The ledger as it is stored or served.
pub trait Ledger: std::fmt::Debug {
    /// The checkpoint: a signed note.
    fn checkpoint(&self) -> Result<String, Unreadable>;
    /// How many leaves are stored; may be more than the checkpoint covers while a service runs.
    fn size(&self) -> Result<u64, Unreadable>;
    /// The leaves `from..to` in order; `None` where one is not there.
    fn leaves(&self, from: u64, to: u64) -> Result<Vec<Option<Vec<u8>>>, Unreadable>;
    /// Every stored copy of a tile, also narrower ones that were served before it grew.
    fn tiles(&self, tile: Tile) -> Result<Vec<StoredTile>, Unreadable>;
}

/// What kind of thing is asked for; a store that is not addressed by hashes finds it by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The signing certificate, DER.
    Certificate,
    /// Token and issuer keys, canonical JSON.
    Evidence,
    /// Governance documents, canonical.
    Policy,
    /// Header and signatures of governance documents, canonical JSON.
    PolicySignatures,
    /// The public half of a key without certificates: SubjectPublicKeyInfo, DER.
    PublicKey,
    /// What people signed, as the service keeps it.
    Record,
    /// The request, canonical.
    Request,
    /// The signature bytes.
    Signature,
    /// The RFC 3161 token, DER.
    Timestamp,
}

/// Content that the ledger names by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What it is.
    pub part: Part,
    /// Index of the intent that it belongs to; for governance documents, of their own event.
    pub index: u64,
    /// SHA-256 of the content.
    pub digest: Sha256,
}

/// Content-addressed evidence. Whatever is answered is hashed before it is used.
pub trait Evidence: std::fmt::Debug {
    /// The content; `None` when it is not there.
    fn content(&self, wanted: Wanted) -> Result<Option<Vec<u8>>, Unreadable>;
}
