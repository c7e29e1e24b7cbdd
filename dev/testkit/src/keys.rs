//! Throw-away keys that sign without a warrant: for building fixtures in tests, never in the product.

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::digest::DigestAlgorithm;

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// A key pair that lives as long as the test.
pub struct TestKey {
    algorithm: KeyAlgorithm,
    pair: Pair,
}

impl std::fmt::Debug for TestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TestKey({})", self.algorithm)
    }
}

impl TestKey {
    /// Makes a key. RSA takes up to two seconds.
    ///
    /// # Panics
    /// When the provider fails.
    #[must_use]
    #[expect(clippy::expect_used, reason = "test fixture")]
    pub fn generate(algorithm: KeyAlgorithm) -> Self {
        let pair = match algorithm {
            KeyAlgorithm::EcdsaP256 => {
                Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("p256"))
            }
            KeyAlgorithm::EcdsaP384 => {
                Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).expect("p384"))
            }
            KeyAlgorithm::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().expect("ed25519")),
            KeyAlgorithm::Rsa3072 => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa3072).expect("rsa")),
            KeyAlgorithm::Rsa4096 => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa4096).expect("rsa")),
        };
        Self { algorithm, pair }
    }
    /// The public half as SubjectPublicKeyInfo.
    ///
    /// # Panics
    /// When the provider fails.
    #[must_use]
    #[expect(clippy::expect_used, reason = "test fixture")]
    pub fn public_key(&self) -> PublicKey {
        let der: PublicKeyX509Der<'_> = match &self.pair {
            Pair::Ecdsa(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
        }
        .expect("spki");
        PublicKey { algorithm: self.algorithm, spki: der.as_ref().to_vec() }
    }
    /// The private half as PKCS#8, for foreign tools.
    ///
    /// # Panics
    /// When the provider fails.
    #[must_use]
    #[expect(clippy::expect_used, reason = "test fixture")]
    pub fn pkcs8(&self) -> Vec<u8> {
        use aws_lc_rs::encoding::{Pkcs8V1Der, Pkcs8V2Der};
        match &self.pair {
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().expect("pkcs8").as_ref().to_vec(),
            Pair::Ed25519(pair) => {
                let der: Pkcs8V2Der<'_> = pair.as_der().expect("pkcs8");
                der.as_ref().to_vec()
            }
            Pair::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().expect("pkcs8");
                der.as_ref().to_vec()
            }
        }
    }
    /// Signs a message as the algorithm's scheme says: ECDSA answers are DER.
    ///
    /// # Panics
    /// When the provider fails.
    #[must_use]
    #[expect(clippy::expect_used, reason = "test fixture")]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, message).expect("sign").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("sign");
                signature
            }
        }
    }
    /// Signs a digest that was made elsewhere; `None` when it is not of the scheme's algorithm and size, and always for
    /// Ed25519.
    #[must_use]
    pub fn sign_digest(&self, algorithm: DigestAlgorithm, digest: &[u8]) -> Option<Vec<u8>> {
        if self.algorithm.digest() != Some(algorithm) {
            return None;
        }
        let digest = Digest::import_less_safe(digest, algorithm.provider()).ok()?;
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign_digest(&digest).ok().map(|s| s.as_ref().to_vec()),
            Pair::Ed25519(_) => None,
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}
