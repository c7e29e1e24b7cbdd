//! Entries of Rekor v1 (`api/types` of that log): digests in hexadecimal, PEM in base64.
//!
//! ```json
//! {"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"a0cf…"}},
//!   "signature":{"content":"MEQC…","publicKey":{"content":"LS0t…"}}}}
//! {"apiVersion":"0.0.1","kind":"dsse","spec":{"envelopeHash":{"algorithm":"sha256","value":"5608…"},
//!   "payloadHash":{"algorithm":"sha256","value":"d6b2…"},"signatures":[{"signature":"MEYC…","verifier":"LS0t…"}]}}
//! {"apiVersion":"0.0.2","kind":"intoto","spec":{"content":{"envelope":{"payloadType":"application/vnd.in-toto+json",
//!   "signatures":[{"publicKey":"LS0t…","sig":"TUVV…"}]},"hash":{…},"payloadHash":{…}}}}
//! ```
//! `envelopeHash` and `hash` are over the envelope as some client once wrote it down; nothing can be compared with them.
//! `sig` of `intoto` is base64 of base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::canonical;
use chancery_core::digest::DigestAlgorithm;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::entry::{DigestOf, InvalidEntry, Kind, Logged, only, spec};
use super::pem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedRekord {
    data: Data,
    signature: Signature,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    hash: Hash,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    content: String,
    #[serde(rename = "publicKey")]
    public_key: Content,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    content: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dsse {
    #[serde(rename = "envelopeHash")]
    _envelope_hash: Hash,
    #[serde(rename = "payloadHash")]
    payload_hash: Hash,
    signatures: Vec<DsseSignature>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DsseSignature {
    signature: String,
    verifier: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Intoto {
    content: IntotoContent,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IntotoContent {
    envelope: IntotoEnvelope,
    #[serde(rename = "hash")]
    _hash: Hash,
    #[serde(rename = "payloadHash")]
    payload_hash: Hash,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IntotoEnvelope {
    // The log keeps it beside the tree; bundles may or may not carry it. Its digest is what counts.
    #[serde(default, rename = "payload")]
    _payload: Option<IgnoredAny>,
    #[serde(rename = "payloadType")]
    _payload_type: String,
    signatures: Vec<IntotoSignature>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IntotoSignature {
    #[serde(default, rename = "keyid")]
    _keyid: Option<String>,
    #[serde(rename = "publicKey")]
    public_key: String,
    sig: String,
}

pub(super) fn hashed_rekord(text: &str) -> Result<Logged, InvalidEntry> {
    let spec: HashedRekord = spec(text, Kind::HashedRekordV1)?;
    let signature = base64(&spec.signature.content)?;
    logged(DigestOf::Signed, &spec.data.hash, signature, &spec.signature.public_key.content)
}

pub(super) fn dsse(text: &str) -> Result<Logged, InvalidEntry> {
    let spec: Dsse = spec(text, Kind::DsseV1)?;
    let one = only(spec.signatures)?;
    logged(DigestOf::Payload, &spec.payload_hash, base64(&one.signature)?, &one.verifier)
}

pub(super) fn intoto(text: &str) -> Result<Logged, InvalidEntry> {
    let content = spec::<Intoto>(text, Kind::IntotoV1)?.content;
    let one = only(content.envelope.signatures)?;
    let inner = String::from_utf8(base64(&one.sig)?).map_err(|_| not_text())?;
    logged(DigestOf::Payload, &content.payload_hash, base64(&inner)?, &one.public_key)
}

fn logged(
    digest_of: DigestOf,
    hash: &Hash,
    signature: Vec<u8>,
    verifier: &str,
) -> Result<Logged, InvalidEntry> {
    let algorithm = match hash.algorithm.as_str() {
        "sha256" => DigestAlgorithm::Sha256,
        "sha384" => DigestAlgorithm::Sha384,
        "sha512" => DigestAlgorithm::Sha512,
        _ => return Err(InvalidEntry::Digest),
    };
    Ok(Logged {
        digest_of,
        algorithm,
        digest: hexadecimal(&hash.value).ok_or(InvalidEntry::Digest)?,
        signature,
        verifier: pem::read(&base64(verifier)?).ok_or(InvalidEntry::Verifier)?,
        key_details: None,
    })
}

/// Lower-case digits in pairs.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

fn base64(text: &str) -> Result<Vec<u8>, InvalidEntry> {
    STANDARD.decode(text).map_err(|_| not_text())
}

const fn not_text() -> InvalidEntry {
    InvalidEntry::Text(canonical::NotCanonical::Text)
}
