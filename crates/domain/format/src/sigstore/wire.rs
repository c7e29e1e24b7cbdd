//! The JSON of a bundle (proto3 JSON: lowerCamelCase, bytes as padded base64, 64-bit integers as decimal text).
//!
//! ```json
//! {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
//!  "verificationMaterial":{"certificate":{"rawBytes":"MIIC…"},
//!   "tlogEntries":[{"logIndex":"9","logId":{"keyId":"…"},"kindVersion":{"kind":"hashedrekord","version":"0.0.2"},
//!    "integratedTime":"0","inclusionProof":{"logIndex":"9","rootHash":"…","treeSize":"13","hashes":["…"],
//!     "checkpoint":{"envelope":"log2026.sign.example\n13\n…\n\n— log2026.sign.example …\n"}},
//!    "canonicalizedBody":"…"}],
//!   "timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"MIIE…"}]}},
//!  "dsseEnvelope":{"payload":"…","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEUC…"}]}}
//! ```
//! Plain structs without meaning; `bundle` gives them one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The whole document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) media_type: String,
    pub(super) verification_material: Material,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message_signature: Option<MessageSignature>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dsse_envelope: Option<DsseEnvelope>,
}

/// How the signature can be verified.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<RawBytes>,
    // Known but refused by name, so that the error says which shape it met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) x509_certificate_chain: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) public_key: Option<Value>,
    #[serde(default)]
    pub(super) tlog_entries: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) timestamp_verification_data: Option<Timestamps>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawBytes {
    pub(super) raw_bytes: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Entry {
    // Other writers leave zero values out (proto3 JSON).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_index: Option<String>,
    pub(super) log_id: LogId,
    pub(super) kind_version: KindVersion,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) integrated_time: Option<String>,
    pub(super) inclusion_proof: Proof,
    pub(super) canonicalized_body: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LogId {
    pub(super) key_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindVersion {
    pub(super) kind: String,
    pub(super) version: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Proof {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_index: Option<String>,
    pub(super) root_hash: String,
    pub(super) tree_size: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<String>,
    pub(super) checkpoint: Checkpoint,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub(super) envelope: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Timestamps {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rfc3161_timestamps: Vec<SignedTimestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SignedTimestamp {
    pub(super) signed_timestamp: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct MessageSignature {
    pub(super) message_digest: MessageDigest,
    pub(super) signature: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageDigest {
    pub(super) algorithm: String,
    pub(super) digest: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct DsseEnvelope {
    pub(super) payload: String,
    pub(super) payload_type: String,
    pub(super) signatures: Vec<DsseSignature>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DsseSignature {
    pub(super) sig: String,
    // Unauthenticated: allowed only empty, as some writers emit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keyid: Option<String>,
}
