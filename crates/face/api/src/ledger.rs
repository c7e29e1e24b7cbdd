//! The read side of the ledger for those who do not want tiles.

/// Where an entry is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct LedgerPlace {
    /// The ledger's origin: `log2026.sign.example`.
    pub origin: String,
    /// Zero-based index of the entry.
    pub index: u64,
    /// Tree size of the checkpoint that covers it.
    pub size: u64,
}

/// `GET /v1/ledger/entries/{index}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct LedgerEntry {
    /// Zero-based.
    pub index: u64,
    /// The entry, text.
    pub leaf: String,
    /// C2SP tlog-proof at the latest cosigned checkpoint.
    pub tlog_proof: String,
    /// Where it is.
    pub ledger: LedgerPlace,
}

/// `GET /v1/ledger/search`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct LedgerSearch {
    /// Indices of matching entries, newest first, at most 100. An index says nothing by itself: fetch the entry and
    /// its proof.
    pub indices: Vec<u64>,
}
