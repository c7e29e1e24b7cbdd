//! Whom to trust: a `trust.json` that was named, or the service's own where the network may be used.
//!
//! Where the key of trust is known it must have signed the document. Where it is not, whoever keeps the file or serves
//! it decides whom to trust (T13), and every answer says so.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chancery_core::time::Time;
use chancery_core::verdict::Reason;
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::trust_json::{self, InvalidTrust, MAX_SIZE};
use serde_json::{Value, json};

use crate::catalogue::Code;
use crate::command::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::Host;
use crate::terminal::Shape;

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Not at all.
    Offline,
    /// The service may be asked.
    Online,
}

/// Where trust comes from, and who must have signed it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Source {
    /// Trust document; without it the service is asked.
    #[arg(long, env = "CHANCERY_TRUST", hide_env_values = true, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Key that must have signed the trust document, as `client.env` of the service names it.
    #[arg(long, env = "CHANCERY_TRUST_KEY", hide_env_values = true, value_name = "VKEY")]
    trust_key: Option<String>,
}

impl Source {
    /// As the environment says, for what has no flags.
    pub(crate) fn of_environment(host: &dyn Host) -> Self {
        let given = |name: &str| host.variable(name).filter(|value| !value.is_empty());
        Self { trust: given("CHANCERY_TRUST").map(PathBuf::from), trust_key: given("CHANCERY_TRUST_KEY") }
    }
    /// The same, with a file where none was named.
    pub(crate) fn or_file(&self, file: Option<PathBuf>) -> Self {
        Self { trust: self.trust.clone().or(file), trust_key: self.trust_key.clone() }
    }
}

/// A snapshot, and who vouches for it.
#[derive(Debug)]
pub(crate) struct Trusted {
    /// Whom to trust.
    pub(crate) snapshot: TrustSnapshot,
    /// Who said so.
    pub(crate) voucher: Voucher,
}

/// Who vouches for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Voucher {
    /// The key that was named: it signed the document.
    Key(VerifierKey),
    /// Nobody but the place that it came from.
    Place(String),
    /// Nobody but the place of a plain trusted root, which is never signed by itself.
    Root(String),
}

impl Voucher {
    /// For people, where nobody vouches.
    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Self::Key(_) => None,
            Self::Place(place) => Some(format!(
                "trust.json was not authenticated: neither --trust-key nor CHANCERY_TRUST_KEY names its key, so \
                 `{place}` alone vouches for it"
            )),
            Self::Root(place) => Some(format!(
                "a trusted root is not signed and names no revocations: whoever keeps `{place}` decides whom to trust"
            )),
        }
    }
    /// The JSON form: `{"authenticated":true,"key":"trust+…"}`.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Key(key) => json!({"authenticated": true, "key": key.to_string()}),
            Self::Place(_) | Self::Root(_) => {
                json!({"authenticated": false, "key": null, "note": self.note()})
            }
        }
    }
}

/// Loads the snapshot, from the file that is named, else from the service; tells people when nobody vouches for it.
pub(crate) fn load(source: &Source, reach: Reach, context: &mut Context<'_, '_>) -> Result<Trusted, Failure> {
    let key = source.trust_key.as_deref().map(key).transpose()?;
    let trusted = match (&source.trust, reach) {
        (Some(path), _) => parse(&read_bounded(path, MAX_SIZE)?, key, &path.display().to_string())?,
        (None, Reach::Online) if context.globals.server.is_some() => {
            let server = context.server()?;
            parse(&server.get("/v1/trust.json")?.body, key, server.address())?
        }
        (None, Reach::Offline | Reach::Online) => {
            return Err(Failure::new(Code::Trust, "no trust document is named")
                .hint("give --trust FILE or set CHANCERY_TRUST; a service hands it out at /v1/trust.json"));
        }
    };
    if let (Some(note), Shape::Text) = (trusted.voucher.note(), context.terminal.shape()) {
        context.terminal.message(&format!("note: {}\n", crate::terminal::printable(&note)));
    }
    Ok(trusted)
}

/// The key that trust must be signed by. What is named but is no such key is refused, never left out.
fn key(text: &str) -> Result<VerifierKey, Failure> {
    let parsed = VerifierKey::parse(text).ok().filter(|key| key.kind() == KeyKind::Ledger);
    parsed.ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        Failure::new(Code::Usage, format!("`{shown}` is not the key of a trust document"))
            .because(shown, "a verifier key of type 1: trust.sign.example+0123abcd+AQ…")
            .hint("give --trust-key or CHANCERY_TRUST_KEY as the service's client.env has it")
    })
}

/// The policy of a name, or a failure that lists the names.
pub(crate) fn policy<'a>(trust: &'a TrustSnapshot, name: &str) -> Result<&'a VerificationPolicy, Failure> {
    trust.policies.get(name).ok_or_else(|| {
        let names: Vec<&str> = trust.policies.keys().map(String::as_str).collect();
        let known =
            if names.is_empty() { "the trust document holds none".to_owned() } else { names.join(", ") };
        Failure::new(Code::Trust, format!("no verification policy `{name}`")).because(name, known)
    })
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: std::io::Error| Failure::file("read", path, &error);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > limit {
        return Err(Failure::file("read", path, &format!("more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Reads `--at`.
pub(crate) fn moment(text: Option<&str>, now: Time) -> Result<Time, Failure> {
    let Some(text) = text else { return Ok(now) };
    Time::parse_rfc3339(text).ok_or_else(|| {
        Failure::new(Code::Usage, format!("`{text}` is not a moment"))
            .because(text, "RFC 3339: 2026-11-20T21:47:03Z")
    })
}

fn parse(bytes: &[u8], key: Option<VerifierKey>, place: &str) -> Result<Trusted, Failure> {
    let refused = |error: &dyn std::fmt::Display| {
        Failure::new(Code::Trust, format!("trust document of `{place}`: {error}"))
    };
    let text = std::str::from_utf8(bytes).map_err(|error| refused(&error))?;
    let snapshot = trust_json::parse(text, key.as_ref()).map_err(|error| {
        if let (InvalidTrust::Signature(_), Some(key)) = (&error, &key) {
            return forged(place, key);
        }
        match std::error::Error::source(&error) {
            Some(source) => refused(&format!("{error}: {source}")),
            None => refused(&error),
        }
    })?;
    let voucher = key.map_or_else(|| Voucher::Place(place.to_owned()), Voucher::Key);
    Ok(Trusted { snapshot, voucher })
}

fn forged(place: &str, key: &VerifierKey) -> Failure {
    let what = format!("trust document of `{place}` is not signed by the key that is demanded");
    let mut failure = Failure::new(Code::Trust, what)
        .because("no signature by it that holds", format!("a signature by `{key}`"))
        .hint(
            "do not use it; fetch it again from the service, and ask who runs the service which key is right",
        );
    failure.code = Reason::TrustInvalid.code().to_owned();
    failure.exit = Exit::of_outcome(Reason::TrustInvalid.outcome());
    failure
}
