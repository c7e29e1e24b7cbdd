//! Verification of Sigstore signatures, in the steps of the client specification.
//!
//! ```text
//! 1 structure   the bundle and its leaf parse strictly
//! 2 digest      the artifact is what the content names              coverage: the whole artifact, by that digest
//! 3 signature   the leaf's key signed exactly the content
//! 4 timestamp   every RFC 3161 token is over the signature bytes, by an authority in its window; an attestation object
//!               of a Python package (PEP 740) has no place for tokens: there the cosigners of its entry say when
//! 5 chain       the leaf leads to a root at every one of these times; its SCT holds
//! 6 purpose     the leaf is for signing code, and no authority
//! 7 revocation  nothing in use is revoked at these times
//! 8 identity    issuer, SAN, claims and predicate are the expected ones
//! 9 ledger      an entry made from THIS digest, signature and leaf is under a cosigned checkpoint (T1)
//! ```
//! The leaf is parsed once, and the object that the chain check returns is the one whose names and key are used (T4).

pub(crate) mod identity;
pub(crate) mod issued;
mod ledger;
pub(crate) mod time;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, Reason, Signer, Verdict};
use chancery_format::oci;
use chancery_format::seam::{Parts, Signer as Signing};
use chancery_format::sigstore::attach;
use chancery_format::sigstore::bundle::{Bundle, Content, InvalidBundle, TlogEntry};
use chancery_format::sigstore::{dsse, pep740, predicate, provenance};
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::VerifiedChain;
use chancery_x509::fulcio;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tsp::response;
use chancery_x509::tsp::verify::VerifiedTimestamp;

use crate::checks::{Failure, Recorder};
use crate::revocation::{CertificateId, InUse};
use crate::says::Known;
use crate::verify::Context;

const SCHEME: SignatureScheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);

/// A signature with what belongs to it, before anything about it is believed.
struct Signed<'a> {
    format: FormatName,
    artifact: Sha256,
    content: &'a Content,
    certificate: &'a [u8],
    moment: Moment<'a>,
    entry: Option<&'a TlogEntry>,
}

/// Who says when it was signed.
#[derive(Clone, Copy)]
enum Moment<'a> {
    /// The cosigners of the checkpoint above its entry, which is of the same batch as the signature.
    Cosigned,
    /// Time stamping authorities: RFC 3161 responses.
    Stamped(&'a [Vec<u8>]),
}

/// When it was signed, verified.
#[derive(Default)]
struct Times {
    at: Vec<Time>,
    stamps: Vec<VerifiedTimestamp>,
}

impl Signed<'_> {
    /// What the key signed, as the ledger names it: the artifact's digest, or that of the DSSE encoding.
    fn digest(&self) -> Sha256 {
        match self.content {
            Content::Message { digest, .. } => *digest,
            Content::Dsse(envelope) => Sha256::of(&envelope.to_be_signed()),
        }
    }
}

/// Verifies a bundle against the digest of the whole artifact: a file, or the manifest of an image. All ten checks are
/// required.
pub(crate) fn bundle(format: FormatName, artifact: Sha256, json: &[u8], context: &Context<'_>) -> Verdict {
    let required = CheckName::ALL.to_vec();
    let is_attestation = pep740::is_one(json);
    let converted = is_attestation.then(|| pep740::to_bundle(json)).transpose();
    let bundle = match converted {
        Ok(converted) => Bundle::parse(converted.as_deref().unwrap_or(json)),
        Err(error) => return malformed(&error, required),
    };
    let bundle = match bundle {
        Ok(bundle) => bundle,
        Err(error) => return unreadable(&error, required),
    };
    let moment = if is_attestation { Moment::Cosigned } else { Moment::Stamped(&bundle.timestamps) };
    let signed = Signed {
        format,
        artifact,
        content: &bundle.content,
        certificate: &bundle.certificate,
        moment,
        entry: Some(&bundle.entry),
    };
    judge(&signed, required, context)
}

/// Verifies a fresh signature against its statement, before it is in the ledger. The signed bytes are rebuilt here.
/// Coverage and ledger cannot be checked yet and are not required.
pub(crate) fn statement(
    statement: &Statement,
    signing: &Signing<'_>,
    parts: &Parts<'_>,
    context: &Context<'_>,
) -> Verdict {
    let later = [CheckName::Coverage, CheckName::Ledger];
    let mut required = CheckName::ALL.to_vec();
    required.retain(|name| !later.contains(name));
    let rebuilt = match statement.format {
        FormatName::Oci => oci::attach::content(statement, signing, parts.signature),
        FormatName::Fulcio | FormatName::Notary | FormatName::Pe | FormatName::Sigstore => {
            attach::content(statement, signing, parts.signature)
        }
    };
    let content = match rebuilt {
        Ok(content) => content,
        Err(error) => return malformed(&error, required),
    };
    let certificate = parts.certificates.first().map(Vec::as_slice).unwrap_or_default();
    let timestamps: Vec<Vec<u8>> = parts.timestamp.iter().map(|token| response::granted(token)).collect();
    let signed = Signed {
        format: statement.format,
        artifact: statement.artifact.digest,
        content: &content,
        certificate,
        moment: Moment::Stamped(&timestamps),
        entry: None,
    };
    judge(&signed, required, context)
}

fn unreadable(error: &InvalidBundle, required: Vec<CheckName>) -> Verdict {
    // A bundle that is well formed but was never logged is not a malformed one.
    if *error == InvalidBundle::TlogEntries(0) {
        let mut recorder = Recorder::default();
        recorder.fail(CheckName::Ledger, Failure::new(Reason::NotLogged, error, &"one ledger entry"));
        return recorder.finish(required, Signer::default());
    }
    malformed(error, required)
}

fn malformed(error: &dyn std::fmt::Display, required: Vec<CheckName>) -> Verdict {
    let mut recorder = Recorder::default();
    recorder.fail(CheckName::Structure, Failure::new(Reason::Malformed, error, &"a bundle of version 0.3"));
    recorder.finish(required, Signer::default())
}

fn judge(signed: &Signed<'_>, required: Vec<CheckName>, context: &Context<'_>) -> Verdict {
    let mut recorder = Recorder::default();
    let leaf = match Certificate::parse(signed.certificate) {
        Ok(leaf) => leaf,
        Err(error) => return malformed(&error, required),
    };
    recorder.pass(CheckName::Structure);
    let mut signer = shown(&leaf);
    if let Err(failure) = context.usable(signed.format) {
        recorder.fail(failure.0, failure.1);
        return recorder.finish(required, signer);
    }
    let predicate = check_digest(signed, &mut recorder);
    signer.predicate = predicate.as_ref().and_then(About::predicate);
    recorder.record(CheckName::Signature, check_signature(signed, &leaf));
    let times = recorder.record(CheckName::Timestamp, check_times(signed, context)).unwrap_or_default();
    signer.signed_at = times.at.iter().min().copied();
    if let Some(chain) = identity::check_chain(&leaf, &times.at, context, &mut recorder) {
        recorder.record(CheckName::Revocation, check_revocation(signed, &chain, &times, context));
        recorder.record(
            CheckName::Identity,
            identity::check(chain.leaf(), (signed.format, predicate.as_ref()), context)
                .and_then(|()| check_holder(chain.leaf(), predicate.as_ref()))
                .and_then(|()| check_says(signed, chain.leaf(), context)),
        );
        if let Some(entry) = signed.entry {
            let index = recorder.record(CheckName::Ledger, ledger::check(signed, entry, &times.at, context));
            signer.ledger_index = index;
        } else {
            recorder.skip(CheckName::Ledger, "the signature is not in the ledger yet");
        }
    }
    recorder.finish(required, signer)
}

/// At least one moment, and every one must hold.
fn check_times(signed: &Signed<'_>, context: &Context<'_>) -> Result<Times, Failure> {
    match signed.moment {
        Moment::Cosigned => {
            let at = time::cosigned(signed.entry, context)?;
            Ok(Times { at, stamps: Vec::new() })
        }
        Moment::Stamped([]) => {
            Err(Failure::new(Reason::TimestampInvalid, &"no timestamp", &"an RFC 3161 timestamp"))
        }
        Moment::Stamped(tokens) => {
            let stamps = time::all(tokens, signed.content.signature(), context)?;
            Ok(Times { at: stamps.iter().map(VerifiedTimestamp::gen_time).collect(), stamps })
        }
    }
}

/// What the certificate says of its holder, also when nothing of it can be believed.
fn shown(leaf: &Certificate) -> Signer {
    let subject = leaf.subject().to_string();
    Signer {
        identity: leaf.alt_uris().next().map(str::to_owned),
        issuer: fulcio::claims(leaf).ok().map(|claims| claims.issuer),
        subject: (!subject.is_empty()).then_some(subject),
        signed_at: None,
        ledger_index: None,
        predicate: None,
    }
}

/// What a signed content is about: the artifact itself, or a statement of this predicate type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    Artifact,
    Predicate(String),
}

impl About {
    /// The type of the statement's predicate.
    pub(crate) fn predicate(&self) -> Option<String> {
        match self {
            Self::Artifact => None,
            Self::Predicate(kind) => Some(kind.clone()),
        }
    }
}

fn check_digest(signed: &Signed<'_>, recorder: &mut Recorder) -> Option<About> {
    let found = match about(signed.content) {
        Ok(found) => found,
        Err(error) => {
            let failure = Failure::new(Reason::Malformed, &error, &"an in-toto statement v1");
            recorder.fail(CheckName::Structure, failure);
            return None;
        }
    };
    let (about, digests) = found;
    if !digests.contains(&signed.artifact) {
        let actual = digests.first().map_or_else(String::new, Sha256::to_string);
        recorder.fail(CheckName::Digest, Failure::new(Reason::DigestMismatch, &signed.artifact, &actual));
        return None;
    }
    recorder.pass(CheckName::Digest);
    if signed.entry.is_some() {
        // Detached: the digest is that of the whole file, so no byte of it is left out.
        recorder.pass(CheckName::Coverage);
    } else {
        recorder.skip(CheckName::Coverage, "not made here: the artifact's bytes were not seen");
    }
    Some(about)
}

fn about(content: &Content) -> Result<(About, Vec<Sha256>), provenance::InvalidPayload> {
    match content {
        Content::Message { digest, .. } => Ok((About::Artifact, vec![*digest])),
        Content::Dsse(envelope) => {
            let read = provenance::parse(&envelope.payload)?;
            let digests = read.subjects.iter().map(|subject| subject.digest).collect();
            Ok((About::Predicate(read.predicate_type), digests))
        }
    }
}

/// ATTACK: a job with a certificate over its own key signs what it likes under the same identity as the service signs for it.
/// So a statement that this service alone can make does not count under such a certificate.
pub(crate) fn check_holder(leaf: &Certificate, about: Option<&About>) -> Result<(), Failure> {
    let kind = about.and_then(About::predicate).unwrap_or_default();
    if leaf.is_of_client() && predicate::is_of_service(&kind) {
        let actual = format!("`{kind}` by a key that the client holds");
        return Err(Failure::new(Reason::IdentityMismatch, &actual, &"one by a key in custody"));
    }
    Ok(())
}

/// What the predicate says, where the policy has conditions on it.
fn check_says(signed: &Signed<'_>, leaf: &Certificate, context: &Context<'_>) -> Result<(), Failure> {
    let says = &context.policy.says;
    match signed.content {
        Content::Message { .. } if says.is_empty() => Ok(()),
        Content::Message { .. } => Err(Failure::new(
            Reason::IdentityMismatch,
            &"a signature over the artifact itself",
            &"a predicate",
        )),
        Content::Dsse(envelope) => {
            let claims = fulcio::claims(leaf).ok();
            let runner = claims.as_ref().and_then(|claims| claims.runner_environment.as_deref());
            says.check(&envelope.payload, &Known { at: context.at, runner })
                .map_err(|unmet| Failure::new(Reason::IdentityMismatch, &unmet.actual, &unmet.expected))
        }
    }
}

fn check_signature(signed: &Signed<'_>, leaf: &Certificate) -> Result<(), Failure> {
    let refuse =
        |reason, actual: &dyn std::fmt::Display| Failure::new(reason, actual, &"ECDSA P-256, SHA-256");
    let key = leaf.key().map_err(|error| refuse(Reason::Unsupported, &error))?;
    if key.signing_key().is_none_or(|key| key.algorithm != KeyAlgorithm::EcdsaP256) {
        return Err(refuse(Reason::Unsupported, &"a key of another kind"));
    }
    let signature = signed.content.signature();
    let outcome = match signed.content {
        Content::Message { digest, .. } => key.verify_prehashed(SCHEME, digest.as_bytes(), signature),
        Content::Dsse(envelope) => {
            key.verify(SCHEME, &dsse::encode(&envelope.payload_type, &envelope.payload), signature)
        }
    };
    outcome.map_err(|error| {
        Failure::new(Reason::SignatureWrong, &error, &"a signature by the certificate's key")
    })
}

fn check_revocation(
    signed: &Signed<'_>,
    chain: &VerifiedChain,
    times: &Times,
    context: &Context<'_>,
) -> Result<(), Failure> {
    // T11: the authorities of the timestamps can be revoked too.
    let of_stamps = times
        .stamps
        .iter()
        .flat_map(|stamp| std::iter::once(stamp.authority()).chain(stamp.chain().issuers()));
    let in_use = std::iter::once(chain.leaf()).chain(chain.issuers()).chain(of_stamps);
    let certificates: Vec<CertificateId> = in_use.map(CertificateId::of).collect();
    let used = InUse {
        artifacts: &[signed.artifact],
        certificates: &certificates,
        identity: chain.leaf().alt_uris().next(),
    };
    match context.trust.revocations.iter().find(|revocation| revocation.hits(&used, &times.at)) {
        Some(hit) => Err(Failure::new(Reason::Revoked, &hit.why, &"not revoked")),
        None => Ok(()),
    }
}
