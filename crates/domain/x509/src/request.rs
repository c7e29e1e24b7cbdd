//! Certificate requests (PKCS #10, RFC 2986 §4): read for the key and for the proof that its holder asks.
//!
//! ```text
//! 30 …                        CertificationRequest
//!   30 …                        CertificationRequestInfo: what is signed
//!     02 01 00                    version 0
//!     30 …                        subject
//!     30 59 …                     SubjectPublicKeyInfo
//!     a0 …                        attributes
//!   30 0a 06 08 2a8648ce3d040302  ecdsa-with-SHA256
//!   03 …                        signature by that key
//! ```
//! Subject and attributes are taken as they are and never looked at: names come from tokens.

use chancery_core::algorithm::PublicKey;

use crate::key::{self, KeyError, VerifyingKey};
use crate::signature::SignatureScheme;
use crate::tlv::{self, Reader, TlvError};

/// Largest request in bytes.
const MAX: usize = 8192;

/// A certificate request that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// Its key cannot be used.
    #[error("key cannot be used")]
    Key(#[source] KeyError),
    /// Not the DER that was expected, or larger than 8 KiB.
    #[error("not a certificate request")]
    Malformed(#[source] TlvError),
    /// Signed in another way than its key does here.
    #[error("signature algorithm does not fit the key")]
    Scheme,
    /// Not signed by its own key.
    #[error("not signed by the key that it names")]
    Signature,
}

impl From<TlvError> for InvalidRequest {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error)
    }
}

/// A request whose signature was verified with its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    key: PublicKey,
}

impl CertificateRequest {
    /// Reads a request, DER, with nothing after it, and verifies its signature.
    pub fn parse(der: &[u8]) -> Result<Self, InvalidRequest> {
        if der.len() > MAX {
            return Err(InvalidRequest::Malformed(TlvError::Length));
        }
        let mut outer = tlv::only(der, tlv::SEQUENCE)?;
        let info = outer.element(tlv::SEQUENCE)?;
        let scheme = outer.element(tlv::SEQUENCE)?;
        let signature = outer.bit_string()?;
        outer.finish()?;
        let key = VerifyingKey::parse(spki(info.value)?).map_err(InvalidRequest::Key)?;
        let key = key.signing_key().ok_or(InvalidRequest::Scheme)?;
        let usual = SignatureScheme::of(key.algorithm);
        if SignatureScheme::parse(scheme.raw).ok() != Some(usual) {
            return Err(InvalidRequest::Scheme);
        }
        key::verify(&key, info.raw, signature).map_err(|_| InvalidRequest::Signature)?;
        Ok(Self { key })
    }
    /// SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.key.spki
    }
}

fn spki(info: &[u8]) -> Result<&[u8], TlvError> {
    let mut reader = Reader::new(info);
    if reader.small()? != 0 {
        return Err(TlvError::Value("version"));
    }
    reader.element(tlv::SEQUENCE)?;
    let spki = reader.element(tlv::SEQUENCE)?.raw;
    reader.element(tlv::context(0))?;
    reader.finish()?;
    Ok(spki)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

    fn spki_of(pair: &EcdsaKeyPair) -> Vec<u8> {
        let head =
            [0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce];
        let head = [&head[..], &[0x3d, 3, 1, 7, 3, 0x42, 0]].concat();
        [&head, pair.public_key().as_ref()].concat()
    }

    fn request(pair: &EcdsaKeyPair, signer: &EcdsaKeyPair) -> Vec<u8> {
        let name = tlv::write(tlv::SEQUENCE, &[]);
        let attributes = tlv::write(tlv::context(0), &[]);
        let info = tlv::write(tlv::SEQUENCE, &[&[2, 1, 0], &name, &spki_of(pair), &attributes]);
        let signature = signer.sign(&SystemRandom::new(), &info).unwrap();
        let scheme = SignatureScheme::of(chancery_core::algorithm::KeyAlgorithm::EcdsaP256).to_der();
        let bits = tlv::write(tlv::BIT_STRING, &[&[0], signature.as_ref()]);
        tlv::write(tlv::SEQUENCE, &[&info, &scheme, &bits])
    }

    #[test]
    fn a_request_is_one_of_its_own_key_to_the_last_bit() {
        let pair = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let (ours, theirs) = (pair(), pair());
        let good = request(&ours, &ours);
        assert_eq!(CertificateRequest::parse(&good).unwrap().spki(), spki_of(&ours));
        assert_eq!(CertificateRequest::parse(&request(&ours, &theirs)), Err(InvalidRequest::Signature));
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert!(CertificateRequest::parse(&bad).is_err(), "byte {at} bit {bit}");
            }
            assert!(CertificateRequest::parse(&good[..at]).is_err(), "cut at {at}");
        }
        assert!(CertificateRequest::parse(&[&good[..], &[0]].concat()).is_err());
        assert!(CertificateRequest::parse(&vec![0x30; MAX + 1]).is_err());
    }
}
