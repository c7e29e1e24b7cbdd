//! Digests: SHA-256 as the identity of everything, SHA-384 and SHA-512 where a format demands them.

use std::fmt;

use aws_lc_rs::digest;

/// A SHA-256 value (32 bytes), shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

/// Text or bytes that are not the digest they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected {expected}")]
pub struct InvalidDigest {
    /// What would have been accepted.
    pub expected: &'static str,
}

impl Sha256 {
    /// Hashes `bytes` at once; for streams use [`Hasher`].
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_provider(&digest::digest(&digest::SHA256, bytes))
    }
    /// Takes 32 bytes that are already a SHA-256 value.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// Takes a slice of exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidDigest> {
        bytes.try_into().map(Self).map_err(|_| InvalidDigest { expected: "32 bytes" })
    }
    /// Parses 64 lower-case hexadecimal digits; upper case is refused because ids have one spelling.
    pub fn parse_hex(text: &str) -> Result<Self, InvalidDigest> {
        let expected = "64 lower-case hexadecimal digits";
        let mut out = [0u8; 32];
        if text.bytes().any(|b| b.is_ascii_uppercase()) || hex::decode_to_slice(text, &mut out).is_err() {
            return Err(InvalidDigest { expected });
        }
        Ok(Self(out))
    }
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    fn from_provider(value: &digest::Digest) -> Self {
        let mut out = [0u8; 32];
        for (to, from) in out.iter_mut().zip(value.as_ref()) {
            *to = *from;
        }
        Self(out)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}
impl serde::Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse_hex(&text).map_err(serde::de::Error::custom)
    }
}

/// A streaming SHA-256.
#[derive(Clone)]
pub struct Hasher(digest::Context);

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(sha256)")
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}
impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    /// Ends the stream.
    #[must_use]
    pub fn finish(self) -> Sha256 {
        Sha256::from_provider(&self.0.finish())
    }
}

/// The digest algorithms that the formats know. SHA-1 is deliberately absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestAlgorithm {
    /// SHA-256, the default everywhere (FIPS 180-4).
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl DigestAlgorithm {
    /// Output size in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
    /// Lower-case name without a hyphen, as in OCI and in-toto digests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
    /// The provider's algorithm.
    #[must_use]
    pub fn provider(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
    /// Hashes `bytes` at once.
    #[must_use]
    pub fn hash(self, bytes: &[u8]) -> Vec<u8> {
        digest::digest(self.provider(), bytes).as_ref().to_vec()
    }
}
