//! The JSON of bundles of all versions (proto3 JSON): plain structs without meaning; [`super`] gives them one.
//!
//! ```json
//! {"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.1",
//!  "verificationMaterial":{"x509CertificateChain":{"certificates":[{"rawBytes":"MIIC…"}]},
//!   "tlogEntries":[{"logIndex":"27246492","logId":{"keyId":"wNI9…"},
//!    "kindVersion":{"kind":"hashedrekord","version":"0.0.1"},"integratedTime":"1689177396",
//!    "inclusionPromise":{"signedEntryTimestamp":"MEUC…"},
//!    "inclusionProof":{"logIndex":"23083061","rootHash":"…","treeSize":"23083062","hashes":["…"],
//!     "checkpoint":{"envelope":"rekor.sigstore.dev - 2605736670972794746\n…"}},
//!    "canonicalizedBody":"…"}],
//!   "timestampVerificationData":{"rfc3161Timestamps":[]}},
//!  "messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"oM/H…"},"signature":"MEQC…"}}
//! ```
//! `null` stands for an absent member, and 64-bit integers may be numbers, as that mapping says.

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, de};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) media_type: String,
    pub(super) verification_material: Material,
    pub(super) message_signature: Option<MessageSignature>,
    pub(super) dsse_envelope: Option<DsseEnvelope>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Material {
    pub(super) certificate: Option<RawBytes>,
    pub(super) x509_certificate_chain: Option<Chain>,
    pub(super) public_key: Option<PublicKey>,
    pub(super) tlog_entries: Option<Vec<Entry>>,
    pub(super) timestamp_verification_data: Option<Timestamps>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawBytes {
    pub(super) raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chain {
    pub(super) certificates: Option<Vec<RawBytes>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicKey {
    pub(super) hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) log_index: Option<Int64>,
    pub(super) log_id: LogId,
    pub(super) kind_version: KindVersion,
    pub(super) integrated_time: Option<Int64>,
    pub(super) inclusion_promise: Option<Promise>,
    pub(super) inclusion_proof: Option<Proof>,
    pub(super) canonicalized_body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LogId {
    pub(super) key_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindVersion {
    pub(super) kind: String,
    pub(super) version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Promise {
    pub(super) signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Proof {
    pub(super) log_index: Option<Int64>,
    pub(super) root_hash: String,
    pub(super) tree_size: Int64,
    pub(super) hashes: Option<Vec<String>>,
    pub(super) checkpoint: Option<Checkpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub(super) envelope: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Timestamps {
    pub(super) rfc3161_timestamps: Option<Vec<SignedTimestamp>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SignedTimestamp {
    pub(super) signed_timestamp: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct MessageSignature {
    pub(super) message_digest: Option<MessageDigest>,
    pub(super) signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageDigest {
    pub(super) algorithm: String,
    pub(super) digest: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct DsseEnvelope {
    pub(super) payload: String,
    pub(super) payload_type: String,
    pub(super) signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DsseSignature {
    pub(super) sig: String,
    // A hint that nobody signs: read, and never used.
    #[serde(rename = "keyid")]
    pub(super) _keyid: Option<String>,
}

/// A 64-bit integer that cannot be negative: decimal text without leading zeros, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Int64(pub(super) u64);

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Int64Visitor)
    }
}

struct Int64Visitor;

impl Visitor<'_> for Int64Visitor {
    type Value = Int64;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an integer of 0 to 2^63 - 1")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Int64, E> {
        let refused = || E::invalid_value(Unexpected::Str(text), &self);
        let value: u64 = text.parse().map_err(|_| refused())?;
        if value.to_string() == text { self.visit_u64(value) } else { Err(refused()) }
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Int64, E> {
        let in_range = i64::try_from(value).is_ok();
        if in_range {
            Ok(Int64(value))
        } else {
            Err(de::Error::invalid_value(Unexpected::Unsigned(value), &self))
        }
    }
}
