//! Proof that an entry is in the ledger.

use crate::digest::Sha256;

/// Everything needed to check, offline, that a leaf is in the ledger (C2SP tlog-proof carries the same).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The ledger's origin, a bare host name: `log2026.sign.example`.
    pub origin: String,
    /// Zero-based index of the leaf.
    pub index: u64,
    /// Tree size of the checkpoint.
    pub size: u64,
    /// RFC 6962 leaf hash, SHA-256(0x00 || leaf).
    pub leaf_hash: Sha256,
    /// Inclusion path, leaf to root (RFC 6962 §2.1.1); at most 63 hashes.
    pub proof: Vec<Sha256>,
    /// The signed note (C2SP tlog-checkpoint) with the ledger's signature and the keyguard's cosignature.
    pub checkpoint: String,
}
