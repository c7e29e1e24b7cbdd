//! Whom to trust: a `trust.json` that was named, or the service's own where the network may be used.

use std::io::Read as _;
use std::path::Path;

use chancery_core::time::Time;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::trust_json::{self, MAX_SIZE};

use crate::arguments::Globals;
use crate::catalogue::Code;
use crate::client::Server;
use crate::failure::Failure;
use crate::host::Host;

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Not at all.
    Offline,
    /// The service may be asked.
    Online,
}

/// Loads the snapshot: from `file`, else from the service.
pub(crate) fn load(
    file: Option<&Path>,
    reach: Reach,
    globals: &Globals,
    host: &dyn Host,
) -> Result<TrustSnapshot, Failure> {
    match (file, reach) {
        (Some(path), _) => parse(&read_bounded(path, MAX_SIZE)?, &path.display().to_string()),
        (None, Reach::Online) if globals.server.is_some() => fetch(&Server::new(globals, host)?),
        (None, Reach::Offline | Reach::Online) => {
            Err(Failure::new(Code::Trust, "no trust document is named")
                .hint("give --trust FILE or set CHANCERY_TRUST; a service hands it out at /v1/trust.json"))
        }
    }
}

/// Asks the service. What vouches for it is the connection: TLS, or this machine.
pub(crate) fn fetch(server: &Server) -> Result<TrustSnapshot, Failure> {
    parse(&server.get("/v1/trust.json")?.body, server.address())
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

fn parse(bytes: &[u8], place: &str) -> Result<TrustSnapshot, Failure> {
    let refused = |error: &dyn std::fmt::Display| {
        Failure::new(Code::Trust, format!("trust document of `{place}`: {error}"))
    };
    let text = std::str::from_utf8(bytes).map_err(|error| refused(&error))?;
    trust_json::parse(text, None).map_err(|error| match std::error::Error::source(&error) {
        Some(source) => refused(&format!("{error}: {source}")),
        None => refused(&error),
    })
}
