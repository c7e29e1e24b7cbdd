//! A private key in memory, parsed once, with its signature scheme.

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, Pkcs8V2Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::warrant::ToBeSigned;
use zeroize::Zeroizing;

enum Inner {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// A key pair of a known algorithm. The provider cleanses its memory when it is dropped.
pub(crate) struct Pair {
    algorithm: KeyAlgorithm,
    inner: Inner,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pair({})", self.algorithm)
    }
}

/// What went wrong with a key in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PairError {
    /// A digest of another algorithm or size than the scheme's, or any digest for Ed25519.
    #[error("digest is not of the algorithm that the key signs with")]
    DigestMismatch,
    /// The provider failed.
    #[error("cryptographic provider failed")]
    Provider,
}

const fn ecdsa(algorithm: KeyAlgorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => Some(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyAlgorithm::EcdsaP384 => Some(&ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => None,
    }
}

impl Pair {
    /// Makes a key pair. RSA-4096 takes seconds.
    pub(crate) fn generate(algorithm: KeyAlgorithm) -> Result<Self, PairError> {
        let inner = match algorithm {
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => {
                let scheme = ecdsa(algorithm).ok_or(PairError::Provider)?;
                EcdsaKeyPair::generate(scheme).map(Inner::Ecdsa)
            }
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::generate().map(Inner::Ed25519),
            KeyAlgorithm::Rsa3072 => RsaKeyPair::generate(KeySize::Rsa3072).map(Inner::Rsa),
            KeyAlgorithm::Rsa4096 => RsaKeyPair::generate(KeySize::Rsa4096).map(Inner::Rsa),
        };
        Ok(Self { algorithm, inner: inner.map_err(|_| PairError::Provider)? })
    }
    /// Parses PKCS#8; `None` when it is not a key of this algorithm and size.
    pub(crate) fn from_pkcs8(algorithm: KeyAlgorithm, pkcs8: &[u8]) -> Option<Self> {
        let inner = match algorithm {
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => {
                EcdsaKeyPair::from_pkcs8(ecdsa(algorithm)?, pkcs8).ok().map(Inner::Ecdsa)
            }
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Inner::Ed25519),
            KeyAlgorithm::Rsa3072 => rsa(pkcs8, 384),
            KeyAlgorithm::Rsa4096 => rsa(pkcs8, 512),
        };
        Some(Self { algorithm, inner: inner? })
    }
    /// The private half, to be encrypted at once.
    pub(crate) fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, PairError> {
        let bytes = match &self.inner {
            Inner::Ecdsa(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Inner::Ed25519(pair) => pair.as_der().map(|der: Pkcs8V2Der<'_>| der.as_ref().to_vec()),
            Inner::Rsa(pair) => pair.as_der().map(|der: Pkcs8V1Der<'_>| der.as_ref().to_vec()),
        };
        bytes.map(Zeroizing::new).map_err(|_| PairError::Provider)
    }
    /// The public half.
    pub(crate) fn public_key(&self) -> Result<PublicKey, PairError> {
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.inner {
            Inner::Ecdsa(pair) => pair.public_key().as_der(),
            Inner::Ed25519(pair) => pair.public_key().as_der(),
            Inner::Rsa(pair) => pair.public_key().as_der(),
        };
        let spki = der.map_err(|_| PairError::Provider)?.as_ref().to_vec();
        Ok(PublicKey { algorithm: self.algorithm, spki })
    }
    /// Signs as the algorithm's scheme says. The random source is ignored by the provider, which has its own.
    pub(crate) fn sign(&self, to_be_signed: &ToBeSigned) -> Result<Vec<u8>, PairError> {
        match to_be_signed {
            ToBeSigned::Message(message) => self.sign_message(message),
            ToBeSigned::Prehashed(algorithm, digest) => {
                if self.algorithm.digest() != Some(*algorithm) {
                    return Err(PairError::DigestMismatch);
                }
                let digest = Digest::import_less_safe(digest, algorithm.provider())
                    .map_err(|_| PairError::DigestMismatch)?;
                self.sign_digest(&digest)
            }
        }
    }
    fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, PairError> {
        let random = SystemRandom::new();
        let signature = match &self.inner {
            Inner::Ecdsa(pair) => pair.sign(&random, message).map(|s| s.as_ref().to_vec()),
            Inner::Ed25519(pair) => pair.try_sign(message).map(|s| s.as_ref().to_vec()),
            Inner::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
        };
        signature.map_err(|_| PairError::Provider)
    }
    fn sign_digest(&self, digest: &Digest) -> Result<Vec<u8>, PairError> {
        let signature = match &self.inner {
            Inner::Ecdsa(pair) => pair.sign_digest(digest).map(|s| s.as_ref().to_vec()),
            Inner::Ed25519(_) => return Err(PairError::DigestMismatch),
            Inner::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, digest, &mut signature).map(|()| signature)
            }
        };
        signature.map_err(|_| PairError::Provider)
    }
}

fn rsa(pkcs8: &[u8], modulus_size: usize) -> Option<Inner> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
    (pair.public_modulus_len() == modulus_size).then_some(Inner::Rsa(pair))
}
