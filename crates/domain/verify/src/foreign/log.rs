//! The log entries: each must be of THIS digest, signature and verifier (T1), and held by a trusted log.
//!
//! ```text
//! bundle 0.1, Rekor v1     the promise is demanded; a proof that is there must hold too
//! bundle 0.2 and later     a proof under a signed checkpoint is demanded; a promise that is there must hold too
//! Rekor v2                 a proof under a signed checkpoint; there are no promises
//! ```
//! A time that no promise vouches for is not read.

use chancery_core::time::Time;
use chancery_core::verdict::Reason;
use chancery_format::sigstore::foreign::{Content, Entry, Proof, Version};
use chancery_ledger::merkle::{leaf_hash, verify_inclusion};
use chancery_ledger::rekor::checkpoint::ForeignCheckpoint;
use chancery_ledger::rekor::entry::{self, DigestOf, Kind, Logged, Verifier};
use chancery_ledger::rekor::promise::Promise;
use chancery_x509::key::KeyKind;

use super::content::usual_scheme;
use super::instance::Log;
use super::{Context, Signed};
use crate::checks::Failure;

/// An entry that holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    /// The log that holds it.
    pub(super) log: &'a Log,
    /// Its index: over all trees of the log where it was promised, else in the tree of its proof.
    pub(super) index: u64,
    /// When the log took it, by its promise.
    pub(super) taken: Option<Time>,
}

/// Checks every entry.
pub(super) fn check<'a>(signed: &Signed<'_>, context: &Context<'a>) -> Result<Vec<Held<'a>>, Failure> {
    if signed.bundle.entries.is_empty() {
        return Err(refuse(&"no log entry", &"a log entry"));
    }
    signed.bundle.entries.iter().map(|entry| one(signed, entry, context)).collect()
}

/// Checks that what the logs say lies in their windows: the time of the promise, else every time of the signature.
/// Says how many different logs hold it.
pub(super) fn in_windows(held: &[Held<'_>], times: &[Time]) -> Result<usize, Failure> {
    let mut distinct: Vec<&[u8]> = Vec::new();
    for entry in held {
        let window = entry.log.window();
        let taken = entry.taken;
        let moments = taken.as_ref().map_or(times, std::slice::from_ref);
        if let Some(outside) = moments.iter().find(|at| !window.contains(**at)) {
            return Err(refuse(&format!("an entry of {outside}"), &format!("the log's window {window}")));
        }
        // T2: the same key under two names is one log.
        if !distinct.contains(&entry.log.key().spki()) {
            distinct.push(entry.log.key().spki());
        }
    }
    Ok(distinct.len())
}

fn one<'a>(signed: &Signed<'_>, entry: &Entry, context: &Context<'a>) -> Result<Held<'a>, Failure> {
    let (name, version) = &entry.kind;
    let kind = Kind::of(name, version)
        .ok_or_else(|| refuse(&format!("an entry of kind {name} {version}"), &"hashedrekord or dsse"))?;
    let logged = entry::parse(kind, &entry.body).map_err(|error| refuse(&error, &"an entry of its kind"))?;
    if !is_of(&logged, signed) {
        let actual = "an entry for another digest, signature or verifier";
        return Err(refuse(&actual, &"the entry of this signature"));
    }
    has_evidence(kind, entry, signed.bundle.version)?;
    let known = context.instance.logs().iter().filter(|log| log.log_id() == entry.log_id);
    let mut failure = refuse(&"an unknown log", &"a log of the trusted root");
    for log in known {
        match held_by(log, entry) {
            Ok(held) => return Ok(held),
            Err(found) => failure = found,
        }
    }
    Err(failure)
}

/// Whether the entry is about this signature: the digest of what was signed, the signature, and who verifies it.
fn is_of(logged: &Logged, signed: &Signed<'_>) -> bool {
    let hash = |bytes: &[u8]| logged.algorithm.hash(bytes) == logged.digest;
    let same_digest = match (logged.digest_of, &signed.bundle.content, &signed.encoded) {
        (DigestOf::Signed, _, Some(encoded)) => hash(encoded),
        (DigestOf::Signed, Content::Message { .. }, None) => {
            signed.artifact.get(logged.algorithm).is_some_and(|own| own == logged.digest)
        }
        (DigestOf::Payload, Content::Dsse { payload, .. }, _) => hash(payload),
        (DigestOf::Signed, Content::Dsse { .. }, None) | (DigestOf::Payload, Content::Message { .. }, _) => {
            false
        }
    };
    let same_verifier = match (&logged.verifier, signed.certificate) {
        (Verifier::Certificate(found), Some(leaf)) => found == leaf,
        (Verifier::PublicKey(found), None) => found == signed.key.spki(),
        (Verifier::Certificate(_), None) | (Verifier::PublicKey(_), Some(_)) => false,
    };
    let details_fit = logged.key_details.as_deref().is_none_or(|details| fits(details, signed.key.kind()));
    same_digest && same_verifier && details_fit && logged.signature == signed.bundle.content.signature()
}

/// Whether a name of a scheme (`PublicKeyDetails`) is one for keys of this kind.
fn fits(details: &str, kind: KeyKind) -> bool {
    match kind {
        KeyKind::P256 => details == "PKIX_ECDSA_P256_SHA_256",
        KeyKind::P384 => ["PKIX_ECDSA_P384_SHA_384", "PKIX_ECDSA_P384_SHA_256"].contains(&details),
        KeyKind::Ed25519 => ["PKIX_ED25519", "PKIX_ED25519_PH"].contains(&details),
        KeyKind::Rsa(size) => details == format!("PKIX_RSA_PKCS1V15_{size}_SHA256"),
    }
}

fn has_evidence(kind: Kind, entry: &Entry, version: Version) -> Result<(), Failure> {
    if kind.is_v1() && version == Version::V01 {
        let has = entry.promise.is_some();
        return if has { Ok(()) } else { Err(refuse(&"no promise of inclusion", &"a promise")) };
    }
    if !kind.is_v1() && (entry.promise.is_some() || entry.integrated_time.is_some()) {
        return Err(refuse(&"a time or a promise of a log that makes none", &"neither"));
    }
    match &entry.proof {
        Some(Proof { checkpoint: Some(_), index, .. }) if kind.is_v1() || *index == entry.log_index => Ok(()),
        Some(Proof { checkpoint: Some(_), .. }) => Err(refuse(&"two indices", &"one index")),
        Some(Proof { checkpoint: None, .. }) | None => {
            Err(refuse(&"no inclusion proof with a checkpoint", &"a proof under a signed checkpoint"))
        }
    }
}

fn held_by<'a>(log: &'a Log, entry: &Entry) -> Result<Held<'a>, Failure> {
    let taken = match &entry.promise {
        Some(signature) => Some(check_promise(log, entry, signature)?),
        None => None,
    };
    if let Some(proof) = &entry.proof {
        let path =
            verify_inclusion((proof.index, proof.size), &leaf_hash(&entry.body), &proof.hashes, &proof.root);
        path.map_err(|error| refuse(&error, &"a path from the entry to the root"))?;
        if let Some(checkpoint) = &proof.checkpoint {
            check_checkpoint(log, proof, checkpoint)?;
        }
    }
    // Over all trees only a promise counts; without one the index in the tree is what was proven.
    let index = match (&entry.promise, &entry.proof) {
        (None, Some(proof)) => proof.index,
        (Some(_), _) | (None, None) => entry.log_index,
    };
    Ok(Held { log, index, taken })
}

fn check_promise(log: &Log, entry: &Entry, signature: &[u8]) -> Result<Time, Failure> {
    let expected = "a promise signed by the log";
    let time = entry.integrated_time.ok_or_else(|| refuse(&"a promise without a time", &expected))?;
    let promise = Promise {
        body: &entry.body,
        integrated_time: time,
        log_id: &log.log_id(),
        log_index: entry.log_index,
    };
    let text = promise.to_be_signed().map_err(|error| refuse(&error, &expected))?;
    verify(log, text.as_bytes(), signature).map_err(|error| refuse(&error, &expected))?;
    // INVARIANT: canonical integers have at most 53 bits.
    Ok(Time::from_seconds(i64::try_from(time).unwrap_or(i64::MAX)))
}

fn check_checkpoint(log: &Log, proof: &Proof, text: &str) -> Result<(), Failure> {
    let expected = "a checkpoint signed by the log";
    let checkpoint = ForeignCheckpoint::parse(text).map_err(|error| refuse(&error, &expected))?;
    let head = checkpoint.head();
    if head.size != proof.size || head.root != proof.root {
        return Err(refuse(&"a checkpoint of another tree", &"the root that the path leads to"));
    }
    let signature = checkpoint.signature(log.checkpoint_key()).map_err(|error| refuse(&error, &expected))?;
    verify(log, checkpoint.signed(), signature).map_err(|error| refuse(&error, &expected))
}

fn verify(log: &Log, message: &[u8], signature: &[u8]) -> Result<(), chancery_x509::key::KeyError> {
    log.key().verify(usual_scheme(log.key().kind()), message, signature)
}

fn refuse(actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display) -> Failure {
    Failure::new(Reason::NotLogged, actual, expected)
}
