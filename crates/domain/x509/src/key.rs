//! Public keys: SubjectPublicKeyInfo read strictly (RFC 5480 §2, RFC 8017 A.1.1, RFC 8410 §4), and verification.
//!
//! ```text
//! 30 59 30 13 06 07 2a8648ce3d0201 06 08 2a8648ce3d030107 03 42 00 04 <x, 32 bytes> <y, 32 bytes>      P-256
//! 30 2a 30 05 06 03 2b6570 03 21 00 <32 bytes>                                                         Ed25519
//! 30 …  30 0d 06 09 2a864886f70d010101 05 00 03 … 00 30 … 02 <n> 02 <e>                               RSA
//! ```
//! A [`VerifyingKey`] may be an RSA key of 2048 bits, as foreign intermediates are; only what
//! [`VerifyingKey::signing_key`] yields may ever be a key of ours (CSBR 6.1.5.2: RSA of 3072 bits and more).

use std::fmt;
use std::hash::{Hash, Hasher};

use aws_lc_rs::digest::Digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::digest::{DigestAlgorithm, Sha256};

use crate::oid;
use crate::rsa;
use crate::signature::SignatureScheme;
use crate::tlv::{self, Reader, TlvError};

/// What kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Ed25519.
    Ed25519,
    /// Curve P-256.
    P256,
    /// Curve P-384.
    P384,
    /// RSA, with the size of its modulus in bits: 2048 to 8192.
    Rsa(usize),
}

/// Why a key was refused, or a signature was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Another algorithm, curve or parameter form.
    #[error("key algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// Not DER.
    #[error("public key is malformed")]
    Malformed(#[source] TlvError),
    /// The scheme cannot be made with this kind of key, or the digest has the wrong size.
    #[error("signature algorithm does not fit the key")]
    Mismatch,
    /// A point off its curve, an even modulus or exponent, a modulus with a small factor.
    #[error("public key is weak or not on its curve")]
    Weak,
    /// The signature is not by this key over these bytes.
    #[error("signature is wrong")]
    WrongSignature,
    /// An RSA modulus of other than 2048 to 8192 bits.
    #[error("rsa key has {0} bits; expected 2048 to 8192")]
    Size(usize),
}

/// A key that was read strictly and can verify, read once for all its verifications. May be weaker than what we sign
/// with ourselves. Equality is equality of the SubjectPublicKeyInfo.
#[derive(Clone)]
pub struct VerifyingKey {
    kind: KeyKind,
    spki: Vec<u8>,
    /// The provider's form for [`usual_scheme`]; its bytes are the key bits: point, raw key, or RSAPublicKey.
    parsed: ParsedPublicKey,
}

impl VerifyingKey {
    /// Reads SubjectPublicKeyInfo, DER, with nothing after it.
    pub fn parse(spki: &[u8]) -> Result<Self, KeyError> {
        let mut outer = tlv::only(spki, tlv::SEQUENCE).map_err(KeyError::Malformed)?;
        let algorithm = outer.inner(tlv::SEQUENCE).map_err(KeyError::Malformed)?;
        let bits = outer.bit_string().map_err(KeyError::Malformed)?;
        outer.finish().map_err(KeyError::Malformed)?;
        let kind = read_kind(algorithm, bits)?;
        let usual = provider(kind, usual_scheme(kind)).ok_or(KeyError::Mismatch)?;
        // INVARIANT: the provider refuses points off their curve here, before the key can be used for anything.
        let parsed = ParsedPublicKey::new(usual, bits).map_err(|_| KeyError::Weak)?;
        Ok(Self { kind, spki: spki.to_vec(), parsed })
    }
    /// What kind of key it is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }
    /// SubjectPublicKeyInfo, DER, byte for byte as read.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
    /// The same key as one of ours; `None` for what may verify only, such as RSA of 2048 bits.
    #[must_use]
    pub fn signing_key(&self) -> Option<PublicKey> {
        let algorithm = match self.kind {
            KeyKind::Ed25519 => KeyAlgorithm::Ed25519,
            KeyKind::P256 => KeyAlgorithm::EcdsaP256,
            KeyKind::P384 => KeyAlgorithm::EcdsaP384,
            KeyKind::Rsa(3072) => KeyAlgorithm::Rsa3072,
            KeyKind::Rsa(4096) => KeyAlgorithm::Rsa4096,
            KeyKind::Rsa(_) => return None,
        };
        Some(PublicKey { algorithm, spki: self.spki.clone() })
    }
    /// SHA-256 of the SubjectPublicKeyInfo: log id, issuer key hash, Sigstore key hint.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.spki)
    }
    /// Key identifier for certificates: the leftmost 160 bits of the SHA-256 of the key bits (RFC 7093 §2 method 1).
    #[must_use]
    pub fn identifier(&self) -> [u8; 20] {
        let mut out = [0; 20];
        for (to, from) in out.iter_mut().zip(Sha256::of(self.parsed.as_ref()).as_bytes()) {
            *to = *from;
        }
        out
    }
    /// Verifies a signature over a message.
    pub fn verify(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let algorithm = provider(self.kind, scheme).ok_or(KeyError::Mismatch)?;
        let outcome = if scheme == usual_scheme(self.kind) {
            self.parsed.verify_sig(message, signature)
        } else {
            UnparsedPublicKey::new(algorithm, &self.parsed).verify(message, signature)
        };
        outcome.map_err(|_| KeyError::WrongSignature)
    }
    /// Verifies an RSASSA-PSS signature (RFC 8017 §8.1.2) over a message: digest, mask and salt of one size. For envelopes
    /// alone; certificates signed like this are not accepted.
    pub fn verify_pss(
        &self,
        digest: DigestAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        let KeyKind::Rsa(_) = self.kind else { return Err(KeyError::Mismatch) };
        let algorithm = match digest {
            DigestAlgorithm::Sha256 => &RSA_PSS_2048_8192_SHA256,
            DigestAlgorithm::Sha384 => &RSA_PSS_2048_8192_SHA384,
            DigestAlgorithm::Sha512 => &RSA_PSS_2048_8192_SHA512,
        };
        let key = UnparsedPublicKey::new(algorithm, &self.parsed);
        key.verify(message, signature).map_err(|_| KeyError::WrongSignature)
    }
    /// Verifies a signature over a message whose digest is given; the scheme names the digest. Not for Ed25519.
    pub fn verify_prehashed(
        &self,
        scheme: SignatureScheme,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        let algorithm = provider(self.kind, scheme).ok_or(KeyError::Mismatch)?;
        let hash = scheme.digest().ok_or(KeyError::Mismatch)?;
        let digest = Digest::import_less_safe(digest, hash.provider()).map_err(|_| KeyError::Mismatch)?;
        let outcome = if scheme == usual_scheme(self.kind) {
            self.parsed.verify_digest_sig(&digest, signature)
        } else {
            UnparsedPublicKey::new(algorithm, &self.parsed).verify_digest(&digest, signature)
        };
        outcome.map_err(|_| KeyError::WrongSignature)
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}
impl Eq for VerifyingKey {}
impl Hash for VerifyingKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spki.hash(state);
    }
}
impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({:?}, sha256 {})", self.kind, self.fingerprint())
    }
}

/// Reads SubjectPublicKeyInfo of a key that we may sign with: P-256, P-384, Ed25519, RSA of 3072 or 4096 bits.
pub fn parse(spki: &[u8]) -> Result<PublicKey, KeyError> {
    let key = VerifyingKey::parse(spki)?;
    key.signing_key().ok_or(match key.kind {
        KeyKind::Rsa(size) => KeyError::Size(size),
        KeyKind::Ed25519 | KeyKind::P256 | KeyKind::P384 => KeyError::Mismatch,
    })
}

/// Verifies a signature with the one scheme of the key's algorithm, after reading the key strictly and checking that
/// it is what its label says.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
    checked(key)?.verify(SignatureScheme::of(key.algorithm), message, signature)
}

/// As [`verify`], over a digest of the algorithm that the scheme uses.
pub fn verify_prehashed(key: &PublicKey, digest: &[u8], signature: &[u8]) -> Result<(), KeyError> {
    checked(key)?.verify_prehashed(SignatureScheme::of(key.algorithm), digest, signature)
}

/// Reads one of our keys and checks that it is what its label says.
pub fn checked(key: &PublicKey) -> Result<VerifyingKey, KeyError> {
    let parsed = VerifyingKey::parse(&key.spki)?;
    match parsed.signing_key() {
        Some(found) if found.algorithm == key.algorithm => Ok(parsed),
        Some(_) | None => Err(KeyError::Mismatch),
    }
}

fn read_kind(mut algorithm: Reader<'_>, bits: &[u8]) -> Result<KeyKind, KeyError> {
    let found = algorithm.value(tlv::OID).map_err(KeyError::Malformed)?;
    let refused = || KeyError::Algorithm(oid::dotted(found));
    let kind = if found == oid::EC_PUBLIC_KEY {
        // RFC 5480 §2.1.1.1: named curves only; explicit parameters are CVE-2020-0601.
        let curve = algorithm.value(tlv::OID).map_err(|_| refused())?;
        read_point(curve, bits)?
    } else if found == oid::RSA_ENCRYPTION {
        if algorithm.value(tlv::NULL).map_err(|_| refused())? != b"" {
            return Err(refused());
        }
        KeyKind::Rsa(rsa::read_modulus(bits)?)
    } else if found == oid::ED25519 {
        KeyKind::Ed25519
    } else {
        return Err(refused());
    };
    algorithm.finish().map_err(KeyError::Malformed)?;
    Ok(kind)
}

fn read_point(curve: &[u8], bits: &[u8]) -> Result<KeyKind, KeyError> {
    let (kind, size) = match curve {
        c if c == oid::P256 => (KeyKind::P256, 65),
        c if c == oid::P384 => (KeyKind::P384, 97),
        _ => return Err(KeyError::Algorithm(oid::dotted(curve))),
    };
    // Uncompressed only: a compressed point would be a second spelling of the same key.
    if bits.len() != size || bits.first() != Some(&4) {
        return Err(KeyError::Weak);
    }
    Ok(kind)
}

/// The scheme that keys of this kind are read for; others cost one more reading per verification.
const fn usual_scheme(kind: KeyKind) -> SignatureScheme {
    match kind {
        KeyKind::Ed25519 => SignatureScheme::Ed25519,
        KeyKind::P256 => SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
        KeyKind::P384 => SignatureScheme::Ecdsa(DigestAlgorithm::Sha384),
        KeyKind::Rsa(_) => SignatureScheme::Rsa(DigestAlgorithm::Sha256),
    }
}

fn provider(kind: KeyKind, scheme: SignatureScheme) -> Option<&'static dyn VerificationAlgorithm> {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    Some(match (kind, scheme) {
        (KeyKind::P256, SignatureScheme::Ecdsa(Sha256)) => &ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, SignatureScheme::Ecdsa(Sha384)) => &ECDSA_P256_SHA384_ASN1,
        (KeyKind::P256, SignatureScheme::Ecdsa(Sha512)) => &ECDSA_P256_SHA512_ASN1,
        (KeyKind::P384, SignatureScheme::Ecdsa(Sha256)) => &ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, SignatureScheme::Ecdsa(Sha384)) => &ECDSA_P384_SHA384_ASN1,
        (KeyKind::P384, SignatureScheme::Ecdsa(Sha512)) => &ECDSA_P384_SHA512_ASN1,
        (KeyKind::Ed25519, SignatureScheme::Ed25519) => &ED25519,
        (KeyKind::Rsa(_), SignatureScheme::Rsa(Sha256)) => &RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa(_), SignatureScheme::Rsa(Sha384)) => &RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa(_), SignatureScheme::Rsa(Sha512)) => &RSA_PKCS1_2048_8192_SHA512,
        (KeyKind::P256 | KeyKind::P384 | KeyKind::Ed25519 | KeyKind::Rsa(_), _) => return None,
    })
}
