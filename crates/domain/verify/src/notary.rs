//! The verdict over a Notary envelope: always with a timestamp, because a certificate that has ended says nothing about
//! when it was used, and the signing time in the envelope is only what its signer wrote.
//!
//! ```text
//! 1 structure   the envelope parses strictly: one signature, known headers, exactly the critical ones
//! 2 coverage    chain and token hold nothing but what the verdict uses; the header's own text is not believed
//! 3 digest      the target names the artifact: digest, size and, where it is known, media type
//! 4 signature   the first certificate's key signed header and payload, with the one algorithm of that key
//! 5 timestamp   a token over the signature value, by a trusted authority; and the signature has not expired
//! 6 chain       leaf to root, in this order, to one of our roots, valid at the trusted time
//! 7 purpose     the leaf is for signing code, and no authority
//! 8 revocation  nothing in use is revoked at that time
//! 9 identity    the certificate has the expected subject, or key
//! ```

use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use chancery_core::verdict::{CheckName, Reason, Signer, Verdict};
use chancery_format::notary::algorithm::Algorithm;
use chancery_format::notary::envelope::Envelope;
use chancery_format::notary::payload::Target;
use chancery_format::notary::sign;
use chancery_format::notary::statement::Body;
use chancery_format::seam::{Parts, Signer as Signing};
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::VerifiedChain;
use chancery_x509::tsp::verify::VerifiedTimestamp;

use crate::checks::{Failure, Recorder};
use crate::native;
use crate::pe::{coverage, structure_failure};
use crate::revocation::InUse;
use crate::stamping::{self, Carried};
use crate::verify::Context;

/// What every envelope must pass. It carries no ledger proof.
const REQUIRED: [CheckName; 9] = [
    CheckName::Structure,
    CheckName::Coverage,
    CheckName::Digest,
    CheckName::Signature,
    CheckName::Chain,
    CheckName::Purpose,
    CheckName::Timestamp,
    CheckName::Revocation,
    CheckName::Identity,
];

/// The artifact that an envelope shall be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    /// SHA-256 of the whole artifact: of a file, or of a manifest as the registry gave it.
    pub artifact: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type, where something besides the envelope says so: a manifest's own.
    pub media_type: Option<&'a str>,
}

/// Judges an envelope.
pub(crate) fn envelope(named: &Named<'_>, bytes: &[u8], context: &Context<'_>) -> Verdict {
    let mut recorder = Recorder::default();
    let mut signer = Signer::default();
    let parsed = Envelope::parse(bytes);
    if let Some(parsed) = recorder.record(CheckName::Structure, parsed.as_ref().map_err(structure_failure)) {
        judge(named, parsed, context, (&mut recorder, &mut signer));
    }
    finish(context, recorder, signer)
}

/// Judges a fresh signature against its statement, before it is released: over the envelope that will be released.
pub(crate) fn statement(
    statement: &Statement,
    signing: &Signing<'_>,
    parts: &Parts<'_>,
    context: &Context<'_>,
) -> Verdict {
    let made = Body::parse(statement)
        .and_then(|body| Ok((body, sign::assemble(statement, signing, parts)?)))
        .map_err(|error| structure_failure(&error));
    match made {
        Ok((body, bytes)) => {
            let artifact = &statement.artifact;
            let media_type = Some(body.media_type.as_str());
            let named = Named { artifact: artifact.digest, size: artifact.size, media_type };
            envelope(&named, &bytes, context)
        }
        Err(failure) => {
            let mut recorder = Recorder::default();
            recorder.fail(CheckName::Structure, failure);
            finish(context, recorder, Signer::default())
        }
    }
}

fn finish(context: &Context<'_>, mut recorder: Recorder, signer: Signer) -> Verdict {
    let proof = context.policy.require.contains(&CheckName::Ledger);
    if proof && recorder.passed(CheckName::Chain) {
        let found = &"a Notary envelope carries no ledger proof";
        recorder.fail(CheckName::Ledger, Failure::new(Reason::NotLogged, found, &"a proof"));
    }
    recorder.skip(CheckName::Ledger, "a Notary envelope carries no ledger proof");
    recorder.finish(REQUIRED.to_vec(), signer)
}

/// What cannot be judged because something before it failed stays open.
fn judge(
    named: &Named<'_>,
    envelope: &Envelope,
    context: &Context<'_>,
    (recorder, signer): (&mut Recorder, &mut Signer),
) -> Option<()> {
    recorder.record(CheckName::Digest, digest(named, &envelope.target));
    let leaf = recorder.record(CheckName::Signature, signature(envelope))?;
    signer.subject = Some(leaf.subject().to_string());
    if let Err((name, failure)) = context.usable(FormatName::Notary) {
        recorder.fail(name, failure);
        return None;
    }
    let stamp = recorder.record(CheckName::Timestamp, timestamp(envelope, context))?;
    let moment = stamp.gen_time();
    signer.signed_at = Some(moment);
    if let Err(failure) = in_force(envelope, context) {
        recorder.fail(CheckName::Timestamp, failure);
    }
    let chain = native::trusted_chain(&leaf, envelope.certificates.iter(), context, moment);
    let chain = native::record_chain(chain, recorder)?;
    let stamps = [stamp];
    recorder.record(CheckName::Coverage, covered(envelope, &chain, &stamps));
    let certificates = native::in_use(&chain, &stamps);
    let artifacts = [named.artifact];
    let used = InUse { artifacts: &artifacts, certificates: &certificates, identity: None };
    recorder.record(CheckName::Revocation, native::revocation(&used, &[moment], context));
    recorder.record(CheckName::Identity, native::identity(chain.leaf(), context));
    Some(())
}

/// The target is this artifact and no other.
fn digest(named: &Named<'_>, target: &Target) -> Result<(), Failure> {
    if !target.digest.starts_with("sha256:") {
        return Err(Failure::new(Reason::Unsupported, &target.digest, &"a SHA-256 digest"));
    }
    let expected = format!("sha256:{}, {} bytes", named.artifact, named.size);
    let actual = format!("{}, {} bytes", target.digest, target.size);
    if actual != expected {
        return Err(Failure::new(Reason::DigestMismatch, &expected, &actual));
    }
    match named.media_type {
        Some(known) if known != target.media_type => {
            Err(Failure::new(Reason::DigestMismatch, &known, &target.media_type))
        }
        Some(_) | None => Ok(()),
    }
}

/// Answers with the certificate whose key signed. The algorithm is the key's; one that the header names instead is refused.
fn signature(envelope: &Envelope) -> Result<Certificate, Failure> {
    let expected = "a signature over this content by the first certificate";
    let wrong = |error: &dyn std::fmt::Display| Failure::new(Reason::SignatureWrong, error, &expected);
    let first = envelope.certificates.first().map(Vec::as_slice).unwrap_or_default();
    let leaf = Certificate::parse(first).map_err(|error| wrong(&error))?;
    let key = leaf.key().map_err(|error| wrong(&error))?;
    let algorithm = Algorithm::of(key.kind()).ok_or_else(|| wrong(&"a key that envelopes do not have"))?;
    if algorithm != envelope.header.algorithm {
        return Err(wrong(&format!(
            "{} named, the key's is {}",
            envelope.header.algorithm.jws(),
            algorithm.jws()
        )));
    }
    algorithm.verify(key, &envelope.signed, &envelope.signature).map_err(|error| wrong(&error))?;
    Ok(leaf)
}

fn timestamp(envelope: &Envelope, context: &Context<'_>) -> Result<VerifiedTimestamp, Failure> {
    let token = envelope.timestamp.as_deref().ok_or_else(|| {
        Failure::new(Reason::TimestampInvalid, &"no timestamp", &"a timestamp over the signature")
    })?;
    stamping::verified(Carried::Token(token), &envelope.signature, context)
}

/// The signer said until when the signature shall count.
fn in_force(envelope: &Envelope, context: &Context<'_>) -> Result<(), Failure> {
    match envelope.header.expiry {
        Some(expiry) if context.at >= expiry => {
            let actual = format!("it is {}", context.at);
            Err(Failure::new(
                Reason::Expired,
                &actual,
                &format!("before {expiry}, when the signature expires"),
            ))
        }
        Some(_) | None => Ok(()),
    }
}

/// The certificates are the chain that was checked, leaf to root, and nothing else; the token holds nothing unread.
fn covered(envelope: &Envelope, chain: &VerifiedChain, stamps: &[VerifiedTimestamp]) -> Result<(), Failure> {
    let used = std::iter::once(chain.leaf()).chain(chain.issuers()).map(Certificate::as_der);
    if !used.eq(envelope.certificates.iter().map(Vec::as_slice)) {
        let expected = "exactly the chain that was checked, leaf to root";
        return Err(Failure::new(Reason::NotCovered, &"other certificates, or another order", &expected));
    }
    coverage::tokens(stamps)
}
