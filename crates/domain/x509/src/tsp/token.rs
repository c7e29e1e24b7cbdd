//! Makes tokens of our own authority: phase 1 gives the bytes to be signed, phase 2 the token.
//!
//! ```text
//! TSTInfo ── digest ──▶ signed attributes {contentType id-ct-TSTInfo, messageDigest, signingCertificateV2}
//!                        └── signature by the authority's key ──▶ SignedData version 3 with TSTInfo inside
//! ```
//!
//! No signingTime: genTime is the time, and a second one could only contradict it.

use super::ess;
use super::request::CertificateWish;
use super::tst_info::{TstInfo, TstInfoError};
use crate::certificate::Certificate;
use crate::cms::oid;
use crate::cms::signed_attributes::{AttributesError, SignedAttributes};
use crate::cms::signed_data::{self, AssembleError, EncapsulatedContent, Parts};
use crate::signature::SignatureScheme;

/// Largest token in bytes, made or read.
pub const MAX_SIZE: usize = 64 << 10;

/// The authority that stamps.
#[derive(Debug, Clone, Copy)]
pub struct Authority<'a> {
    /// Its certificate, with the purpose timeStamping only.
    pub certificate: &'a Certificate,
    /// Issuers of it that a requester may ask for, without the root.
    pub issuers: &'a [Certificate],
    /// How its key signs.
    pub scheme: SignatureScheme,
}

/// Why a token is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The TSTInfo is not one that our own reader takes.
    #[error("timestamp information is not acceptable")]
    Info(#[source] TstInfoError),
    /// The key signs without a digest (Ed25519), which CMS keys here do not.
    #[error("signature scheme of the authority has no digest")]
    Scheme,
    /// The attributes cannot be built.
    #[error("attributes of the token cannot be built")]
    Attributes(#[source] AttributesError),
    /// The token cannot be assembled.
    #[error("token cannot be assembled")]
    Assemble(#[source] AssembleError),
}

/// Phase 1: the signed attributes over a TSTInfo (DER, read strictly first). Deterministic.
pub fn attributes(tst_info: &[u8], authority: &Authority<'_>) -> Result<SignedAttributes, TokenError> {
    TstInfo::parse(tst_info).map_err(TokenError::Info)?;
    let digest = authority.scheme.digest().ok_or(TokenError::Scheme)?;
    let named = (oid::SIGNING_CERTIFICATE_V2, ess::signing_certificate_v2(authority.certificate));
    SignedAttributes::build(oid::TST_INFO, &digest.hash(tst_info), &[named]).map_err(TokenError::Attributes)
}

/// Phase 2: the token, a ContentInfo in DER. `signature` is over the bytes of [`attributes`].
pub fn assemble(
    tst_info: &[u8],
    authority: &Authority<'_>,
    wish: CertificateWish,
    signature: &[u8],
) -> Result<Vec<u8>, TokenError> {
    let attributes = attributes(tst_info, authority)?;
    let mut certificates = Vec::new();
    if wish == CertificateWish::Include {
        certificates.push(authority.certificate.clone());
        certificates.extend_from_slice(authority.issuers);
    }
    signed_data::assemble(&Parts {
        content_type: oid::TST_INFO,
        content: EncapsulatedContent::Octets(tst_info),
        signer: authority.certificate,
        certificates: &certificates,
        attributes: &attributes,
        scheme: authority.scheme,
        signature,
    })
    .map_err(TokenError::Assemble)
}
