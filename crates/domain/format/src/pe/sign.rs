//! What is signed for a PE statement, and the CMS structure that carries the signature.

use chancery_core::digest::DigestAlgorithm;
use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;
use chancery_x509::certificate::Certificate;
use chancery_x509::cms::attribute::Attribute;
use chancery_x509::cms::signed_attributes::SignedAttributes;
use chancery_x509::cms::signed_data::{self, EncapsulatedContent};
use chancery_x509::cms::{oid, unsigned};
use chancery_x509::signature::SignatureScheme;

use crate::pe::spc;
use crate::pe::statement::Body;
use crate::seam::{FormatError, Parts, Signer};

/// The CMS signed attributes over the image digest: `31 L …` (RFC 5652 §5.4). The same for every signer with the same
/// digest; nothing of the caller is in them.
pub fn to_be_signed(statement: &Statement, signer: &Signer<'_>) -> Result<ToBeSigned, FormatError> {
    let body = Body::parse(statement)?;
    check_digest(body.digest_algorithm, signer)?;
    let content = spc::indirect_data(body.digest_algorithm, &body.image_digest);
    Ok(ToBeSigned::Message(attributes(&body, &content)?.to_be_signed().to_vec()))
}

/// The CMS ContentInfo with the signature, the signer's certificate and its issuers, and the RFC 3161 token as the
/// unsigned attribute that Windows reads.
pub fn assemble(
    statement: &Statement,
    signer: &Signer<'_>,
    parts: &Parts<'_>,
) -> Result<Vec<u8>, FormatError> {
    let body = Body::parse(statement)?;
    check_digest(body.digest_algorithm, signer)?;
    let certificates = parse_certificates(parts.certificates)?;
    let leaf = certificates.first().ok_or_else(|| refuse("no certificate of the signer"))?;
    if leaf.spki() != signer.public_key.spki.as_slice() {
        return Err(refuse("the first certificate is not that of the signing key"));
    }
    let content = spc::indirect_data(body.digest_algorithm, &body.image_digest);
    let attributes = attributes(&body, &content)?;
    let scheme = SignatureScheme::of(signer.public_key.algorithm);
    let blob = signed_data::assemble(&signed_data::Parts {
        content_type: oid::SPC_INDIRECT_DATA,
        content: EncapsulatedContent::Pkcs7(&content),
        signer: leaf,
        certificates: &certificates,
        attributes: &attributes,
        scheme,
        signature: parts.signature,
    });
    let blob = blob.map_err(|error| refuse(error.to_string()))?;
    match parts.timestamp {
        None => Ok(blob),
        Some(token) => unsigned::attach(&blob, &Attribute::single(oid::SPC_RFC3161, token.to_vec()))
            .map_err(|error| refuse(error.to_string())),
    }
}

fn parse_certificates(certificates: &[Vec<u8>]) -> Result<Vec<Certificate>, FormatError> {
    let parse = |der: &Vec<u8>| Certificate::parse(der).map_err(|error| refuse(error.to_string()));
    certificates.iter().map(parse).collect()
}

fn attributes(body: &Body, content: &[u8]) -> Result<SignedAttributes, FormatError> {
    let value = spc::value_of(content)?;
    let digest = body.digest_algorithm.hash(value);
    SignedAttributes::build(oid::SPC_INDIRECT_DATA, &digest, &spc::attributes(body))
        .map_err(|error| FormatError::Statement(error.to_string()))
}

/// Image, attributes and signature share one digest algorithm: verifiers know only the one in the signer info.
fn check_digest(algorithm: DigestAlgorithm, signer: &Signer<'_>) -> Result<(), FormatError> {
    let of_key = signer.public_key.algorithm.digest();
    if of_key == Some(algorithm) {
        return Ok(());
    }
    let (key, digest) = (signer.public_key.algorithm, algorithm.name());
    Err(FormatError::Statement(format!("a key of algorithm `{key}` does not sign {digest} digests")))
}

fn refuse(what: impl Into<String>) -> FormatError {
    FormatError::Parts(what.into())
}
