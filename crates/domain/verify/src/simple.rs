//! Verification of simple signing: a payload, a signature, a bare key that the policy names by its hash.
//!
//! ```text
//! 1 structure   the payload has the one spelling that the specification gives
//! 2 digest      it names the manifest
//! 3 signature   by the key, over exactly the payload
//! 4 identity    the key is the expected one
//! 5 timestamp   where there is one, it is over this signature, by a trusted authority
//! ```
//! There is no certificate and no ledger entry in this shape, so chain, purpose and ledger are not made and not demanded.

use chancery_core::algorithm::PublicKey;
use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use chancery_core::verdict::{CheckName, Reason, Signer, Verdict};
use chancery_format::oci::attach;
use chancery_format::oci::simple::{self, Signature};
use chancery_format::seam::{Parts, Signer as Signing};
use chancery_x509::key;
use chancery_x509::tsp::verify::VerifiedTimestamp;

use crate::checks::{Failure, Recorder};
use crate::revocation::{CertificateId, InUse};
use crate::sigstore::time;
use crate::verify::Context;

const REQUIRED: [CheckName; 5] = [
    CheckName::Structure,
    CheckName::Digest,
    CheckName::Signature,
    CheckName::Revocation,
    CheckName::Identity,
];

/// Judges a signature over the payload of a manifest.
pub(crate) fn signature(
    artifact: Sha256,
    signature: &Signature,
    public: &PublicKey,
    context: &Context<'_>,
) -> Verdict {
    let mut recorder = Recorder::default();
    let mut signer = Signer::default();
    judge(artifact, (signature, public), context, (&mut recorder, &mut signer));
    for name in [CheckName::Coverage, CheckName::Chain, CheckName::Purpose, CheckName::Ledger] {
        recorder.skip(name, "simple signing has no such part");
    }
    recorder.finish(REQUIRED.to_vec(), signer)
}

/// Judges a fresh signature against its statement: the blob is rebuilt, so that what is verified is what leaves.
pub(crate) fn statement(
    statement: &Statement,
    signing: &Signing<'_>,
    parts: &Parts<'_>,
    context: &Context<'_>,
) -> Verdict {
    let rebuilt = attach::assemble(statement, signing, parts)
        .map_err(|error| error.to_string())
        .and_then(|blob| Signature::parse_json(&blob).map_err(|error| error.to_string()));
    match rebuilt {
        Ok(rebuilt) => signature(statement.artifact.digest, &rebuilt, signing.public_key, context),
        Err(error) => {
            let mut recorder = Recorder::default();
            recorder.fail(CheckName::Structure, Failure::new(Reason::Malformed, &error, &"a signed payload"));
            recorder.finish(REQUIRED.to_vec(), Signer::default())
        }
    }
}

fn judge(
    artifact: Sha256,
    (signature, public): (&Signature, &PublicKey),
    context: &Context<'_>,
    (recorder, signer): (&mut Recorder, &mut Signer),
) -> Option<()> {
    let parsed = simple::parse(&signature.payload)
        .map_err(|error| Failure::new(Reason::Malformed, &error, &"a simple signing payload"));
    let (_, named) = recorder.record(CheckName::Structure, parsed)?;
    if let Err((name, failure)) = context.usable(FormatName::Oci) {
        recorder.fail(name, failure);
        return None;
    }
    let digest =
        if named == artifact { Ok(()) } else { Err(Failure::new(Reason::DigestMismatch, &artifact, &named)) };
    recorder.record(CheckName::Digest, digest);
    let verified = key::verify(public, &signature.payload, &signature.signature)
        .map_err(|error| Failure::new(Reason::SignatureWrong, &error, &"a signature by the named key"));
    recorder.record(CheckName::Signature, verified);
    recorder.record(CheckName::Identity, identity(public, context));
    let stamps = stamps(signature, context, recorder)?;
    let times: Vec<_> = stamps.iter().map(VerifiedTimestamp::gen_time).collect();
    signer.signed_at = times.iter().min().copied();
    let bare =
        CertificateId { serial: String::new(), issuer: Sha256::of(&[]), key: Sha256::of(&public.spki) };
    let used = InUse { artifacts: &[artifact], certificates: &[bare], identity: None };
    // Without a trusted time the signature may be of any moment, so also of one that a revocation hits.
    let hit = context.trust.revocations.iter().find(|revocation| {
        let edges: Vec<_> =
            [Some(context.at), revocation.from, revocation.until].into_iter().flatten().collect();
        revocation.hits(&used, if times.is_empty() { &edges } else { &times })
    });
    let revocation = hit.map_or(Ok(()), |hit| Err(Failure::new(Reason::Revoked, &hit.why, &"not revoked")));
    recorder.record(CheckName::Revocation, revocation)
}

fn stamps(
    signature: &Signature,
    context: &Context<'_>,
    recorder: &mut Recorder,
) -> Option<Vec<VerifiedTimestamp>> {
    match &signature.timestamp {
        Some(stamp) => {
            let checked = time::all(std::slice::from_ref(&stamp.0), &signature.signature, context);
            recorder.record(CheckName::Timestamp, checked)
        }
        None => {
            recorder.skip(CheckName::Timestamp, "the signature carries no timestamp");
            Some(Vec::new())
        }
    }
}

fn identity(public: &PublicKey, context: &Context<'_>) -> Result<(), Failure> {
    let found = Sha256::of(&public.spki);
    match context.policy.key {
        Some(expected) if expected == found => Ok(()),
        Some(expected) => Err(Failure::new(Reason::IdentityMismatch, &found, &expected)),
        None => Err(Failure::new(Reason::NoExpectation, &"no expected key", &"a key")),
    }
}
