//! What is signed for a Notary statement, and the envelope that carries the signature.

use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;
use chancery_x509::certificate::Certificate;

use super::algorithm::Algorithm;
use super::envelope::{Contents, Envelope, Kind};
use super::header::Written;
use super::statement::Body;
use super::{cose, jws};
use crate::seam::{FormatError, Parts, Signer};

/// Header and payload, encoded for the envelope's kind.
struct Encoded {
    kind: Kind,
    algorithm: Algorithm,
    protected: Vec<u8>,
    payload: Vec<u8>,
}

impl Encoded {
    fn new(statement: &Statement, signer: &Signer<'_>) -> Result<Self, FormatError> {
        let body = Body::parse(statement)?;
        let algorithm = Algorithm::of_signer(signer.public_key)?;
        check_digest(&body, algorithm)?;
        let header = Written::new(algorithm, body.signing_time(signer.caller)?, body.expiry_seconds)?;
        let kind = body.envelope;
        let protected = match kind {
            Kind::Jws => jws::protected(&header)?,
            Kind::Cose => cose::protected(&header)?,
        };
        let payload = body.target(statement).encode(kind)?;
        Ok(Self { kind, algorithm, protected, payload })
    }
    fn signed(&self) -> Vec<u8> {
        match self.kind {
            Kind::Jws => jws::signed(&self.protected, &self.payload),
            Kind::Cose => cose::signed(&self.protected, &self.payload),
        }
    }
}

/// The bytes that are signed: a function of statement, key and the moment at which the caller's token was issued.
pub fn to_be_signed(statement: &Statement, signer: &Signer<'_>) -> Result<ToBeSigned, FormatError> {
    Ok(ToBeSigned::Message(Encoded::new(statement, signer)?.signed()))
}

/// The envelope. `parts` hold the certificates from leaf to root.
pub fn assemble(
    statement: &Statement,
    signer: &Signer<'_>,
    parts: &Parts<'_>,
) -> Result<Vec<u8>, FormatError> {
    let encoded = Encoded::new(statement, signer)?;
    let refuse = |what: &str| FormatError::Parts(what.to_owned());
    let leaf = parts.certificates.first().ok_or_else(|| refuse("no certificate of the signer"))?;
    let leaf = Certificate::parse(leaf).map_err(|error| refuse(&error.to_string()))?;
    if leaf.spki() != signer.public_key.spki.as_slice() {
        return Err(refuse("the first certificate is not that of the signing key"));
    }
    let contents = Contents {
        protected: &encoded.protected,
        payload: &encoded.payload,
        signature: &encoded.algorithm.to_envelope(parts.signature)?,
        certificates: parts.certificates,
        timestamp: parts.timestamp,
    };
    let envelope = match encoded.kind {
        Kind::Jws => jws::write(&contents)?,
        Kind::Cose => cose::write(&contents),
    };
    // What leaves must be what our own reader accepts, with the bytes that were signed.
    match Envelope::parse(&envelope) {
        Ok(read) if read.signed == encoded.signed() => Ok(envelope),
        Ok(_) => Err(refuse("the envelope does not read back")),
        Err(error) => Err(FormatError::Parts(error.to_string())),
    }
}

/// notation names a file by the digest of the key's algorithm; statements name it by SHA-256.
fn check_digest(body: &Body, algorithm: Algorithm) -> Result<(), FormatError> {
    if body.is_in_registry() || algorithm.digest() == chancery_core::digest::DigestAlgorithm::Sha256 {
        return Ok(());
    }
    let what = format!("files under {} keys; images can be signed, files need a P-256 key", algorithm.jws());
    Err(FormatError::Unsupported(what))
}
