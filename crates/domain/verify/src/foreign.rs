//! Verification of what another Sigstore made: the public one, GitHub's, or any other, by its trusted root alone.
//!
//! ```text
//! 1 structure   a bundle of version 0.1, 0.2 or 0.3 and its certificate parse strictly; no root comes along
//! 2 digest      the artifact is what the content names              coverage: the whole artifact, by that digest
//! 3 signature   the signer's key signed exactly the content
//! 4 ledger      every entry is of this digest, signature and verifier, and held by a trusted log in its window
//! 5 timestamp   every RFC 3161 token holds; there is a time of an authority, or one that a log's promise vouches for
//! 6 chain       the certificate leads to an authority at every one of these times; its SCT holds
//! 7 purpose     it is for signing code
//! 8 identity    issuer, identity and predicate are the expected ones; or the key is
//! ```
//! What our own service signs is judged by [`crate::sigstore`], which is stricter: a plain trusted root knows neither
//! revocations nor cosigners, and says nothing about its own age.

mod content;
mod expected;
mod instance;
mod log;

use chancery_core::environment::Environment;
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, Reason, Signer as Shown, Verdict};
use chancery_format::sigstore::foreign::{ForeignBundle, Material};
use chancery_format::sigstore::pep740;
use chancery_x509::certificate::Certificate;
use chancery_x509::extension::AltName;
use chancery_x509::fulcio;
use chancery_x509::key::VerifyingKey;
use chancery_x509::tsp::verify::VerifiedTimestamp;

pub use expected::{Digests, Expected, Hashing, Signer};
pub use instance::{Instance, Log};

use crate::checks::{Failure, Recorder};
use crate::policy::VerificationPolicy;
use crate::sigstore::{self, About, identity, time};
use crate::snapshot::SKEW_SECONDS;
use crate::verify;

/// What a verdict depends on besides the evidence.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Whom to trust.
    pub instance: &'a Instance,
    /// Who must have signed.
    pub expected: &'a Expected,
    /// Now, given by the caller.
    pub at: Time,
}

/// A bundle with what verifies it, before anything about it is believed.
struct Signed<'a> {
    artifact: &'a Digests,
    bundle: &'a ForeignBundle,
    /// The encoding of an envelope; absent where the artifact itself was signed.
    encoded: Option<Vec<u8>>,
    key: &'a VerifyingKey,
    /// DER; absent where the key is known from elsewhere.
    certificate: Option<&'a [u8]>,
}

/// Judges a bundle.
pub(crate) fn bundle(artifact: &Digests, json: &[u8], context: &Context<'_>) -> Verdict {
    let converted = pep740::is_one(json).then(|| pep740::to_bundle(json)).transpose();
    let converted = match converted {
        Ok(converted) => converted,
        Err(error) => return malformed(&error, by_certificate()),
    };
    let bundle = match ForeignBundle::parse(converted.as_deref().unwrap_or(json)) {
        Ok(bundle) => bundle,
        Err(error) => return malformed(&error, by_certificate()),
    };
    match (&bundle.material, &context.expected.signer) {
        (Material::Certificates(chain), Signer::Identity { .. } | Signer::Named(_)) => {
            certified(artifact, &bundle, chain, context)
        }
        (Material::PublicKey { .. }, Signer::Key(key)) => keyed(artifact, &bundle, key, context),
        (Material::Certificates(_), Signer::Key(_)) => {
            unexpected(&"signed with a certificate", &"a signature by the expected key")
        }
        (Material::PublicKey { .. }, Signer::Identity { .. } | Signer::Named(_)) => {
            unexpected(&"signed with a key that the bundle does not hold", &"the expected identity")
        }
    }
}

/// What must pass where there is a certificate. A trusted root names no revocations, so that check is not made.
fn by_certificate() -> Vec<CheckName> {
    CheckName::ALL.into_iter().filter(|name| *name != CheckName::Revocation).collect()
}

/// What must pass where the key is known: it has no certificate.
fn by_key() -> Vec<CheckName> {
    let without = [CheckName::Chain, CheckName::Purpose];
    by_certificate().into_iter().filter(|name| !without.contains(name)).collect()
}

fn certified(
    artifact: &Digests,
    bundle: &ForeignBundle,
    chain: &[Vec<u8>],
    context: &Context<'_>,
) -> Verdict {
    let parsed: Result<Vec<Certificate>, _> = chain.iter().map(|der| Certificate::parse(der)).collect();
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return malformed(&error, by_certificate()),
    };
    let Some(leaf) = parsed.first() else { return malformed(&"no certificate", by_certificate()) };
    // Who signs does not say whom to trust: a root may not come along, and issuers only where they are known.
    if parsed.iter().any(Certificate::is_self_issued) {
        return malformed(&"a bundle with a root certificate", by_certificate());
    }
    if parsed.iter().skip(1).any(|issuer| !is_known(issuer, context)) {
        return malformed(&"a bundle with an issuer that the trusted root does not hold", by_certificate());
    }
    let mut recorder = Recorder::default();
    recorder.pass(CheckName::Structure);
    recorder.skip(CheckName::Revocation, "a trusted root names no revocations");
    let mut shown = shown(leaf);
    let key = match leaf.key() {
        Ok(key) => key,
        Err(error) => {
            let failure = Failure::new(Reason::Unsupported, &error, &"a key of ECDSA, Ed25519 or RSA");
            recorder.fail(CheckName::Signature, failure);
            return recorder.finish(by_certificate(), shown);
        }
    };
    let encoded = bundle.content.encoded();
    let signed = Signed { artifact, bundle, encoded, key, certificate: Some(leaf.as_der()) };
    let (about, times) = judge(&signed, &mut recorder, &mut shown, context);
    let policy = policy(context);
    let inner = verify::Context { trust: context.instance.snapshot(), policy: &policy, at: context.at };
    if let Some(chain) = identity::check_chain(leaf, &times, &inner, &mut recorder) {
        let outcome = match name(chain.leaf()) {
            Some(found) => {
                let said = (context.expected.format, about.as_ref());
                identity::check_named(found, chain.leaf(), said, &inner)
                    .and_then(|()| sigstore::check_holder(chain.leaf(), about.as_ref()))
            }
            None => Err(identity::unnamed(&inner)),
        };
        recorder.record(CheckName::Identity, outcome);
    }
    recorder.finish(by_certificate(), shown)
}

fn keyed(artifact: &Digests, bundle: &ForeignBundle, key: &VerifyingKey, context: &Context<'_>) -> Verdict {
    let mut recorder = Recorder::default();
    recorder.pass(CheckName::Structure);
    recorder.skip(CheckName::Revocation, "a trusted root names no revocations");
    recorder.skip(CheckName::Chain, "the key itself is trusted");
    recorder.skip(CheckName::Purpose, "the key itself is trusted");
    let mut shown = Shown::default();
    let signed = Signed { artifact, bundle, encoded: bundle.content.encoded(), key, certificate: None };
    let (about, _) = judge(&signed, &mut recorder, &mut shown, context);
    let policy = policy(context);
    let inner = verify::Context { trust: context.instance.snapshot(), policy: &policy, at: context.at };
    // That the key is the expected one is the signature's matter; what it says is not.
    recorder.record(
        CheckName::Identity,
        identity::check_predicate(context.expected.format, about.as_ref(), &inner),
    );
    recorder.finish(by_key(), shown)
}

/// Everything that does not depend on who the signer is. Answers with what was signed, and when.
fn judge(
    signed: &Signed<'_>,
    recorder: &mut Recorder,
    shown: &mut Shown,
    context: &Context<'_>,
) -> (Option<About>, Vec<Time>) {
    let about = content::check_digest(signed, recorder);
    shown.predicate = about.as_ref().and_then(About::predicate);
    recorder.record(CheckName::Signature, content::check_signature(signed));
    let held = recorder.record(CheckName::Ledger, log::check(signed, context)).unwrap_or_default();
    let times = recorder.record(CheckName::Timestamp, check_times(signed, &held, context));
    let times = times.unwrap_or_default();
    shown.signed_at = times.iter().min().copied();
    if !held.is_empty() {
        recorder.record(CheckName::Ledger, check_logs(&held, &times, context));
        shown.ledger_index = held.first().map(|entry| entry.index);
    }
    (about, times)
}

fn check_logs(held: &[log::Held<'_>], times: &[Time], context: &Context<'_>) -> Result<(), Failure> {
    let found = log::in_windows(held, times)?;
    let wanted = context.expected.logs.max(1);
    if found >= wanted {
        return Ok(());
    }
    Err(Failure::new(Reason::NotLogged, &format!("{found} logs"), &format!("{wanted} different logs")))
}

/// Every token must hold, and enough different authorities and logs must have said when it was (T2, T3).
fn check_times(
    signed: &Signed<'_>,
    held: &[log::Held<'_>],
    context: &Context<'_>,
) -> Result<Vec<Time>, Failure> {
    let policy = policy(context);
    let inner = verify::Context { trust: context.instance.snapshot(), policy: &policy, at: context.at };
    let stamps = time::all(&signed.bundle.timestamps, signed.bundle.content.signature(), &inner)?;
    let mut times: Vec<Time> = stamps.iter().map(VerifiedTimestamp::gen_time).collect();
    let mut sources: Vec<&[u8]> = Vec::new();
    let by_logs = held.iter().filter(|entry| entry.taken.is_some()).map(|entry| entry.log.key().spki());
    for source in stamps.iter().map(|stamp| stamp.authority().spki()).chain(by_logs) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    times.extend(held.iter().filter_map(|entry| entry.taken));
    let latest = context.at.plus_seconds(SKEW_SECONDS);
    if let Some(future) = times.iter().find(|at| **at > latest) {
        return Err(Failure::new(Reason::TimestampInvalid, future, &"a time that has been"));
    }
    let wanted = context.expected.times.max(1);
    if sources.len() < wanted {
        let actual = format!("{} sources of time", sources.len());
        let expected = format!("{wanted} trusted timestamps, or promises of trusted logs");
        return Err(Failure::new(Reason::TimestampInvalid, &actual, &expected));
    }
    Ok(times)
}

/// The expectation in the form that the checks of certificates compare with.
fn policy(context: &Context<'_>) -> VerificationPolicy {
    let environment: Environment = context.instance.snapshot().environment;
    let mut policy = match &context.expected.signer {
        Signer::Identity { issuer, identity } => {
            VerificationPolicy::exactly(environment, FormatName::Sigstore, issuer, identity)
        }
        Signer::Named(named) => VerificationPolicy { environment, ..named.as_ref().clone() },
        Signer::Key(key) => VerificationPolicy {
            issuer: None,
            identity: None,
            key: Some(key.fingerprint()),
            ..VerificationPolicy::exactly(environment, FormatName::Sigstore, "", "")
        },
    };
    policy.predicate.clone_from(&context.expected.predicate);
    policy
}

fn is_known(issuer: &Certificate, context: &Context<'_>) -> bool {
    let authorities = &context.instance.snapshot().roots.authorities;
    authorities.iter().any(|authority| authority.below_root().contains(issuer))
}

/// The one name of a certificate; a second one would be another reading.
fn name(leaf: &Certificate) -> Option<&str> {
    match leaf.known().alt_names.as_slice() {
        [AltName::Uri(name) | AltName::Email(name)] => Some(name),
        [] | [_, ..] => None,
    }
}

fn shown(leaf: &Certificate) -> Shown {
    let subject = leaf.subject().to_string();
    Shown {
        identity: name(leaf).map(str::to_owned),
        issuer: fulcio::claims(leaf).ok().map(|claims| claims.issuer),
        subject: (!subject.is_empty()).then_some(subject),
        signed_at: None,
        ledger_index: None,
        predicate: None,
    }
}

fn malformed(error: &dyn std::fmt::Display, required: Vec<CheckName>) -> Verdict {
    let mut recorder = Recorder::default();
    let failure = Failure::new(Reason::Malformed, error, &"a bundle of version 0.1, 0.2 or 0.3");
    recorder.fail(CheckName::Structure, failure);
    recorder.finish(required, Shown::default())
}

fn unexpected(actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display) -> Verdict {
    let mut recorder = Recorder::default();
    recorder.pass(CheckName::Structure);
    recorder.fail(CheckName::Identity, Failure::new(Reason::IdentityMismatch, actual, expected));
    recorder.finish(by_certificate(), Shown::default())
}
