//! The verdict over an Authenticode signature in a PE image.
//!
//! Every signature in the image must hold, nested ones too, and every timestamp of each: with one that counts and one
//! that does not, somebody else would look at the other one. What no signature covers must be understood completely,
//! or the verdict is a rejection (CVE-2013-3900: code behind the signature).

mod coverage;

use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, Reason, Signer, Verdict};
use chancery_format::pe::extract::signed_content;
use chancery_format::pe::sign;
use chancery_format::pe::statement::Body;
use chancery_format::pe::unsigned::Unsigned;
use chancery_format::seam::{Extracted, FormatError, FoundSignature, Parts, Signer as Signing};
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::{self, ChainError, Purpose, VerifiedChain};
use chancery_x509::cms::oid;
use chancery_x509::cms::parse::{self, SignedData};
use chancery_x509::cms::verify::{self as cms_verify, Message, VerifiedSigner};
use chancery_x509::tsp::verify::{self as tsp, VerifiedTimestamp};

use crate::checks::{Failure, Recorder};
use crate::revocation::{CertificateId, InUse};
use crate::snapshot::{SKEW_SECONDS, Stage};
use crate::stamping::{Unstamped, lists_of, stamping_trust};
use crate::trusted_root::Authority;
use crate::verify::Context;

/// What every image must pass. A timestamp is demanded by policy, or by time: without one the certificates must be valid
/// now. A PE signature carries no ledger proof.
const REQUIRED: [CheckName; 8] = [
    CheckName::Structure,
    CheckName::Coverage,
    CheckName::Digest,
    CheckName::Signature,
    CheckName::Chain,
    CheckName::Purpose,
    CheckName::Revocation,
    CheckName::Identity,
];

/// Judges what `extract` found in an image, or why it found nothing. `artifact` is the SHA-256 of the file as it is.
pub(crate) fn image(
    artifact: Sha256,
    extracted: Result<&Extracted, &FormatError>,
    context: &Context<'_>,
) -> Verdict {
    let mut recorder = Recorder::default();
    let mut signer = Signer::default();
    let found = recorder.record(CheckName::Structure, extracted.map_err(structure_failure));
    match found.map(|extracted| (extracted, extracted.found.as_slice())) {
        None => {}
        Some((_, [])) => {
            let unsigned = Failure::new(Reason::Unsigned, &"no certificate table", &"a signature");
            recorder.fail(CheckName::Signature, unsigned);
        }
        Some((extracted, signatures)) => {
            recorder.record(CheckName::Coverage, coverage::image(extracted));
            for signature in signatures {
                judge(signature, &[artifact], context, (&mut recorder, &mut signer));
            }
        }
    }
    finish(REQUIRED.to_vec(), context, recorder, signer)
}

/// Judges a fresh signature against its statement, before it is released. The whole CMS structure is rebuilt from the
/// statement, so that what is verified is what will be attached; the image itself was not seen.
pub(crate) fn statement(
    statement: &Statement,
    signing: &Signing<'_>,
    parts: &Parts<'_>,
    context: &Context<'_>,
) -> Verdict {
    let mut recorder = Recorder::default();
    let mut signer = Signer::default();
    let required = REQUIRED.into_iter().filter(|name| *name != CheckName::Coverage).collect();
    let blob = sign::assemble(statement, signing, parts);
    if let Some(blob) = recorder.record(CheckName::Structure, blob.as_ref().map_err(structure_failure)) {
        let found = FoundSignature { blob: blob.clone(), body: statement.body.clone() };
        let artifact = statement.artifact.digest;
        judge(&found, &[artifact], context, (&mut recorder, &mut signer));
    }
    recorder.skip(CheckName::Coverage, "not made here: the artifact's bytes were not seen");
    finish(required, context, recorder, signer)
}

fn finish(
    required: Vec<CheckName>,
    context: &Context<'_>,
    mut recorder: Recorder,
    signer: Signer,
) -> Verdict {
    // Where the signer is not trusted anyway, nothing else is missing.
    let asked = |name| recorder.passed(CheckName::Chain) && context.policy.require.contains(&name);
    let (stamp, ledger) = (asked(CheckName::Timestamp), asked(CheckName::Ledger));
    if stamp && !recorder.passed(CheckName::Timestamp) {
        let missing = Failure::new(Reason::TimestampInvalid, &"no timestamp that holds", &"a timestamp");
        recorder.fail(CheckName::Timestamp, missing);
    }
    if ledger {
        let missing = Failure::new(Reason::NotLogged, &"a PE signature carries no ledger proof", &"a proof");
        recorder.fail(CheckName::Ledger, missing);
    }
    recorder.skip(CheckName::Timestamp, "the signature carries no timestamp");
    recorder.skip(CheckName::Ledger, "a PE signature carries no ledger proof");
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

/// One signature, from its bytes to its signer. What cannot be judged because something before it failed stays open.
fn judge(
    found: &FoundSignature,
    artifacts: &[Sha256],
    context: &Context<'_>,
    (recorder, signer): (&mut Recorder, &mut Signer),
) -> Option<()> {
    let malformed = |error| Failure::new(Reason::Malformed, &error, &"a CMS structure");
    let parsed = recorder.record(CheckName::Structure, parse::parse(&found.blob).map_err(malformed))?;
    // Coverage of the image is recorded by its caller; only what the structure adds to it is found here.
    let loose = coverage::structure(&found.blob, &parsed)
        .map_err(|failure| recorder.fail(CheckName::Coverage, failure))
        .ok();
    recorder.record(CheckName::Digest, digest(found, &parsed));
    let verified = recorder.record(CheckName::Signature, signature(&parsed))?;
    signer.subject = Some(verified.certificate().subject().to_string());
    if let Err((name, failure)) = context.usable(FormatName::Pe) {
        recorder.fail(name, failure);
        return None;
    }
    let stamps = timestamps(&loose?, &verified, context, recorder)?;
    let times: Vec<Time> = stamps.iter().map(VerifiedTimestamp::gen_time).collect();
    signer.signed_at = times.iter().copied().min();
    let moments = if times.is_empty() { vec![context.at] } else { times };
    for moment in &moments {
        let chain = record_chain(trusted_chain(&verified, &parsed, context, *moment), recorder)?;
        let used = coverage::certificates(&parsed, &chain).and_then(|()| coverage::tokens(&stamps));
        if let Err(failure) = used {
            recorder.fail(CheckName::Coverage, failure);
        }
        let certificates = in_use(&chain, &stamps);
        let used = InUse { artifacts, certificates: &certificates, identity: None };
        recorder.record(CheckName::Revocation, revocation(&used, &moments, context));
        recorder.record(CheckName::Identity, identity(chain.leaf(), context));
    }
    Some(())
}

fn signature(parsed: &SignedData) -> Result<VerifiedSigner, Failure> {
    let (content_type, message) = (oid::SPC_INDIRECT_DATA, Message::Embedded);
    cms_verify::verify(parsed, &cms_verify::Expected { content_type, message, known: &[] })
        .map_err(|error| Failure::new(Reason::SignatureWrong, &error, &"a signature over this content"))
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

/// Compares the signer with the verification policy. Every condition of the policy is looked at (T7).
fn identity(leaf: &Certificate, context: &Context<'_>) -> Result<(), Failure> {
    let policy = context.policy;
    let mismatch = |actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display| {
        Failure::new(Reason::IdentityMismatch, actual, expected)
    };
    let subject = leaf.subject().to_string();
    if let Some(pattern) = policy.subject.as_ref().filter(|pattern| !pattern.matches(&subject)) {
        return Err(mismatch(&subject, &pattern.as_str()));
    }
    let key = Sha256::of(leaf.spki());
    if let Some(expected) = policy.key.filter(|expected| *expected != key) {
        return Err(mismatch(&key, &expected));
    }
    Ok(())
}

/// All timestamps; `None` when one does not hold.
fn timestamps(
    loose: &Unsigned<'_>,
    verified: &VerifiedSigner,
    context: &Context<'_>,
    recorder: &mut Recorder,
) -> Option<Vec<VerifiedTimestamp>> {
    let mut stamps = Vec::with_capacity(loose.timestamps.len());
    for token in &loose.timestamps {
        stamps.push(recorder.record(CheckName::Timestamp, timestamp(token, verified, context))?);
    }
    Some(stamps)
}

fn timestamp(
    token: &[u8],
    verified: &VerifiedSigner,
    context: &Context<'_>,
) -> Result<VerifiedTimestamp, Failure> {
    let refuse = |actual: &dyn std::fmt::Display| {
        Failure::new(
            Reason::TimestampInvalid,
            actual,
            &"a timestamp over this signature, of a trusted authority",
        )
    };
    let mut expected = tsp::Expected::of(tsp::Stamped::Message(verified.signature()));
    expected.latest = Some(context.at.plus_seconds(SKEW_SECONDS));
    let mut failure = refuse(&"an unknown authority");
    for authority in &context.trust.roots.timestamp_authorities {
        match stamped_by(authority, token, &expected, context) {
            // INVARIANT: the window is that of the authority that stamped; another's is never borrowed (T3).
            Ok(stamp) if authority.window().contains(stamp.gen_time()) => return Ok(stamp),
            Ok(stamp) => failure = refuse(&format!("{} outside the authority's window", stamp.gen_time())),
            Err(Unstamped::By(tsp::TimestampError::NotPinned)) => {}
            Err(Unstamped::By(error @ tsp::TimestampError::Revoked { .. })) => {
                return Err(Failure::new(Reason::Revoked, &error, &"an authority that is not revoked"));
            }
            Err(Unstamped::By(error)) => failure = refuse(&error),
            Err(Unstamped::List(error)) => failure = refuse(&error),
        }
    }
    Err(failure)
}

fn stamped_by(
    authority: &Authority,
    token: &[u8],
    expected: &tsp::Expected<'_>,
    context: &Context<'_>,
) -> Result<VerifiedTimestamp, Unstamped> {
    let lists = lists_of(authority, context).map_err(Unstamped::List)?;
    tsp::token(token, expected, &stamping_trust(authority, &lists)).map_err(Unstamped::By)
}

fn trusted_chain(
    verified: &VerifiedSigner,
    parsed: &SignedData,
    context: &Context<'_>,
    moment: Time,
) -> Result<VerifiedChain, ChainFailure> {
    let leaf = verified.certificate();
    let roots = &context.trust.native_roots;
    let bag = parsed.certificates.iter().filter_map(|der| Certificate::parse(der).ok());
    let pool: Vec<Certificate> = bag.filter(|one| one != leaf && !roots.contains(one)).collect();
    let chain = chain::verify(leaf, &pool, roots, Purpose::CodeSigning, moment).map_err(ChainFailure::of)?;
    if chain.is_dev() && context.trust.stage != Stage::Development {
        let failure = Failure::new(Reason::ChainUntrusted, &"a development authority", &"a real one");
        return Err(ChainFailure::Chain(failure));
    }
    Ok(chain)
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
            | ChainError::Serial(_)
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

/// Every certificate that the verdict rests on: those of the timestamps can be revoked too (T11).
fn in_use(chain: &VerifiedChain, stamps: &[VerifiedTimestamp]) -> Vec<CertificateId> {
    let chains = std::iter::once(chain).chain(stamps.iter().map(VerifiedTimestamp::chain));
    let all = chains.flat_map(|chain| std::iter::once(chain.leaf()).chain(chain.issuers()));
    all.map(CertificateId::of).collect()
}

fn revocation(used: &InUse<'_>, moments: &[Time], context: &Context<'_>) -> Result<(), Failure> {
    match context.trust.revocations.iter().find(|revocation| revocation.hits(used, moments)) {
        Some(hit) => Err(Failure::new(Reason::Revoked, &hit.why, &"not revoked")),
        None => Ok(()),
    }
}
