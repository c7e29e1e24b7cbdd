//! Sigstore's `trusted_root.json`, media type version 0.1: what unmodified clients read.
//!
//! ```json
//! {"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1",
//!  "tlogs":[{"baseUrl":"https://log2026.sign.example","hashAlgorithm":"SHA2_256",
//!    "publicKey":{"rawBytes":"…","keyDetails":"PKIX_ED25519","validFor":{"start":"2026-01-01T00:00:00Z"}},
//!    "logId":{"keyId":"…"}}],
//!  "certificateAuthorities":[{"subject":{"organization":"…","commonName":"…"},"uri":"https://sign.example",
//!    "certChain":{"certificates":[{"rawBytes":"…"}]},"validFor":{"start":"…"}}],
//!  "ctlogs":[…],"timestampAuthorities":[…]}
//! ```
//! `logId` and `validFor.start` are always written, and demanded: clients fail without them. Version 0.2 of the media
//! type, which the specification asks for, is refused by two mainstream clients. Retired instances stay listed.

mod wire;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_ledger::hashedrekord::key_details;
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_x509::certificate::Certificate;
use chancery_x509::key::VerifyingKey;

use crate::window::Window;

/// The media type that all clients accept.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
/// Largest document in bytes.
pub const MAX_SIZE: usize = 1 << 20;
/// Most instances of one kind.
pub const MAX_INSTANCES: usize = 64;
/// Most certificates in one chain.
pub const MAX_CHAIN: usize = 6;

const ED25519_DETAILS: &str = "PKIX_ED25519";

/// A trusted root that cannot be used as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoot {
    /// A chain that is empty, too long, does not parse, or does not end in a self-issued certificate.
    #[error("certificate chain of `{0}` cannot be used")]
    Chain(String),
    /// A member that is missing or malformed.
    #[error("{0} is missing or malformed")]
    Field(&'static str),
    /// Syntax, unknown or duplicate member, wrong type.
    #[error("not the JSON of a trusted root: {0}")]
    Json(String),
    /// A key of another kind than the member needs.
    #[error("key of `{0}` cannot be used")]
    Key(String),
    /// The stated log id is not that of the key.
    #[error("log id of `{0}` is not that of its key")]
    LogId(String),
    /// Another media type.
    #[error("media type `{0}` is not supported")]
    MediaType(String),
    /// The host of the address is not the ledger's name: clients could not find the key.
    #[error("address `{0}` does not name the ledger's origin")]
    Origin(String),
    /// More than [`MAX_INSTANCES`] of one kind, or [`MAX_SIZE`] bytes.
    #[error("too large")]
    Size,
}

/// A certificate authority, of code signing or of time stamping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    organization: String,
    common_name: String,
    uri: String,
    chain: Vec<Certificate>,
    window: Window,
}

impl Authority {
    /// Names an authority. `chain` runs from the issuing certificate (for a TSA: from its own) to the self-issued root.
    pub fn new(
        (organization, common_name): (&str, &str),
        uri: &str,
        chain: Vec<Certificate>,
        window: Window,
    ) -> Result<Self, InvalidRoot> {
        let fits = chain.len() <= MAX_CHAIN && chain.last().is_some_and(Certificate::is_self_issued);
        if !fits {
            return Err(InvalidRoot::Chain(short(&uri)));
        }
        let (organization, common_name) = (organization.to_owned(), common_name.to_owned());
        Ok(Self { organization, common_name, uri: uri.to_owned(), chain, window })
    }
    /// The certificates, nearest to the leaf first, the root last; never empty.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }
    /// The self-issued root, as a slice of one.
    #[must_use]
    pub fn root(&self) -> &[Certificate] {
        self.chain.len().checked_sub(1).and_then(|last| self.chain.get(last..)).unwrap_or_default()
    }
    /// The certificates below the root.
    #[must_use]
    pub fn below_root(&self) -> &[Certificate] {
        self.chain.split_last().map_or(&[], |(_, below)| below)
    }
    /// When its work counts.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }
}

/// A CT log's key, P-256 or P-384.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtLog {
    base_url: String,
    key: VerifyingKey,
    algorithm: KeyAlgorithm,
    window: Window,
}

impl CtLog {
    /// Names a CT log. Errors when the key is neither P-256 nor P-384.
    pub fn new(base_url: &str, key: VerifyingKey, window: Window) -> Result<Self, InvalidRoot> {
        let algorithm = match key.signing_key().map(|key| key.algorithm) {
            Some(found @ (KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384)) => found,
            Some(KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096) | None => {
                return Err(InvalidRoot::Key(short(&base_url)));
            }
        };
        Ok(Self { base_url: base_url.to_owned(), key, algorithm, window })
    }
    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }
    /// SHA-256 of its SubjectPublicKeyInfo (RFC 6962 §3.2).
    #[must_use]
    pub fn log_id(&self) -> Sha256 {
        self.key.fingerprint()
    }
    /// When its SCTs count.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }
}

/// A ledger: its address and the key that signs its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    base_url: String,
    key: VerifierKey,
    window: Window,
}

impl Ledger {
    /// Names a ledger. Errors when the host of the address is not the key's name, or the key is a cosigner's.
    pub fn new(base_url: &str, key: VerifierKey, window: Window) -> Result<Self, InvalidRoot> {
        if key.kind() != KeyKind::Ledger {
            return Err(InvalidRoot::Key(short(&base_url)));
        }
        if host(base_url) != Some(key.name().as_str()) {
            return Err(InvalidRoot::Origin(short(&base_url)));
        }
        Ok(Self { base_url: base_url.to_owned(), key, window })
    }
    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }
    /// When its checkpoints count.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }
}

/// The four lists of a trusted root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedRoot {
    /// Code signing.
    pub authorities: Vec<Authority>,
    /// CT logs.
    pub ct_logs: Vec<CtLog>,
    /// Ledgers.
    pub ledgers: Vec<Ledger>,
    /// Time stamping.
    pub timestamp_authorities: Vec<Authority>,
}

impl TrustedRoot {
    /// Reads the document, strictly.
    pub fn parse(json: &str) -> Result<Self, InvalidRoot> {
        if json.len() > MAX_SIZE {
            return Err(InvalidRoot::Size);
        }
        // Read as structs first: a JSON value would let the last of two equal members win.
        drop(serde_json::from_str::<wire::Document>(json).map_err(|error| InvalidRoot::Json(short(&error)))?);
        Self::from_value(serde_json::from_str(json).map_err(|error| InvalidRoot::Json(short(&error)))?)
    }
    /// Writes the document: the same bytes for the same root.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: structs of text always serialise.
        serde_json::to_string(&self.to_wire()).unwrap_or_default()
    }

    /// The same with every window open at its end: as it was before anything was retired or distrusted.
    #[must_use]
    pub fn without_ends(mut self) -> Self {
        let open = |window: &mut Window| *window = window.without_end();
        self.authorities.iter_mut().for_each(|one| open(&mut one.window));
        self.ct_logs.iter_mut().for_each(|one| open(&mut one.window));
        self.ledgers.iter_mut().for_each(|one| open(&mut one.window));
        self.timestamp_authorities.iter_mut().for_each(|one| open(&mut one.window));
        self
    }

    fn from_wire(document: wire::Document) -> Result<Self, InvalidRoot> {
        if document.media_type != MEDIA_TYPE {
            return Err(InvalidRoot::MediaType(short(&document.media_type)));
        }
        let sizes = [
            document.tlogs.len(),
            document.certificate_authorities.len(),
            document.ctlogs.len(),
            document.timestamp_authorities.len(),
        ];
        if sizes.iter().any(|size| *size > MAX_INSTANCES) {
            return Err(InvalidRoot::Size);
        }
        Ok(Self {
            authorities: all(document.certificate_authorities, Authority::from_wire)?,
            ct_logs: all(document.ctlogs, CtLog::from_wire)?,
            ledgers: all(document.tlogs, Ledger::from_wire)?,
            timestamp_authorities: all(document.timestamp_authorities, Authority::from_wire)?,
        })
    }
    fn to_wire(&self) -> wire::Document {
        wire::Document {
            media_type: MEDIA_TYPE.into(),
            tlogs: self.ledgers.iter().map(Ledger::to_wire).collect(),
            certificate_authorities: self.authorities.iter().map(Authority::to_wire).collect(),
            ctlogs: self.ct_logs.iter().map(CtLog::to_wire).collect(),
            timestamp_authorities: self.timestamp_authorities.iter().map(Authority::to_wire).collect(),
        }
    }
    /// The document as a JSON value, for documents that wrap it.
    pub(crate) fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self.to_wire()).unwrap_or_default()
    }
    /// Reads the document from a JSON value.
    pub(crate) fn from_value(value: serde_json::Value) -> Result<Self, InvalidRoot> {
        let document: wire::Document =
            serde_json::from_value(value.clone()).map_err(|error| InvalidRoot::Json(short(&error)))?;
        // A struct may also be read from an array, an absent member from `null`: spellings that others refuse.
        if serde_json::to_value(&document).ok() != Some(value) {
            return Err(InvalidRoot::Json("a member has an unusual spelling".into()));
        }
        Self::from_wire(document)
    }
}

impl Authority {
    fn from_wire(read: wire::Authority) -> Result<Self, InvalidRoot> {
        let chain = all(read.cert_chain.certificates, |raw| {
            Certificate::parse(&base64(&raw.raw_bytes)?).map_err(|_| InvalidRoot::Chain(short(&read.uri)))
        })?;
        let window = read.valid_for.window()?;
        Self::new((&read.subject.organization, &read.subject.common_name), &read.uri, chain, window)
    }
    fn to_wire(&self) -> wire::Authority {
        let raw = |certificate: &Certificate| wire::Raw { raw_bytes: STANDARD.encode(certificate.as_der()) };
        wire::Authority {
            subject: wire::Subject {
                organization: self.organization.clone(),
                common_name: self.common_name.clone(),
            },
            uri: self.uri.clone(),
            cert_chain: wire::Chain { certificates: self.chain.iter().map(raw).collect() },
            valid_for: wire::Validity::of(self.window),
            operator: None,
        }
    }
}

impl CtLog {
    fn from_wire(read: wire::Log) -> Result<Self, InvalidRoot> {
        let key = VerifyingKey::parse(&base64(&read.public_key.raw_bytes)?)
            .map_err(|_| InvalidRoot::Key(short(&read.base_url)))?;
        let log = Self::new(&read.base_url, key, read.public_key.valid_for.window()?)?;
        if key_details(log.algorithm).ok() != Some(read.public_key.key_details.as_str()) {
            return Err(InvalidRoot::Field("keyDetails"));
        }
        read.check(&log.log_id())?;
        Ok(log)
    }
    fn to_wire(&self) -> wire::Log {
        let details = key_details(self.algorithm).unwrap_or_default();
        wire::Log::of(&self.base_url, (self.key.spki(), details), &self.log_id(), self.window)
    }
}

impl Ledger {
    fn from_wire(read: wire::Log) -> Result<Self, InvalidRoot> {
        if read.public_key.key_details != ED25519_DETAILS {
            return Err(InvalidRoot::Key(short(&read.base_url)));
        }
        let spki = base64(&read.public_key.raw_bytes)?;
        let name = host(&read.base_url).ok_or_else(|| InvalidRoot::Origin(short(&read.base_url)))?;
        let name = chancery_ledger::note::KeyName::parse(name)
            .map_err(|_| InvalidRoot::Origin(short(&read.base_url)))?;
        let key =
            VerifierKey::from_spki(name, &spki).ok_or_else(|| InvalidRoot::Key(short(&read.base_url)))?;
        read.check(&key.log_id())?;
        Self::new(&read.base_url, key, read.public_key.valid_for.window()?)
    }
    fn to_wire(&self) -> wire::Log {
        wire::Log::of(&self.base_url, (&self.key.spki(), ED25519_DETAILS), &self.key.log_id(), self.window)
    }
}

/// The host of an address without its port: what Sigstore clients take as the name of the checkpoint's key.
fn host(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.split(':').next()?;
    (!host.is_empty() && !authority.contains('@')).then_some(host)
}

fn all<A, B>(items: Vec<A>, read: impl Fn(A) -> Result<B, InvalidRoot>) -> Result<Vec<B>, InvalidRoot> {
    items.into_iter().map(read).collect()
}

fn base64(text: &str) -> Result<Vec<u8>, InvalidRoot> {
    STANDARD.decode(text).map_err(|_| InvalidRoot::Field("rawBytes"))
}

fn short(text: &dyn std::fmt::Display) -> String {
    text.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect()
}
