//! What the binary provides: everything that the command line may not or cannot do itself.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use chancery_audit::rows::Rows;
use chancery_audit::source::{Evidence, Ledger};
use chancery_core::port::registry::Registry;
use chancery_core::time::Time;

use crate::failure::Failure;

/// `serve` writes one line of JSON with this schema to stdout when it accepts connections:
/// `{"schema":"chancery.ready/1","server":"https://127.0.0.1:41234","env":"/data/client.env"}`.
///
/// The file named by `env` holds one `NAME='value'` per line (an `export ` before it is allowed), so that a shell can
/// read it: CHANCERY_SERVER, CHANCERY_CA, CHANCERY_PROFILE, CHANCERY_POLICY, CHANCERY_TRUST,
/// CHANCERY_TRUST_KEY, CHANCERY_ADMIN_SOCKET, and in development the variables of the job's token.
pub const READY_SCHEMA: &str = "chancery.ready/1";

/// An identity token and where it was found. `Debug` hides it.
#[derive(Clone)]
pub struct IdentityToken {
    text: String,
    source: String,
    proof: Option<String>,
}

impl IdentityToken {
    /// Takes a token and the name of the place that gave it: `github`.
    #[must_use]
    pub fn new(text: String, source: &str) -> Self {
        Self { text, source: source.to_owned(), proof: None }
    }
    /// The token, for the `Authorization` header.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
    /// The same with a proof of possession for one request.
    #[must_use]
    pub fn with_proof(self, proof: String) -> Self {
        Self { proof: Some(proof), ..self }
    }
    /// The proof of possession, for its header.
    #[must_use]
    pub fn proof(&self) -> Option<&str> {
        self.proof.as_deref()
    }
    /// Where it was found.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityToken({}, [hidden])", self.source)
    }
}

/// No token: in words, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoToken {
    /// What went wrong; never the token.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// How `serve` was asked to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServeOptions {
    /// Whether development authorities, issuer and policy are made.
    pub dev: bool,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// The data directory; with `dev` a new temporary one unless given.
    pub data_dir: Option<PathBuf>,
    /// Address to listen on.
    pub listen: Option<String>,
}

/// What `init` was asked to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitOptions {
    /// The directory that gets configuration and governance documents.
    pub directory: PathBuf,
    /// Host name by which callers and audiences will know the service.
    pub host: String,
    /// Organisation in the names of the authorities.
    pub organisation: String,
}

/// Where an audit reads from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivePlace {
    /// A copy of the ledger as it is served, and content by its hash.
    Copies {
        /// `checkpoint`, `tile/…`.
        ledger: PathBuf,
        /// `<first two digits>/<sha256>`.
        evidence: PathBuf,
    },
    /// The data directory of an embedded service, stopped or running.
    DataDir(PathBuf),
}

/// Leaves and evidence, read only.
#[derive(Debug, Clone)]
pub struct Archive {
    /// The ledger.
    pub ledger: Rc<dyn Ledger>,
    /// What it names by hash.
    pub evidence: Rc<dyn Evidence>,
    /// The rows of a service's database, where there is one.
    pub rows: Option<Rc<dyn Rows>>,
}

/// What `backup` was asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOptions {
    /// The data directory of a service that runs or is stopped.
    pub data_dir: PathBuf,
    /// Its configuration file; looked for in the data directory and above it unless given.
    pub config: Option<PathBuf>,
    /// Where the backup goes: absent or empty, unless it goes on.
    pub to: PathBuf,
    /// Whether it goes on where one was interrupted.
    pub resume: bool,
}

/// A backup that was read back and is whole.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BackupReport {
    /// The ledger.
    pub origin: String,
    /// Its entries.
    pub size: u64,
    /// Its root.
    pub root: String,
    /// When the backup was begun, RFC 3339.
    pub made: String,
    /// How many files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Secrets that have to be kept elsewhere.
    pub left_out: Vec<String>,
}

/// Roles of the same binary that no user starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenRole {
    /// Faces the network.
    Gateway,
    /// Holds the keys.
    Keyguard,
    /// Holds one PKCS#11 module.
    Pkcs11Worker,
}

/// The one door to everything outside: time, environment, tokens, the service's roles.
pub trait Host: fmt::Debug {
    /// The moment.
    fn now(&self) -> Time;
    /// 16 random bytes.
    fn nonce(&self) -> [u8; 16];
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// The job's own token for an audience.
    fn token(&self, audience: &str) -> Result<IdentityToken, NoToken>;
    /// Container registries, with the credentials of whoever runs the command.
    fn registry(&self) -> Arc<dyn Registry>;
    /// This binary, for `demo`.
    fn program(&self) -> Result<PathBuf, Failure>;
    /// Serves until it is told to stop.
    fn serve(&self, options: &ServeOptions) -> Result<(), Failure>;
    /// Runs the keyguard on a host of its own until it is told to stop.
    fn keyguard(&self, config: &Path) -> Result<(), Failure>;
    /// Makes configuration and governance documents for a new installation; answers with the files that it made.
    fn init(&self, options: &InitOptions) -> Result<Vec<PathBuf>, Failure>;
    /// Opens what an audit reads.
    fn archive(&self, place: &ArchivePlace) -> Result<Archive, Failure>;
    /// Copies the content that a service keeps into a directory, by its hash; answers with how much there is.
    fn evidence_export(&self, data_dir: &Path, to: &Path) -> Result<u64, Failure>;
    /// Takes a backup and reads it back.
    fn backup(&self, options: &BackupOptions) -> Result<BackupReport, Failure>;
    /// Reads a backup back.
    fn backup_verify(&self, directory: &Path) -> Result<BackupReport, Failure>;
    /// Restores a backup to a directory that is absent or empty.
    fn restore(&self, from: &Path, data_dir: &Path) -> Result<BackupReport, Failure>;
    /// Runs a hidden role with its arguments; answers with its exit code.
    fn hidden(&self, role: HiddenRole, arguments: &[OsString]) -> u8;
}
