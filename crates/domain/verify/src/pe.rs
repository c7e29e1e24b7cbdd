//! The verdict over an Authenticode signature in a PE image.
//!
//! Every signature in the image must hold, nested ones too, and every timestamp of each: with one that counts and one
//! that does not, somebody else would look at the other one. What no signature covers must be understood completely,
//! or the verdict is a rejection (CVE-2013-3900: code behind the signature).

pub(crate) mod coverage;

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
use chancery_x509::cms::oid;
use chancery_x509::cms::parse::{self, SignedData};
use chancery_x509::cms::verify::{self as cms_verify, Message, VerifiedSigner};
use chancery_x509::tsp::verify::VerifiedTimestamp;

use crate::checks::{Failure, Recorder};
use crate::native;
use crate::revocation::InUse;
use crate::stamping::{self, Carried};
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

pub(crate) fn structure_failure(error: &FormatError) -> Failure {
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
    Failure::new(reason, error, &"a container with well-formed signatures")
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
        let chain = {
            let leaf = verified.certificate();
            let chain = native::trusted_chain(leaf, parsed.certificates.iter(), context, *moment);
            native::record_chain(chain, recorder)?
        };
        let used = coverage::certificates(&parsed, &chain).and_then(|()| coverage::tokens(&stamps));
        if let Err(failure) = used {
            recorder.fail(CheckName::Coverage, failure);
        }
        let certificates = native::in_use(&chain, &stamps);
        let used = InUse { artifacts, certificates: &certificates, identity: None };
        recorder.record(CheckName::Revocation, native::revocation(&used, &moments, context));
        recorder.record(CheckName::Identity, native::identity(chain.leaf(), context));
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

/// All timestamps; `None` when one does not hold.
fn timestamps(
    loose: &Unsigned<'_>,
    verified: &VerifiedSigner,
    context: &Context<'_>,
    recorder: &mut Recorder,
) -> Option<Vec<VerifiedTimestamp>> {
    let mut stamps = Vec::with_capacity(loose.timestamps.len());
    for token in &loose.timestamps {
        stamps.push(recorder.record(
            CheckName::Timestamp,
            stamping::verified(Carried::Token(token), verified.signature(), context),
        )?);
    }
    Some(stamps)
}
