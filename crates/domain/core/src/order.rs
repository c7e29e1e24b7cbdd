//! Orders from gateway to keyguard: everything the keyguard believes, it finds in here or in the ledger, and checks.

use crate::evidence::Evidence;
use crate::id::{PolicyVersion, StatementId};
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
    /// The name of the key that the profile uses: the one that the leaf certifies, or, where the leaf is over a Sigstore
    /// client's own key, the one that signs it.
    pub key: crate::id::KeyId,
}

/// One signature, ordered; part of [`Orders`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Which statement of the request.
    pub statement: StatementId,
    /// Ledger index of its intent. The keyguard reads the intent itself from the ledger that it follows.
    pub intent: u64,
    /// The planned identity leaf, where the format uses one.
    pub leaf: Option<LeafPlan>,
    /// Whether the built-in authority shall stamp the signature at once.
    pub stamp: bool,
}

/// Signatures over statements of one request: the request and the evidence for it travel and are checked once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// The request, canonical JSON.
    pub request: String,
    /// The caller's token and the issuer's keys.
    pub evidence: Evidence,
    /// The policy version under which the gateway decided.
    pub policy: PolicyVersion,
    /// What is ordered, at most [`MAX_ORDERS`].
    pub orders: Vec<Order>,
}

/// Most orders in one message: what a worker of the keyguard is busy with at a time.
pub const MAX_ORDERS: usize = 64;

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
