//! The verdict over an Authenticode signature in a PE image.
//!
//! Every signature in the image must hold, nested ones too, and every timestamp of each: with one that counts and one
//! that does not, somebody else would look at the other one. What no signature covers must be understood completely,
//! or the verdict is a rejection (CVE-2013-3900: code behind the signature).

use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, Reason, Signer, Verdict};
use chancery_format::pe::extract::signed_content;
use chancery_format::pe::statement::Body;
use chancery_format::pe::unsigned::{Unsigned, unsigned};
use chancery_format::seam::{Extracted, FormatError, FoundSignature};
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::{self, ChainError, Purpose, VerifiedChain};
use chancery_x509::cms::parse::{self, SignedData};
use chancery_x509::cms::verify::{self as cms_verify, Message, VerifiedSigner};
use chancery_x509::cms::oid;
use chancery_x509::tsp::verify as tsp;

use crate::checks::{Failure, Recorder};
use crate::policy::VerificationPolicy;
use crate::revocation::{CertificateId, InUse};
use crate::snapshot::{Stage, TrustSnapshot};
use crate::trusted_root::Authority;

/// What every signature in an image must pass. The ledger is outside: a PE signature carries no proof of its own.
const ALWAYS: [CheckName; 8] = [
    CheckName::Structure,
    CheckName::Coverage,
    CheckName::Digest,
    CheckName::Signature,
    CheckName::Chain,
    CheckName::Purpose,
    CheckName::Revocation,
    CheckName::Identity,
];

/// What a verdict depends on besides the image.
#[derive(Debug, Clone, Copy)]
pub struct Judgement<'a> {
    /// What is trusted.
    pub snapshot: &'a TrustSnapshot,
    /// Who must have signed.
    pub policy: &'a VerificationPolicy,
    /// The moment: the time of the signature where it has no timestamp.
    pub at: Time,
}

/// Judges what `extract` found in an image, or why it found nothing.
#[must_use]
pub fn verify(extracted: Result<&Extracted, &FormatError>, judgement: &Judgement<'_>) -> Verdict {
    let mut recorder = Recorder::default();
    let mut signer = Signer::default();
    let found = recorder.record(CheckName::Structure, extracted.map_err(structure_failure));
    if let Some(extracted) = found {
        if extracted.found.is_empty() {
            let unsigned = Failure::new(Reason::Unsigned, &"no certificate table", &"a signature");
            recorder.fail(CheckName::Signature, unsigned);
        } else {
            recorder.record(CheckName::Coverage, covered(extracted));
        }
        for signature in &extracted.found {
            judge(signature, judgement, &mut recorder, &mut signer);
        }
    }
    recorder.skip(CheckName::Timestamp, "the signature carries no timestamp");
    skip_ledger(judgement, &mut recorder);
    let mut required = ALWAYS.to_vec();
    required.extend(judgement.policy.require.iter().filter(|name| !ALWAYS.contains(name)));
    recorder.finish(required, signer)
}

fn structure_failure(error: &FormatError) -> Failure {
    let reason = match error {
        FormatError::Io(_) | FormatError::Changed => Reason::Unavailable,
        FormatError::Unsupported(_) => Reason::Unsupported,
        FormatError::AlreadySigned
        | FormatError::Ambiguous(_)
        | FormatError::Malformed { .. }
        | FormatError::Option { .. }
        | FormatError::Parts(_)
        | FormatError::Statement(_) => Reason::Malformed,
    };
    Failure::new(reason, error, &"a PE image with well-formed signatures")
}

fn covered(extracted: &Extracted) -> Result<(), Failure> {
    let Some(region) = extracted.coverage.first_uncovered() else { return Ok(()) };
    let actual = format!("{:?} at {}..{}", region.cover, region.from, region.to);
    Err(Failure::new(Reason::NotCovered, &actual, &"every byte covered, or excluded by the specification"))
}

fn skip_ledger(judgement: &Judgement<'_>, recorder: &mut Recorder) {
    if judgement.policy.require.contains(&CheckName::Ledger) {
        let missing = Failure::new(Reason::NotLogged, &"no ledger proof in a PE signature", &"a proof");
        recorder.fail(CheckName::Ledger, missing);
    }
    recorder.skip(CheckName::Ledger, "a PE signature carries no ledger proof");
}

/// One signature, from its bytes to its signer. What cannot be judged because something before it failed stays open.
fn judge(
    found: &FoundSignature,
    judgement: &Judgement<'_>,
    recorder: &mut Recorder,
    signer: &mut Signer,
) -> Option<()> {
    let malformed = |error| Failure::new(Reason::Malformed, &error, &"a CMS structure");
    let parsed = recorder.record(CheckName::Structure, parse::parse(&found.blob).map_err(malformed))?;
    let loose = recorder.record(CheckName::Coverage, understood(found, &parsed));
    recorder.record(CheckName::Digest, digest(found, &parsed));
    let expected = cms_verify::Expected {
        content_type: oid::SPC_INDIRECT_DATA,
        message: Message::Embedded,
        known: &[],
    };
    let wrong = |error| Failure::new(Reason::SignatureWrong, &error, &"a signature over this content");
    let verified = cms_verify::verify(&parsed, &expected).map_err(wrong);
    let verified = recorder.record(CheckName::Signature, verified)?;
    signer.subject = Some(verified.certificate().subject().to_string());
    recorder.record(CheckName::Identity, identity(verified.certificate(), judgement));
    let times = timestamps(&loose?, &verified, judgement, recorder)?;
    signer.signed_at = times.iter().copied().min();
    let moments = if times.is_empty() { vec![judgement.at] } else { times };
    for moment in &moments {
        let chain = trusted_chain(&verified, &parsed, judgement, *moment);
        let chain = record_chain(chain, recorder)?;
        recorder.record(CheckName::Coverage, all_used(&parsed, &chain));
        recorder.record(CheckName::Revocation, revocation(&chain, found, judgement, &moments));
    }
    Some(())
}

fn understood<'a>(found: &FoundSignature, parsed: &'a SignedData) -> Result<Unsigned<'a>, Failure> {
    unsigned(&found.blob, parsed)
        .map_err(|what| Failure::new(Reason::NotCovered, &what, &"nothing unknown outside the signature"))
}

/// Each certificate in the structure is part of the chain: any other one is room to hide data in.
fn all_used(parsed: &SignedData, chain: &VerifiedChain) -> Result<(), Failure> {
    let is_used = |der: &Vec<u8>| {
        chain.leaf().as_der() == der || chain.issuers().iter().any(|issuer| issuer.as_der() == der)
    };
    let mut seen: Vec<&Vec<u8>> = Vec::new();
    for der in &parsed.certificates {
        if !is_used(der) || seen.contains(&der) {
            let expected = "only certificates of the signer's chain, each once";
            return Err(Failure::new(Reason::NotCovered, &"a certificate that is not used", &expected));
        }
        seen.push(der);
    }
    Ok(())
}

/// The digest that is signed is that of the image as it lies there.
fn digest(found: &FoundSignature, parsed: &SignedData) -> Result<(), Failure> {
    let malformed = |error: FormatError| Failure::new(Reason::Malformed, &error, &"a digest of the image");
    let signed = signed_content(parsed).map_err(malformed)?;
    let real = Body::from_json(&found.body).map_err(malformed)?;
    if signed.algorithm == real.digest_algorithm && signed.digest == real.image_digest {
        return Ok(());
    }
    let (actual, expected) = (hex::encode(&real.image_digest), hex::encode(&signed.digest));
    Err(Failure::new(Reason::DigestMismatch, &actual, &expected))
}

fn identity(certificate: &Certificate, judgement: &Judgement<'_>) -> Result<(), Failure> {
    let policy = judgement.policy;
    if !policy.formats.contains(&FormatName::Pe) || !policy.names_signer(FormatName::Pe) {
        let expected = "a policy for `pe` that names `subject` or `key`";
        return Err(Failure::new(Reason::NoExpectation, &"no expected signer", &expected));
    }
    let mismatch = |actual: &str, expected: &str| Failure::new(Reason::IdentityMismatch, &actual, &expected);
    let subject = certificate.subject().to_string();
    if let Some(pattern) = policy.subject.as_ref().filter(|pattern| !pattern.matches(&subject)) {
        return Err(mismatch(&subject, pattern.as_str()));
    }
    let key = Sha256::of(certificate.spki());
    if let Some(expected) = policy.key.filter(|expected| *expected != key) {
        return Err(mismatch(&key.to_string(), &expected.to_string()));
    }
    // Conditions that this format cannot meet are not ignored (T7).
    let foreign = policy.issuer.is_some() || policy.identity.is_some() || !policy.claims.is_empty();
    if foreign || policy.predicate.is_some() {
        return Err(mismatch("a PE signature has no OIDC identity, claims or predicate", "those of the policy"));
    }
    Ok(())
}

/// The times of all timestamps; `None` when one does not hold.
fn timestamps(
    loose: &Unsigned<'_>,
    verified: &VerifiedSigner,
    judgement: &Judgement<'_>,
    recorder: &mut Recorder,
) -> Option<Vec<Time>> {
    let mut times = Vec::with_capacity(loose.timestamps.len());
    for token in &loose.timestamps {
        times.push(recorder.record(CheckName::Timestamp, timestamp(token, verified, judgement))?);
    }
    Some(times)
}

fn timestamp(
    token: &[u8],
    verified: &VerifiedSigner,
    judgement: &Judgement<'_>,
) -> Result<Time, Failure> {
    let mut last = String::from("no timestamping authority is trusted");
    for authority in &judgement.snapshot.roots.timestamp_authorities {
        match stamped_by(authority, token, verified, judgement.at) {
            Ok(time) => return Ok(time),
            Err(why) => last = why,
        }
    }
    Err(Failure::new(Reason::TimestampInvalid, &last, &"a timestamp over this signature by a trusted authority"))
}

/// The authority's own window decides whether its word counts, never another authority's (T3).
fn stamped_by(
    authority: &Authority,
    token: &[u8],
    verified: &VerifiedSigner,
    at: Time,
) -> Result<Time, String> {
    let stamped = tsp::Stamped::Message(verified.signature());
    let expected = tsp::Expected { latest: Some(at), ..tsp::Expected::of(stamped) };
    let trust = tsp::Trust { roots: authority.root(), known: authority.below_root(), pinned: &[] };
    let stamp = tsp::token(token, &expected, &trust).map_err(|error| error.to_string())?;
    let time = stamp.gen_time();
    if authority.window().contains(time) {
        return Ok(time);
    }
    Err(format!("stamped at {time}; the authority counts {}", authority.window()))
}

fn trusted_chain(
    verified: &VerifiedSigner,
    parsed: &SignedData,
    judgement: &Judgement<'_>,
    moment: Time,
) -> Result<VerifiedChain, ChainFailure> {
    let snapshot = judgement.snapshot;
    let leaf = verified.certificate();
    let bag = parsed.certificates.iter().filter_map(|der| Certificate::parse(der).ok());
    let pool: Vec<Certificate> =
        bag.filter(|one| one != leaf && !snapshot.native_roots.contains(one)).collect();
    let chain = chain::verify(leaf, &pool, &snapshot.native_roots, Purpose::CodeSigning, moment)
        .map_err(ChainFailure::of)?;
    let refuse = |actual: &str, expected: &str| {
        ChainFailure::Chain(Failure::new(Reason::TrustInvalid, &actual, &expected))
    };
    if !snapshot.is_current(judgement.at) {
        return Err(refuse("trust snapshot is not current", "one that is"));
    }
    if snapshot.environment != judgement.policy.environment {
        return Err(refuse("trust snapshot of another environment", judgement.policy.environment.name()));
    }
    match (snapshot.stage, chain.is_dev()) {
        (Stage::Development, true) | (Stage::Real, false) => Ok(chain),
        (Stage::Development, false) => Err(refuse("an authority that is not for development", "one that is")),
        (Stage::Real, true) => Err(refuse("an authority for development", "one that is not")),
    }
}

/// Which check a chain failed.
enum ChainFailure {
    Chain(Failure),
    Purpose(Failure),
}

impl ChainFailure {
    fn of(error: ChainError) -> Self {
        match &error {
            ChainError::Purpose(_) | ChainError::LeafIsAuthority => {
                Self::Purpose(Failure::new(Reason::PurposeWrong, &error, &"a certificate for code signing"))
            }
            ChainError::NotValid { .. } => {
                Self::Chain(Failure::new(Reason::Expired, &error, &"certificates valid at the trusted time"))
            }
            ChainError::Algorithm { .. }
            | ChainError::Length(_)
            | ChainError::NotAuthority(_)
            | ChainError::UnknownCritical { .. }
            | ChainError::Untrusted(_)
            | ChainError::TooMany
            | ChainError::WrongSignature(_) => {
                Self::Chain(Failure::new(Reason::ChainUntrusted, &error, &"a chain to a trusted root"))
            }
        }
    }
}

fn record_chain(
    chain: Result<VerifiedChain, ChainFailure>,
    recorder: &mut Recorder,
) -> Option<VerifiedChain> {
    match chain {
        Ok(chain) => {
            recorder.pass(CheckName::Chain);
            recorder.pass(CheckName::Purpose);
            Some(chain)
        }
        Err(ChainFailure::Chain(failure)) => recorder.record(CheckName::Chain, Err(failure)),
        Err(ChainFailure::Purpose(failure)) => recorder.record(CheckName::Purpose, Err(failure)),
    }
}

/// Artifacts are revoked by their image digest here: the file before it was signed cannot be had back.
fn revocation(
    chain: &VerifiedChain,
    found: &FoundSignature,
    judgement: &Judgement<'_>,
    moments: &[Time],
) -> Result<(), Failure> {
    let id = |certificate: &Certificate| CertificateId {
        serial: certificate.serial().to_string(),
        issuer: Sha256::of(certificate.issuer().as_der()),
        key: Sha256::of(certificate.spki()),
    };
    let certificates: Vec<_> = std::iter::once(chain.leaf()).chain(chain.issuers()).map(id).collect();
    let image_digest = Body::from_json(&found.body).ok().and_then(|b| Sha256::from_slice(&b.image_digest).ok());
    let artifacts: Vec<Sha256> = image_digest.into_iter().collect();
    let used = InUse { artifacts: &artifacts, certificates: &certificates, identity: None };
    match judgement.snapshot.revocations.iter().find(|revocation| revocation.hits(&used, moments)) {
        None => Ok(()),
        Some(revocation) => Err(Failure::new(Reason::Revoked, &revocation.why, &"nothing revoked")),
    }
}
