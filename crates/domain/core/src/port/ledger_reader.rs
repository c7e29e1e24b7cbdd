//! The read side of the ledger.

use super::Boxed;
use super::state::StateError;
use crate::digest::Sha256;
use crate::receipt::Receipt;

/// What to look for. All of it is answered from an index that is rebuilt from the leaves, never from the hot path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Entries about an artifact.
    Artifact(Sha256),
    /// Entries about a request.
    Request(Sha256),
    /// Entries about a statement.
    Statement(Sha256),
}

/// Reads leaves, proofs and the static files of the C2SP tlog-tiles layout.
pub trait LedgerReader: Send + Sync + std::fmt::Debug {
    /// A leaf's bytes; `None` past the end.
    fn leaf(&self, index: u64) -> Boxed<'_, Result<Option<String>, StateError>>;
    /// The leaves `from..to`, oldest first, cut to the ledger's size and to as many as are read at once; at least one
    /// unless `from` is past the end.
    fn leaves(&self, from: u64, to: u64) -> Boxed<'_, Result<Vec<String>, StateError>> {
        let first = (from < to).then(|| self.leaf(from));
        Box::pin(async move {
            match first {
                Some(leaf) => Ok(leaf.await?.into_iter().collect()),
                None => Ok(Vec::new()),
            }
        })
    }
    /// Proof that a leaf is in the ledger, at the latest cosigned checkpoint; `None` past its size.
    fn receipt(&self, index: u64) -> Boxed<'_, Result<Option<Receipt>, StateError>>;
    /// Indices of matching leaves, newest first, at most `limit`.
    fn search(&self, query: Query, limit: u32) -> Boxed<'_, Result<Vec<u64>, StateError>>;
    /// A published file: `checkpoint`, `tile/0/x000/001`, `tile/entries/000.p/7`; `None` when there is none.
    fn file<'a>(&'a self, path: &'a str) -> Boxed<'a, Result<Option<Vec<u8>>, StateError>>;
    /// Size of the latest cosigned checkpoint.
    fn size(&self) -> u64;
}
