//! A result: signature, certificate and timestamp verified over the rebuilt bytes, and compared with what it says.

use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;
use chancery_format::seam::{Parts, Signer};
use chancery_format::sigstore::statement::predicate_type;
use chancery_ledger::hashedrekord::HashedRekord;
use chancery_ledger::merkle::leaf_hash;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::verify::{self, Context, SignedStatement, VerifiedStatement};
use chancery_x509::certificate::Certificate;
use chancery_x509::profile::identity_leaf;

use crate::closing::{Closing, Shown};
use crate::finding::{Code, Finding};
use crate::intent::Open;
use crate::job::Shared;

/// What a result is compared with: all of it was rebuilt from evidence.
#[derive(Debug)]
pub(crate) struct Rebuilt<'a> {
    pub(crate) open: &'a Open,
    pub(crate) statement: &'a Statement,
    pub(crate) signer: Signer<'a>,
    pub(crate) bytes: &'a ToBeSigned,
}

/// Checks everything that a result says; the first thing that does not hold is reported.
pub(crate) fn check(rebuilt: &Rebuilt<'_>, closing: &Closing, shared: &Shared) -> Result<(), Finding> {
    let outcome = &closing.outcome;
    let differs = |what: &str| Finding::new(closing.index, Code::Outcome, what);
    if (outcome.depth, outcome.format) != (rebuilt.statement.depth, rebuilt.statement.format) {
        return Err(differs("the result names another format or depth than its statement"));
    }
    let signature = closing.signature.bytes(closing.index, "signature")?;
    let certificate = match (&closing.certificate, rebuilt.statement.family.is_bare()) {
        (Some(content), false) => Some(content.bytes(closing.index, "certificate")?),
        (None, true) => None,
        (None, false) => return Err(differs("the result names no certificate")),
        (Some(_), true) => {
            return Err(differs("the result names a certificate that its family does not have"));
        }
    };
    let token = closing.token.as_ref().map(|token| token.bytes(closing.index, "timestamp")).transpose()?;
    let leaf = certificate.map(|der| check_certificate(rebuilt, closing, der)).transpose()?;
    let verified = verify(rebuilt, closing, (signature, leaf.as_ref(), token), shared)?;
    let signed_at = verified.verdict().signer.signed_at;
    if signed_at != outcome.timestamp {
        let show = |time: Option<chancery_core::time::Time>| {
            time.map_or_else(|| "none".to_owned(), |time| time.to_string())
        };
        let finding = differs("the result names another time than its timestamp");
        return Err(finding.because(show(outcome.timestamp), show(signed_at)));
    }
    check_entry(rebuilt, closing, (signature, certificate))
}

/// An identity leaf is the planned one with its SCT and nothing else; a long-lived certificate was shown before.
fn check_certificate(
    rebuilt: &Rebuilt<'_>,
    closing: &Closing,
    certificate: &[u8],
) -> Result<Certificate, Finding> {
    let refuse = |what: String| Finding::new(closing.index, Code::Certificate, what);
    let leaf = Certificate::parse(certificate).map_err(|error| refuse(error.to_string()))?;
    let spki = Sha256::of(leaf.spki());
    let known = if rebuilt.statement.format.is_certificate() {
        Some(Sha256::of(&rebuilt.signer.public_key.spki))
    } else {
        rebuilt.open.key.as_ref().map(|key| key.spki)
    };
    if known != Some(spki) {
        let expected = known.map_or_else(|| "none".to_owned(), |known| known.to_string());
        return Err(refuse("the certificate is over another key than the ledger names".to_owned())
            .because(spki, expected));
    }
    match &rebuilt.open.precertificate {
        Some(planned) => identity_leaf::check_final(planned, leaf.tbs())
            .map_err(|_| refuse("the certificate is not the planned one with its timestamp".to_owned()))?,
        None if closing.shown == Shown::No => {
            return Err(refuse("the certificate was not in the ledger before it was used".to_owned()));
        }
        None => {}
    }
    Ok(leaf)
}

fn verify(
    rebuilt: &Rebuilt<'_>,
    closing: &Closing,
    (signature, leaf, token): (&[u8], Option<&Certificate>, Option<&[u8]>),
    shared: &Shared,
) -> Result<VerifiedStatement, Finding> {
    let mut certificates: Vec<Vec<u8>> = leaf.iter().map(|leaf| leaf.as_der().to_vec()).collect();
    let issuer = leaf.map(Certificate::issuer);
    let below = shared.below_root.iter().filter(|above| Some(above.subject()) == issuer);
    if rebuilt.statement.family.uses_certificate() {
        certificates.extend(below.map(der));
    }
    if rebuilt.statement.family == Family::Notary {
        // Envelopes carry their root.
        certificates.extend(shared.trust.native_roots.iter().map(der));
    }
    let parts = Parts { signature, certificates: &certificates, timestamp: token, ledger: None };
    let signed = SignedStatement { statement: rebuilt.statement, signer: &rebuilt.signer, parts: &parts };
    let policy = own_policy(rebuilt, shared);
    let context = Context { trust: &shared.trust, policy: &policy, at: closing.time };
    verify::statement(&signed, &context).map_err(|verdict| {
        let why: Vec<String> =
            verdict.reasons().map(|reason| format!("{} {reason:?}", reason.code())).collect();
        let finding = Finding::new(closing.index, Code::Signature, "the signature does not verify");
        finding.because(why.join(", "), "verified")
    })
}

fn der(certificate: &Certificate) -> Vec<u8> {
    certificate.as_der().to_vec()
}

/// Exactly the signer that this signature should have.
fn own_policy(rebuilt: &Rebuilt<'_>, shared: &Shared) -> VerificationPolicy {
    let claims = &rebuilt.signer.caller.claims;
    let identity = claims.build_signer_uri.as_deref().unwrap_or_default();
    let format = rebuilt.statement.format;
    let mut policy = VerificationPolicy::exactly(shared.trust.environment, format, &claims.issuer, identity);
    policy.predicate = predicate_type(rebuilt.statement);
    if !rebuilt.statement.family.has_identity_leaf() {
        policy.issuer = None;
        policy.identity = None;
        policy.key = Some(Sha256::of(&rebuilt.signer.public_key.spki));
    }
    policy
}

/// The entry that Sigstore clients rebuild stands right before the result and is made of what was verified.
fn check_entry(
    rebuilt: &Rebuilt<'_>,
    closing: &Closing,
    (signature, certificate): (&[u8], Option<&[u8]>),
) -> Result<(), Finding> {
    let certificate = certificate.unwrap_or_default();
    let refuse = |what: &str| Finding::new(closing.index, Code::Outcome, what);
    match (rebuilt.statement.family.is_sigstore(), &closing.outcome.hashedrekord) {
        (false, None) => return Ok(()),
        (false, Some(_)) => return Err(refuse("the result names an entry that its format does not have")),
        (true, None) => return Err(refuse("the result names no entry")),
        (true, Some(_)) => {}
    }
    let digest = match rebuilt.bytes {
        ToBeSigned::Message(bytes) => Sha256::of(bytes),
        ToBeSigned::Prehashed(..) => rebuilt.statement.artifact.digest,
    };
    let algorithm = rebuilt.signer.public_key.algorithm;
    let record =
        HashedRekord::new(algorithm, digest.as_bytes().to_vec(), signature.to_vec(), certificate.to_vec())
            .and_then(|record| record.encode())
            .map_err(|error| refuse(&error.to_string()))?;
    let expected = leaf_hash(record.as_bytes());
    let found = closing.entry.as_deref().map(leaf_hash);
    if closing.outcome.hashedrekord != Some(expected) || found != Some(expected) {
        let shown = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
        return Err(
            refuse("the entry before the result is not the one of this signature").because(shown, expected)
        );
    }
    Ok(())
}
