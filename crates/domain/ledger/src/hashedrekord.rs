//! Rekor v2 `hashedrekord` 0.0.2: the leaf that Sigstore clients rebuild from a bundle.
//!
//! ```json
//! {"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{
//!   "data":{"algorithm":"SHA2_256","digest":"<base64>"},
//!   "signature":{"content":"<base64>","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256",
//!     "x509Certificate":{"rawBytes":"<base64 DER>"}}}}}}
//! ```
//!
//! Canonical JSON without line breaks. For DSSE the digest is that of the pre-authentication encoding.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::canonical::{self, NotCanonical};
use chancery_core::digest::DigestAlgorithm;
use chancery_core::order::base64_bytes;
use chancery_core::port::sequencer::MAX_LEAF;

/// An entry that Rekor v2 does not know, or text that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHashedRekord {
    /// Rekor v2 has no such key: pure Ed25519 was removed.
    #[error("hashedrekord knows no keys of algorithm {0}")]
    Algorithm(KeyAlgorithm),
    /// A digest that is not of the key's scheme.
    #[error("digest of {0} bytes does not fit the key")]
    Digest(usize),
    /// Not canonical JSON of this shape.
    #[error("text is not a hashedrekord 0.0.2 entry")]
    Text(#[source] NotCanonical),
    /// A name in it is not one that is expected here.
    #[error("hashedrekord field `{0}` has an unexpected value")]
    Value(&'static str),
    /// Larger than a leaf may be.
    #[error("entry of {0} bytes; at most 65535")]
    Size(usize),
}

/// One entry for an X.509 verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedRekord {
    algorithm: KeyAlgorithm,
    digest: Vec<u8>,
    signature: Vec<u8>,
    certificate: Vec<u8>,
}

impl HashedRekord {
    /// Takes the leaf key's algorithm, the digest that was signed, the signature as the scheme defines it, and the
    /// signing certificate, DER.
    pub fn new(
        algorithm: KeyAlgorithm,
        digest: Vec<u8>,
        signature: Vec<u8>,
        certificate: Vec<u8>,
    ) -> Result<Self, InvalidHashedRekord> {
        key_details(algorithm)?;
        if digest.len() != digest_algorithm(algorithm)?.size() {
            return Err(InvalidHashedRekord::Digest(digest.len()));
        }
        Ok(Self { algorithm, digest, signature, certificate })
    }
    /// The leaf: canonical JSON.
    pub fn encode(&self) -> Result<String, InvalidHashedRekord> {
        let entry = Entry {
            api_version: "0.0.2".into(),
            kind: "hashedrekord".into(),
            spec: Spec {
                record: Record {
                    data: Data {
                        algorithm: digest_name(digest_algorithm(self.algorithm)?).into(),
                        digest: self.digest.clone(),
                    },
                    signature: Signature {
                        content: self.signature.clone(),
                        verifier: Verifier {
                            key_details: key_details(self.algorithm)?.into(),
                            certificate: Raw { raw_bytes: self.certificate.clone() },
                        },
                    },
                },
            },
        };
        let leaf = canonical::encode(&entry).map_err(InvalidHashedRekord::Text)?;
        if leaf.len() > MAX_LEAF { Err(InvalidHashedRekord::Size(leaf.len())) } else { Ok(leaf) }
    }
    /// Reads a leaf, strictly.
    pub fn parse(leaf: &str) -> Result<Self, InvalidHashedRekord> {
        if leaf.len() > MAX_LEAF {
            return Err(InvalidHashedRekord::Size(leaf.len()));
        }
        let entry: Entry = canonical::decode(leaf).map_err(InvalidHashedRekord::Text)?;
        let Record { data, signature } = entry.spec.record;
        let details = signature.verifier.key_details;
        let algorithm = KeyAlgorithm::ALL
            .into_iter()
            .find(|algorithm| key_details(*algorithm).is_ok_and(|known| known == details))
            .ok_or(InvalidHashedRekord::Value("keyDetails"))?;
        let certificate = signature.verifier.certificate.raw_bytes;
        let record = Self::new(algorithm, data.digest, signature.content, certificate)?;
        // Kind, version and digest name are compared by writing the entry again.
        if record.encode()? == leaf { Ok(record) } else { Err(InvalidHashedRekord::Value("kind")) }
    }
    /// The key's algorithm as the entry names it.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }
    /// The digest that was signed.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
    /// The signing certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }
}

/// The name of a key's default scheme in `sigstore_common.proto` (`PublicKeyDetails`).
pub const fn key_details(algorithm: KeyAlgorithm) -> Result<&'static str, InvalidHashedRekord> {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => Ok("PKIX_ECDSA_P256_SHA_256"),
        KeyAlgorithm::EcdsaP384 => Ok("PKIX_ECDSA_P384_SHA_384"),
        KeyAlgorithm::Rsa3072 => Ok("PKIX_RSA_PKCS1V15_3072_SHA256"),
        KeyAlgorithm::Rsa4096 => Ok("PKIX_RSA_PKCS1V15_4096_SHA256"),
        KeyAlgorithm::Ed25519 => Err(InvalidHashedRekord::Algorithm(algorithm)),
    }
}

/// The name of a digest in `sigstore_common.proto` (`HashAlgorithm`).
#[must_use]
pub const fn digest_name(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Sha256 => "SHA2_256",
        DigestAlgorithm::Sha384 => "SHA2_384",
        DigestAlgorithm::Sha512 => "SHA2_512",
    }
}

fn digest_algorithm(algorithm: KeyAlgorithm) -> Result<DigestAlgorithm, InvalidHashedRekord> {
    algorithm.digest().ok_or(InvalidHashedRekord::Algorithm(algorithm))
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    spec: Spec,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    #[serde(rename = "hashedRekordV002")]
    record: Record,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    data: Data,
    signature: Signature,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    algorithm: String,
    #[serde(with = "base64_bytes")]
    digest: Vec<u8>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    #[serde(with = "base64_bytes")]
    content: Vec<u8>,
    verifier: Verifier,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Verifier {
    #[serde(rename = "keyDetails")]
    key_details: String,
    #[serde(rename = "x509Certificate")]
    certificate: Raw,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "rawBytes", with = "base64_bytes")]
    raw_bytes: Vec<u8>,
}
