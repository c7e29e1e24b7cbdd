//! The messages between gateway and keyguard. The same over a socket pair and over mTLS between two hosts.
//!
//! Every frame is a 32-bit big-endian length and that many bytes of JSON (at most [`MAX_FRAME`]):
//! `{"id":7,"call":{"sign":{…}}}` and, in any order, `{"id":7,"reply":{"ordered":[…]}}`.

use crate::digest::DigestAlgorithm;
use crate::id::{KeyId, PolicyVersion};
use crate::instance::{InstanceKind, TrustList};
use crate::order::{Orders, base64_bytes};
use crate::port::cosigner::{CosignError, Follow};
use crate::port::custodian::{KeyDescription, KeySpec, Signature};
use crate::refusal::Refusal;
use crate::time::Time;
use crate::tunnel::{FetchedKeys, KeysWish, Piped, Tunnel};

/// Both sides must say the same; a mixed upgrade is refused in words instead of misunderstood.
pub const PROTOCOL: u32 = 4;
/// Largest frame in bytes; a policy of 2,000 files is the largest message.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

/// What the gateway asks.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Call {
    /// First message on a connection.
    Hello {
        /// [`PROTOCOL`] of the gateway.
        protocol: u32,
    },
    /// Creates all keys and authorities, once in the life of an installation.
    Initialise(Initialise),
    /// New leaves to follow, and a checkpoint to cosign.
    Follow(Follow),
    /// The documents of a policy version that the ledger names.
    Policy {
        /// Canonical governance documents; their SHA-256 must be the version that the keyguard saw in the ledger.
        documents: String,
        /// Header and signatures, canonical JSON; their SHA-256 must be the one that the ledger names with it.
        signatures: String,
    },
    /// An issuer's keys, from the keyguard's cache or through a tunnel.
    IssuerKeys(KeysWish),
    /// Bytes that came through a tunnel.
    Tunnel(Piped),
    /// An act that the ledger names, with its signatures.
    Act {
        /// Document and signatures, canonical JSON.
        act: String,
    },
    /// What acts have left in force.
    Book,
    /// A request that a builder shows, and how it stands.
    Witness(Box<crate::witness::Shown>),
    /// Orders for signatures of one request.
    Sign(Box<Orders>),
    /// A timestamp by the built-in authority.
    Stamp(Stamp),
    /// Makes a key for artifacts.
    KeyCreate(KeySpec),
    /// Stops a key.
    KeyDisable(KeyId),
    /// All keys.
    KeyList,
    /// A long-lived code-signing certificate for a key of the built-in CA.
    CertificateIssue(CertificateIssue),
    /// The certificate chain of a key, leaf first; empty when it has none.
    CertificateShow(KeyId),
    /// The authorities' certificates and public keys.
    Authorities,
    /// A trust snapshot to sign.
    TrustSign {
        /// `trust.json` without signatures, canonical; what it trusts must be the keyguard's own.
        document: String,
    },
    /// Makes the next instance of a kind, which nobody believes before an act `trust` lists it. One that waits already is
    /// shown again.
    Successor(InstanceKind),
    /// The gateway made the next key of the ledger; nobody believes it before an act `trust` lists it. While one waits, that
    /// one is shown again.
    LedgerSuccessor {
        /// Its verifier key (C2SP vkey), named as the ledger.
        vkey: String,
    },
    /// The TUF repository, renewed where that is due.
    Tuf,
    /// Custodians, sandbox, policy: what `doctor` shows.
    Health,
}

/// What the keyguard answers.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reply {
    /// To `Hello`.
    Hello(Hello),
    /// To `Initialise`, `Authorities`, `Successor` and `LedgerSuccessor`.
    Authorities(Box<Authorities>),
    /// To `Follow`: the cosignature's note line.
    Cosigned(String),
    /// To `Follow`, when it did not.
    NotCosigned(CosignError),
    /// To `Policy`: the version that is in force now.
    Policy(PolicyVersion),
    /// To `IssuerKeys` and `Tunnel`: the keys are here.
    IssuerKeys(Box<FetchedKeys>),
    /// To `IssuerKeys` and `Tunnel`: bytes to pipe.
    Tunnel(Tunnel),
    /// To `Act` and `Book`.
    Book(Box<Book>),
    /// To `Witness`.
    Witnessed(Box<crate::witness::Witnessed>),
    /// To `Sign`: what each order came to, in their order.
    Ordered(Vec<Ordered>),
    /// To `Stamp`: a TimeStampResp, DER.
    Stamped(#[serde(with = "base64_bytes")] Vec<u8>),
    /// To `KeyCreate` and `KeyDisable`.
    Key(Box<KeyDescription>),
    /// To `KeyList`.
    Keys(Vec<KeyDescription>),
    /// To `CertificateIssue` and `CertificateShow`: leaf first, DER.
    Chain(Vec<Der>),
    /// To `TrustSign`: the signature's note line.
    TrustSigned(String),
    /// To `Tuf`.
    Tuf(Box<crate::tuf::Repository>),
    /// To `Health`.
    Healthy(Vec<ReportLine>),
    /// It will not: the caller's fault or policy.
    Refused(Box<Refusal>),
    /// It could not now; safe to try again (exit 75).
    Unavailable(String),
    /// It could not, and trying again will not help.
    Failed(String),
}

/// What acts have left in force, as the keyguard keeps it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// Freezes and exceptions: the policy's own JSON.
    pub book: String,
    /// Acts that the ledger names and whose signatures have not been shown yet.
    pub waiting: Vec<crate::digest::Sha256>,
}

/// A DER structure, base64 in JSON.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Der(#[serde(with = "base64_bytes")] pub Vec<u8>);

/// What the keyguard says of itself.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// [`PROTOCOL`] of the keyguard.
    pub protocol: u32,
    /// Whether keys and authorities exist.
    pub initialised: bool,
    /// The ledger size that it has seen.
    pub ledger_size: u64,
    /// The policy version that the ledger named last.
    pub policy: Option<PolicyVersion>,
    /// The policy version whose documents it holds.
    pub policy_loaded: Option<PolicyVersion>,
    /// The act under which a restored ledger goes on, while its event is awaited.
    #[serde(default)]
    pub reanchor: Option<String>,
}

/// What a new installation is called.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Initialise {
    /// Organisation in the authorities' names.
    pub organisation: String,
    /// Marks every authority as a development one: DO NOT TRUST in the name, and the marker extension.
    pub dev: bool,
    /// The ledger's verifier key (C2SP vkey), pinned from now on.
    pub ledger_vkey: String,
    /// SHA-256 of the first root document, pinned from now on: entry 0 of the ledger carries it.
    pub root: crate::digest::Sha256,
    /// The keys for artifacts to make.
    pub keys: Vec<KeySpec>,
    /// Seed for serial numbers, 32 bytes.
    #[serde(with = "base64_bytes")]
    pub seed: Vec<u8>,
}

/// What makes an installation recognisable: public material only.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorities {
    /// Self-signed root of code signing.
    pub root: Der,
    /// Issuing CA under it.
    pub issuing: Der,
    /// Self-signed root of time stamping.
    pub tsa_root: Der,
    /// The time stamping certificate under it.
    pub tsa: Der,
    /// The CT log's key, SubjectPublicKeyInfo.
    pub ct_key: Der,
    /// The keyguard's cosigning verifier key (C2SP vkey).
    pub cosigner_vkey: String,
    /// The verifier key of `trust.json` (C2SP vkey, type 0x01).
    pub trust_vkey: String,
    /// When they were made.
    pub created: Time,
    /// Organisation in their names.
    pub organisation: String,
    /// Whether they are development authorities.
    pub dev: bool,
    /// What was made after them to take over, listed or not, in the order in which it was made.
    #[serde(default)]
    pub successors: Vec<Successor>,
    /// The list that people signed last.
    #[serde(default)]
    pub listed: Option<Listed>,
}

impl Authorities {
    /// From when on each of the ledger's keys is used, by its log id; empty where nobody signed a list.
    #[must_use]
    pub fn ledger_uses(&self) -> Vec<Use> {
        let Some(Listed { list, uses, .. }) = &self.listed else { return Vec::new() };
        uses.iter().filter(|used| list.find(InstanceKind::Ledger, used.id).is_some()).copied().collect()
    }
}

/// An instance that was made after the first of its kind.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Successor {
    /// What it does.
    pub kind: InstanceKind,
    /// Its key.
    pub key: KeyId,
    /// Its certificate, or its SubjectPublicKeyInfo (`ct`, `ledger`).
    pub der: Der,
    /// When it was made.
    pub created: Time,
}

/// A list that enough people signed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// What is believed, and when.
    pub list: TrustList,
    /// SHA-256 of the act that it stands in.
    pub act: crate::digest::Sha256,
    /// From when on each instance is used, if it is one of ours.
    pub uses: Vec<Use>,
}

/// From when on an instance is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// The instance.
    pub id: crate::digest::Sha256,
    /// First moment: gateway and keyguard change over at the same one.
    pub from: Time,
}

/// A timestamp request to the built-in authority.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// The request as received or built: TimeStampReq, DER (RFC 3161 §2.4.1).
    #[serde(with = "base64_bytes")]
    pub request: Vec<u8>,
    /// Serial number for the token, at most 16 bytes.
    #[serde(with = "base64_bytes")]
    pub serial: Vec<u8>,
    /// The digest that the gateway expects in it; logs and metrics name it.
    pub digest: DigestAlgorithm,
}

/// A long-lived certificate for a key.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateIssue {
    /// The key that it certifies; of family `cms` or `notary`.
    pub key: KeyId,
    /// Common name.
    pub common_name: String,
    /// Country, two capital letters; Notary's trusted identities need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// State or province, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Where the authority's revocation list is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl: Option<String>,
    /// Life in days, at most 460 (CSBR 6.3.2).
    pub days: u32,
    /// Serial number, 16 bytes.
    #[serde(with = "base64_bytes")]
    pub serial: Vec<u8>,
}

/// What one order came to. As in [`Reply`], and apart from it, because each statement of a request has its own fate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ordered {
    /// Signed.
    Signed(Box<Signed>),
    /// It will not: the caller's fault or policy.
    Refused(Box<Refusal>),
    /// It could not now; safe to try again (exit 75).
    Unavailable(String),
    /// It could not, and trying again will not help.
    Failed(String),
}

/// A signature with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The signature over the statement's bytes.
    pub signature: Signature,
    /// The identity leaf, DER, where the format uses one; else the certificate chain of the key, leaf first.
    pub chain: Vec<Der>,
    /// RFC 3161 token over the signature, where one was ordered and the authority could stamp.
    pub timestamp: Option<Der>,
    /// When the keyguard signed, by its own clock.
    pub at: Time,
}

/// One line of a health report, for `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportLine {
    /// What was looked at: `seccomp`, `custodian software`.
    pub item: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// In words.
    pub detail: String,
}

/// A call with its number.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFrame {
    /// Unique on the connection.
    pub id: u64,
    /// The call.
    pub call: Call,
}

/// A reply with the number of its call.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyFrame {
    /// The call's number.
    pub id: u64,
    /// The reply.
    pub reply: Reply,
}
