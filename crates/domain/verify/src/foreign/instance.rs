//! A Sigstore instance, as its `trusted_root.json` describes it: the public one, GitHub's, or anybody's.
//!
//! Read more liberally than our own ([`crate::trusted_root`]): both media types, logs of any key that can be verified
//! with, any address. Windows are closed intervals, and one without a start is an error. A member whose key or chain
//! cannot be used here is left out and named: less is trusted, never more.

mod wire;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::time::Time;
use chancery_ledger::note::NoteKeyId;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::VerifyingKey;

use crate::snapshot::{Stage, TrustSnapshot};
use crate::trusted_root::{Authority, CtLog, InvalidRoot, MAX_INSTANCES, MAX_SIZE, MEDIA_TYPE, TrustedRoot};
use crate::window::Window;

/// The second spelling of the media type.
const MEDIA_TYPE_V02: &str = "application/vnd.dev.sigstore.trustedroot.v0.2+json";
/// The last second that certificates can express: a plain trusted root does not expire by itself.
const NEVER: i64 = 253_402_300_799;

/// A transparency log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    key: VerifyingKey,
    log_id: Sha256,
    checkpoint_key: NoteKeyId,
    window: Window,
}

impl Log {
    /// Its key: of promises and of checkpoints.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }
    /// How bundles name it, 32 bytes.
    #[must_use]
    pub const fn log_id(&self) -> Sha256 {
        self.log_id
    }
    /// How signature lines of checkpoints name its key.
    #[must_use]
    pub const fn checkpoint_key(&self) -> NoteKeyId {
        self.checkpoint_key
    }
    /// When its word counts.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }
}

/// Everything that is trusted of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    snapshot: TrustSnapshot,
    logs: Vec<Log>,
    unusable: Vec<String>,
}

impl Instance {
    /// Reads a trusted root. Whoever calls vouches for where it came from (T13).
    pub fn parse(json: &str) -> Result<Self, InvalidRoot> {
        if json.len() > MAX_SIZE {
            return Err(InvalidRoot::Size);
        }
        let document: wire::Document =
            serde_json::from_str(json).map_err(|error| InvalidRoot::Json(short(&error)))?;
        if ![MEDIA_TYPE, MEDIA_TYPE_V02].contains(&document.media_type.as_str()) {
            return Err(InvalidRoot::MediaType(short(&document.media_type)));
        }
        let mut unusable = Vec::new();
        let logs = usable(document.tlogs, &mut unusable, read_log)?;
        let roots = TrustedRoot {
            authorities: usable(document.certificate_authorities, &mut unusable, read_authority)?,
            ct_logs: usable(document.ctlogs, &mut unusable, read_ct_log)?,
            ledgers: Vec::new(),
            timestamp_authorities: usable(document.timestamp_authorities, &mut unusable, read_authority)?,
        };
        let stage = stage(&roots)?;
        Ok(Self { snapshot: snapshot(roots, stage), logs, unusable })
    }
    /// Whether its authorities are development ones.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.snapshot.stage
    }
    /// Its logs.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }
    /// The addresses of members that were left out, because nothing can be verified with them here.
    #[must_use]
    pub fn unusable(&self) -> &[String] {
        &self.unusable
    }
    /// Authorities and CT logs, in the form that the rest of this crate checks with.
    pub(crate) const fn snapshot(&self) -> &TrustSnapshot {
        &self.snapshot
    }
}

/// Why a member does not count: it cannot be used here, or the document is wrong.
enum Refused {
    Unusable(String),
    Wrong(InvalidRoot),
}

impl From<InvalidRoot> for Refused {
    fn from(error: InvalidRoot) -> Self {
        match error {
            InvalidRoot::Chain(place) | InvalidRoot::Key(place) => Self::Unusable(place),
            InvalidRoot::Field(_)
            | InvalidRoot::Json(_)
            | InvalidRoot::LogId(_)
            | InvalidRoot::MediaType(_)
            | InvalidRoot::Origin(_)
            | InvalidRoot::Size => Self::Wrong(error),
        }
    }
}

fn usable<A, B>(
    members: Option<Vec<A>>,
    unusable: &mut Vec<String>,
    read: impl Fn(A) -> Result<B, Refused>,
) -> Result<Vec<B>, InvalidRoot> {
    let members = members.unwrap_or_default();
    if members.len() > MAX_INSTANCES {
        return Err(InvalidRoot::Size);
    }
    let mut all = Vec::with_capacity(members.len());
    for member in members {
        match read(member) {
            Ok(member) => all.push(member),
            Err(Refused::Unusable(place)) => unusable.push(place),
            Err(Refused::Wrong(error)) => return Err(error),
        }
    }
    Ok(all)
}

fn read_log(log: wire::Log) -> Result<Log, Refused> {
    let window = window(log.public_key.valid_for.as_ref())?;
    let place = short(&log.base_url.as_deref().unwrap_or("a log"));
    let stated = log.log_id.as_ref().ok_or(InvalidRoot::Field("logId"))?;
    let log_id = Sha256::from_slice(&base64(&stated.key_id)?).map_err(|_| InvalidRoot::Field("logId"))?;
    let checkpoint_key = match &log.checkpoint_key_id {
        Some(id) => base64(&id.key_id)?,
        None => log_id.as_bytes().to_vec(),
    };
    let [a, b, c, d] = *checkpoint_key.first_chunk().ok_or(InvalidRoot::Field("checkpointKeyId"))?;
    let key = verifying_key(&log.public_key, &place)?;
    if log.hash_algorithm != "SHA2_256" {
        return Err(Refused::Unusable(place));
    }
    Ok(Log { key, log_id, checkpoint_key: NoteKeyId([a, b, c, d]), window })
}

fn read_ct_log(log: wire::Log) -> Result<CtLog, Refused> {
    let window = window(log.public_key.valid_for.as_ref())?;
    let place = short(&log.base_url.as_deref().unwrap_or("a CT log"));
    Ok(CtLog::new(&place, verifying_key(&log.public_key, &place)?, window)?)
}

fn read_authority(authority: wire::Authority) -> Result<Authority, Refused> {
    let window = window(authority.valid_for.as_ref())?;
    let subject = authority.subject;
    let organization = subject.as_ref().and_then(|subject| subject.organization.as_deref());
    let common_name = subject.as_ref().and_then(|subject| subject.common_name.as_deref());
    let place = authority.uri.as_deref().or(common_name).unwrap_or("an authority");
    let certificate = |raw: &wire::Raw| {
        Certificate::parse(&base64(&raw.raw_bytes)?).map_err(|_| InvalidRoot::Chain(short(&place)))
    };
    let chain = authority.cert_chain.certificates.iter().map(certificate).collect::<Result<_, _>>()?;
    let names = (organization.unwrap_or_default(), common_name.unwrap_or_default());
    Ok(Authority::new(names, &short(&place), chain, window)?)
}

fn verifying_key(key: &wire::PublicKey, place: &str) -> Result<VerifyingKey, InvalidRoot> {
    VerifyingKey::parse(&base64(&key.raw_bytes)?).map_err(|_| InvalidRoot::Key(place.to_owned()))
}

/// The start is demanded: without it a key would count for all times.
fn window(validity: Option<&wire::Validity>) -> Result<Window, InvalidRoot> {
    const BAD: InvalidRoot = InvalidRoot::Field("validFor.start");
    let validity = validity.ok_or(BAD)?;
    let moment = |text: &String| Time::parse_rfc3339(text).ok_or(BAD);
    let end = validity.end.as_ref().map(moment).transpose()?;
    Window::new(moment(validity.start.as_ref().ok_or(BAD)?)?, end).ok_or(InvalidRoot::Field("validFor"))
}

/// Development authorities and others are never in one root.
fn stage(roots: &TrustedRoot) -> Result<Stage, InvalidRoot> {
    let authorities = roots.authorities.iter().chain(&roots.timestamp_authorities);
    let mut of_development = authorities.map(|authority| authority.chain().iter().any(Certificate::is_dev));
    let first = of_development.next().unwrap_or(false);
    if of_development.any(|other| other != first) {
        return Err(InvalidRoot::Field("certificateAuthorities: development and other authorities"));
    }
    Ok(if first { Stage::Development } else { Stage::Real })
}

fn snapshot(roots: TrustedRoot, stage: Stage) -> TrustSnapshot {
    TrustSnapshot {
        environment: environment(stage),
        stage,
        taken_at: Time::from_seconds(0),
        expires: Time::from_seconds(NEVER),
        roots,
        cosigners: Vec::new(),
        quorum: 0,
        native_roots: Vec::new(),
        revocations: Vec::new(),
        revocation_lists: Vec::new(),
        policies: std::collections::BTreeMap::new(),
    }
}

const fn environment(stage: Stage) -> Environment {
    match stage {
        Stage::Development => Environment::Development,
        Stage::Real => Environment::Production,
    }
}

fn base64(text: &str) -> Result<Vec<u8>, InvalidRoot> {
    STANDARD.decode(text).map_err(|_| InvalidRoot::Field("rawBytes or keyId"))
}

fn short(text: &dyn std::fmt::Display) -> String {
    text.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect()
}
