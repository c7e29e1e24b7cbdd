//! The self-contained order from gateway to keyguard: everything the keyguard believes, it finds or checks in here.

use crate::evidence::Evidence;
use crate::id::{PolicyVersion, StatementId};
use crate::receipt::Receipt;
use crate::time::Time;

/// What the identity leaf will be, chosen before the intent is logged so that the precertificate can be logged too.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafPlan {
    /// Serial number, 16 bytes of which the first is 0x01 to 0x7f (RFC 5280 §4.1.2.2: positive, at most 20 octets).
    #[serde(with = "base64_bytes")]
    pub serial: Vec<u8>,
    /// Start of its ten minutes.
    pub not_before: Time,
    /// The name of the key that the leaf certifies: the profile's own key.
    pub key: crate::id::KeyId,
}

/// One signature, ordered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The request, canonical JSON.
    pub request: String,
    /// Which of its statements.
    pub statement: StatementId,
    /// The caller's token and the issuer's keys.
    pub evidence: Evidence,
    /// The policy version under which the gateway decided.
    pub policy: PolicyVersion,
    /// The intent, as the bytes of its ledger leaf.
    pub intent: String,
    /// Proof that the intent is in the ledger.
    pub receipt: Receipt,
    /// The planned identity leaf, where the format uses one.
    pub leaf: Option<LeafPlan>,
}

/// Bytes as standard base64 with padding, for everything that travels as JSON.
pub mod base64_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes bytes as text.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
    /// Reads bytes from text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}
