//! Entries of Rekor v2 with any verifier; what our own ledger writes is [`crate::hashedrekord`], one of these.
//!
//! ```json
//! {"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{
//!   "data":{"algorithm":"SHA2_256","digest":"V/IT…"},"signature":{"content":"MEUC…",
//!     "verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"MFkw…"}}}}}}
//! {"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{"payloadHash":{"algorithm":"SHA2_256","digest":"1rIJ…"},
//!   "signatures":[{"content":"MEUC…","verifier":{"keyDetails":"…","x509Certificate":{"rawBytes":"MIIC…"}}}]}}}
//! ```

use chancery_core::digest::DigestAlgorithm;
use chancery_core::order::base64_bytes;
use serde::Deserialize;

use super::entry::{self, DigestOf, InvalidEntry, Kind, Logged, only, spec};
use crate::hashedrekord::digest_name;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedRekordSpec {
    #[serde(rename = "hashedRekordV002")]
    record: HashedRekord,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedRekord {
    data: Data,
    signature: Signature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DsseSpec {
    #[serde(rename = "dsseV002")]
    envelope: Dsse,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dsse {
    #[serde(rename = "payloadHash")]
    payload_hash: Data,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    algorithm: String,
    #[serde(with = "base64_bytes")]
    digest: Vec<u8>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    #[serde(with = "base64_bytes")]
    content: Vec<u8>,
    verifier: Verifier,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verifier {
    #[serde(rename = "keyDetails")]
    key_details: String,
    #[serde(default, rename = "publicKey")]
    public_key: Option<Raw>,
    #[serde(default, rename = "x509Certificate")]
    certificate: Option<Raw>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "rawBytes", with = "base64_bytes")]
    raw_bytes: Vec<u8>,
}

pub(super) fn hashed_rekord(text: &str) -> Result<Logged, InvalidEntry> {
    let HashedRekord { data, signature } = spec::<HashedRekordSpec>(text, Kind::HashedRekordV2)?.record;
    logged(DigestOf::Signed, data, signature)
}

pub(super) fn dsse(text: &str) -> Result<Logged, InvalidEntry> {
    let Dsse { payload_hash, signatures } = spec::<DsseSpec>(text, Kind::DsseV2)?.envelope;
    logged(DigestOf::Payload, payload_hash, only(signatures)?)
}

fn logged(digest_of: DigestOf, data: Data, signature: Signature) -> Result<Logged, InvalidEntry> {
    let known = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
    let algorithm = known.into_iter().find(|known| digest_name(*known) == data.algorithm);
    let verifier = match (signature.verifier.certificate, signature.verifier.public_key) {
        (Some(certificate), None) => entry::Verifier::Certificate(certificate.raw_bytes),
        (None, Some(key)) => entry::Verifier::PublicKey(key.raw_bytes),
        (None, None) | (Some(_), Some(_)) => return Err(InvalidEntry::Verifier),
    };
    Ok(Logged {
        digest_of,
        algorithm: algorithm.ok_or(InvalidEntry::Digest)?,
        digest: data.digest,
        signature: signature.content,
        verifier,
        key_details: Some(signature.verifier.key_details),
    })
}
