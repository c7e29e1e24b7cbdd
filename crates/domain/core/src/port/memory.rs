//! What the keyguard must not forget: it has no database, only this.

/// The memory cannot be read or made durable. After a failed write the process must end: what it believes and what
/// is on disk may differ (fsync errors are not retried).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("keyguard memory: {0}")]
pub struct MemoryError(pub String);

/// A named piece of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Piece {
    /// The authorities' certificates: written once, then when a successor is made or a list of them is signed.
    Authorities,
    /// Long-lived certificate chains of artifact keys: written when one is issued.
    Certificates,
    /// The governance in force with its signatures: written when a version comes into force.
    Governance,
    /// What each profile usually signs: written now and then.
    Habits,
    /// Digests of the issuers' keys that were fetched: written when a set arrives, and when the ledger names it.
    IssuerKeys,
    /// The TUF repository with its versions: written when a role is signed anew.
    Tuf,
    /// First moments and sessions that the ledger named: written when there is a new one.
    Waits,
    /// How far the ledger was followed: written once per batch, the hot path.
    Ledger,
}

/// Durable memory. A write replaces the whole piece, atomically, and is durable when it returns.
pub trait Memory: Send + Sync + std::fmt::Debug {
    /// The last whole piece that was written.
    fn read(&self, piece: Piece) -> Result<Option<Vec<u8>>, MemoryError>;
    /// Replaces a piece.
    fn write(&self, piece: Piece, bytes: &[u8]) -> Result<(), MemoryError>;
}
