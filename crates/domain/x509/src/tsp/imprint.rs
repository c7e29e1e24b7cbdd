//! MessageImprint (RFC 3161 §2.4.1): `30 31  30 0d …sha256 05 00  04 20 …32 bytes…`.

use chancery_core::digest::DigestAlgorithm;

use crate::cms::algorithm::{self, AlgorithmError};
use crate::tlv::{self, Reader, TlvError};

/// A digest with its algorithm; the value has the algorithm's size. SHA-1 cannot be expressed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Imprint {
    algorithm: DigestAlgorithm,
    value: Vec<u8>,
}

impl Imprint {
    /// Hashes `message`.
    #[must_use]
    pub fn of(algorithm: DigestAlgorithm, message: &[u8]) -> Self {
        Self { algorithm, value: algorithm.hash(message) }
    }
    /// Takes a value that is a digest already; `None` when its size is not the algorithm's.
    #[must_use]
    pub fn new(algorithm: DigestAlgorithm, value: Vec<u8>) -> Option<Self> {
        (value.len() == algorithm.size()).then_some(Self { algorithm, value })
    }
    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }
    /// The digest.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }
    pub(crate) fn to_der(&self) -> Vec<u8> {
        let octets = tlv::write(tlv::OCTET_STRING, &[&self.value]);
        tlv::write(tlv::SEQUENCE, &[&algorithm::digest_identifier(self.algorithm), &octets])
    }
    /// Reads the next element.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, AlgorithmError> {
        let mut body = reader.inner(tlv::SEQUENCE)?;
        let algorithm = algorithm::parse_digest(body.element(tlv::SEQUENCE)?.raw)?;
        let value = body.value(tlv::OCTET_STRING)?.to_vec();
        body.finish()?;
        Self::new(algorithm, value).ok_or(AlgorithmError::Malformed(TlvError::Value("MessageImprint")))
    }
}
