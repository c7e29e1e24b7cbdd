//! Signature schemes: the allow-list, and their AlgorithmIdentifiers (RFC 5758 §3.2, RFC 4055 §5, RFC 8410 §3).
//!
//! ```text
//! 30 0a 06 08 2a 86 48 ce 3d 04 03 02                    ecdsa-with-SHA256, parameters absent
//! 30 0d 06 09 2a 86 48 86 f7 0d 01 01 0b 05 00           sha256WithRSAEncryption, parameters NULL
//! ```
//! SHA-1, MD5 and RSA-PSS are not on the list and therefore do not exist here.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::DigestAlgorithm;

use crate::oid::{self, Oid};
use crate::tlv::{self, TlvError};

/// A signature scheme that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureScheme {
    /// ECDSA, DER signatures, with this digest.
    Ecdsa(DigestAlgorithm),
    /// Ed25519.
    Ed25519,
    /// RSA PKCS#1 v1.5 with this digest.
    Rsa(DigestAlgorithm),
}

/// An AlgorithmIdentifier that is not on the allow-list, or not in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// Not DER.
    #[error("signature algorithm is malformed")]
    Malformed(#[source] TlvError),
    /// Parameters that do not belong to the algorithm.
    #[error("signature algorithm `{0}` has wrong parameters")]
    Parameters(String),
    /// Another algorithm: SHA-1, RSA-PSS, DSA …
    #[error("signature algorithm `{0}` is not accepted")]
    Refused(String),
}

const ALL: [SignatureScheme; 7] = [
    SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
    SignatureScheme::Ecdsa(DigestAlgorithm::Sha384),
    SignatureScheme::Ecdsa(DigestAlgorithm::Sha512),
    SignatureScheme::Ed25519,
    SignatureScheme::Rsa(DigestAlgorithm::Sha256),
    SignatureScheme::Rsa(DigestAlgorithm::Sha384),
    SignatureScheme::Rsa(DigestAlgorithm::Sha512),
];

impl SignatureScheme {
    /// The one scheme that keys of this algorithm sign with here.
    #[must_use]
    pub const fn of(algorithm: KeyAlgorithm) -> Self {
        match algorithm {
            KeyAlgorithm::EcdsaP256 => Self::Ecdsa(DigestAlgorithm::Sha256),
            KeyAlgorithm::EcdsaP384 => Self::Ecdsa(DigestAlgorithm::Sha384),
            KeyAlgorithm::Ed25519 => Self::Ed25519,
            KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => Self::Rsa(DigestAlgorithm::Sha256),
        }
    }
    /// The digest; `None` where the whole message is signed.
    #[must_use]
    pub const fn digest(self) -> Option<DigestAlgorithm> {
        match self {
            Self::Ecdsa(digest) | Self::Rsa(digest) => Some(digest),
            Self::Ed25519 => None,
        }
    }
    /// The algorithm's identifier.
    #[must_use]
    pub const fn oid(self) -> &'static Oid {
        match self {
            Self::Ecdsa(DigestAlgorithm::Sha256) => oid::ECDSA_SHA256,
            Self::Ecdsa(DigestAlgorithm::Sha384) => oid::ECDSA_SHA384,
            Self::Ecdsa(DigestAlgorithm::Sha512) => oid::ECDSA_SHA512,
            Self::Ed25519 => oid::ED25519,
            Self::Rsa(DigestAlgorithm::Sha256) => oid::RSA_SHA256,
            Self::Rsa(DigestAlgorithm::Sha384) => oid::RSA_SHA384,
            Self::Rsa(DigestAlgorithm::Sha512) => oid::RSA_SHA512,
        }
    }
    /// The AlgorithmIdentifier, DER.
    #[must_use]
    pub fn to_der(self) -> Vec<u8> {
        let null: &[u8] = match self {
            Self::Ecdsa(_) | Self::Ed25519 => &[],
            Self::Rsa(_) => &[tlv::NULL, 0],
        };
        tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::OID, &[self.oid()]), null])
    }
    /// Reads an AlgorithmIdentifier of the allow-list. RSA parameters must be NULL or absent (RFC 4055 §5 demands that
    /// both are accepted), all others absent.
    pub fn parse(der: &[u8]) -> Result<Self, SchemeError> {
        let mut inner = tlv::only(der, tlv::SEQUENCE).map_err(SchemeError::Malformed)?;
        let found = inner.value(tlv::OID).map_err(SchemeError::Malformed)?;
        let Some(scheme) = ALL.into_iter().find(|scheme| scheme.oid() == found) else {
            return Err(SchemeError::Refused(oid::dotted(found)));
        };
        let may_be_null = matches!(scheme, Self::Rsa(_));
        match inner.optional(tlv::NULL).map_err(SchemeError::Malformed)? {
            None if inner.is_empty() => Ok(scheme),
            Some([]) if may_be_null && inner.is_empty() => Ok(scheme),
            Some(_) | None => Err(SchemeError::Parameters(oid::dotted(found))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allow_list_round_trips() {
        for scheme in ALL {
            assert_eq!(SignatureScheme::parse(&scheme.to_der()), Ok(scheme));
            let mut longer = scheme.to_der();
            longer.push(0);
            assert!(SignatureScheme::parse(&longer).is_err());
        }
    }

    #[test]
    fn others_are_refused() {
        let sha1_rsa = const_oid::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
        let pss = const_oid::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
        let sha1_ecdsa = const_oid::ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
        for bad in [sha1_rsa, pss, sha1_ecdsa] {
            let der = tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::OID, &[bad.as_bytes()]), &[5, 0]]);
            assert!(matches!(SignatureScheme::parse(&der), Err(SchemeError::Refused(_))), "{bad}");
        }
        let ecdsa_null = tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::OID, &[oid::ECDSA_SHA256]), &[5, 0]]);
        assert!(matches!(SignatureScheme::parse(&ecdsa_null), Err(SchemeError::Parameters(_))));
    }
}
