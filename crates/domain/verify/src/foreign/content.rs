//! What was signed: that it is about the artifact, and that the signer's key signed it.

use chancery_core::digest::DigestAlgorithm;
use chancery_core::verdict::{CheckName, Reason};
use chancery_format::sigstore::dsse::IN_TOTO;
use chancery_format::sigstore::foreign::Content;
use chancery_format::sigstore::foreign_statement;
use chancery_x509::key::{KeyError, KeyKind, VerifyingKey};
use chancery_x509::signature::SignatureScheme;

use super::Signed;
use super::expected::Digests;
use crate::checks::{Failure, Recorder};
use crate::sigstore::About;

/// Compares the artifact with what the content names, and says what the content is.
pub(super) fn check_digest(signed: &Signed<'_>, recorder: &mut Recorder) -> Option<About> {
    let found = match &signed.bundle.content {
        Content::Message { digest, .. } => message(digest.as_ref(), signed.artifact),
        Content::Dsse { payload, payload_type, .. } => statement(payload, payload_type, signed.artifact),
    };
    match found {
        Ok(about) => {
            recorder.pass(CheckName::Digest);
            // Detached: the digest is that of the whole file, so no byte of it is left out.
            recorder.pass(CheckName::Coverage);
            Some(about)
        }
        Err((name, failure)) => {
            recorder.fail(name, failure);
            None
        }
    }
}

type Named = (CheckName, Failure);

/// The digest in the bundle is nothing but a claim; where it is made it must be true all the same.
fn message(stated: Option<&(DigestAlgorithm, Vec<u8>)>, artifact: &Digests) -> Result<About, Named> {
    if artifact.commit().is_some() {
        return Err(differs(artifact));
    }
    let Some((algorithm, digest)) = stated else { return Ok(About::Artifact) };
    let own = artifact.get(*algorithm).ok_or_else(|| unknown(*algorithm))?;
    if own == digest { Ok(About::Artifact) } else { Err(differs(artifact)) }
}

fn statement(payload: &[u8], payload_type: &str, artifact: &Digests) -> Result<About, Named> {
    if payload_type != IN_TOTO {
        let failure = Failure::new(Reason::Unsupported, &payload_type, &IN_TOTO);
        return Err((CheckName::Structure, failure));
    }
    let read = foreign_statement::parse(payload).map_err(|error| {
        let failure = Failure::new(Reason::Malformed, &error, &"an in-toto statement");
        (CheckName::Structure, failure)
    })?;
    if let Some(commit) = artifact.commit() {
        let names_it = read.commits.iter().any(|named| named == commit);
        return if names_it { Ok(About::Predicate(read.predicate_type)) } else { Err(differs(artifact)) };
    }
    // A subject is the artifact when all digests of it that we know agree, and there is at least one.
    let is_artifact = |subject: &Vec<(DigestAlgorithm, String)>| {
        let mut known = subject.iter().filter_map(|(algorithm, stated)| {
            artifact.get(*algorithm).map(|own| hex::encode(own) == *stated)
        });
        let first = known.next();
        first == Some(true) && known.all(|agrees| agrees)
    };
    if read.subjects.iter().any(is_artifact) {
        return Ok(About::Predicate(read.predicate_type));
    }
    let is_comparable = |subject: &Vec<(DigestAlgorithm, String)>| {
        subject.iter().any(|(algorithm, _)| artifact.get(*algorithm).is_some())
    };
    match read.subjects.iter().flatten().next() {
        Some((algorithm, _)) if !read.subjects.iter().any(is_comparable) => Err(unknown(*algorithm)),
        Some(_) | None => Err(differs(artifact)),
    }
}

fn differs(artifact: &Digests) -> Named {
    let failure = Failure::new(Reason::DigestMismatch, &artifact.sha256(), &"what the signature names");
    (CheckName::Digest, failure)
}

fn unknown(algorithm: DigestAlgorithm) -> Named {
    let failure = Failure::new(Reason::Unsupported, &"only the artifact's sha256", &algorithm.name());
    (CheckName::Digest, failure)
}

/// Checks the signature with the signer's key.
pub(super) fn check_signature(signed: &Signed<'_>) -> Result<(), Failure> {
    let signature = signed.bundle.content.signature();
    let outcome = match (&signed.encoded, &signed.bundle.content) {
        (Some(encoded), _) => over_encoding(signed.key, encoded, signature),
        (None, Content::Message { digest, .. }) => {
            let algorithm = digest.as_ref().map(|(algorithm, _)| *algorithm);
            return over_artifact(signed, algorithm, signature);
        }
        (None, Content::Dsse { .. }) => Err(KeyError::Mismatch),
    };
    outcome.map_err(|error| wrong(&error))
}

fn wrong(error: &KeyError) -> Failure {
    Failure::new(Reason::SignatureWrong, error, &"a signature by the signer's key")
}

/// P-384 keys sign SHA-384 by the specification; clients of 2023 used SHA-256.
fn over_encoding(key: &VerifyingKey, encoded: &[u8], signature: &[u8]) -> Result<(), KeyError> {
    let usual = usual_scheme(key.kind());
    let first = key.verify(usual, encoded, signature);
    match key.kind() {
        KeyKind::P384 => {
            first.or_else(|_| key.verify(SignatureScheme::Ecdsa(DigestAlgorithm::Sha256), encoded, signature))
        }
        KeyKind::Ed25519 | KeyKind::P256 | KeyKind::Rsa(_) => first,
    }
}

fn over_artifact(
    signed: &Signed<'_>,
    stated: Option<DigestAlgorithm>,
    signature: &[u8],
) -> Result<(), Failure> {
    let unsupported = |actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display| {
        Failure::new(Reason::Unsupported, actual, expected)
    };
    let usual = usual_scheme(signed.key.kind());
    // Ed25519 signs the bytes themselves, which are not here.
    let algorithm = stated.or_else(|| usual.digest());
    let (Some(algorithm), Some(_)) = (algorithm, usual.digest()) else {
        return Err(unsupported(&"an Ed25519 signature over the artifact itself", &"one over its digest"));
    };
    let scheme = match signed.key.kind() {
        KeyKind::Rsa(_) => SignatureScheme::Rsa(algorithm),
        KeyKind::P256 | KeyKind::P384 | KeyKind::Ed25519 => SignatureScheme::Ecdsa(algorithm),
    };
    let digest = signed.artifact.get(algorithm);
    let digest = digest.ok_or_else(|| unsupported(&"only the artifact's sha256", &algorithm.name()))?;
    signed.key.verify_prehashed(scheme, digest, signature).map_err(|error| wrong(&error))
}

/// The scheme that Sigstore's clients use a key with unless something else is said.
pub(super) const fn usual_scheme(kind: KeyKind) -> SignatureScheme {
    match kind {
        KeyKind::Ed25519 => SignatureScheme::Ed25519,
        KeyKind::P256 => SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
        KeyKind::P384 => SignatureScheme::Ecdsa(DigestAlgorithm::Sha384),
        KeyKind::Rsa(_) => SignatureScheme::Rsa(DigestAlgorithm::Sha256),
    }
}
