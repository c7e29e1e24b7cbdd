//! The ledger's one writer and its read side.
//!
//! ```text
//! append → queue → one transaction → re-read, recompute → sign → cosign → view → receipts
//!                                                                         └→ files, search index (beside the path)
//! ```
//!
//! What happens in a batch is in `writer`; the tree itself is `chancery_ledger::merkle`.

mod batch;
mod change;
mod config;
mod cosigning;
mod key;
mod open;
mod publish;
mod read;
mod reserve;
pub(crate) mod ring;
mod row;
mod search;
mod sequencer;
mod shelf;
mod tree;
mod view;
mod writer;

pub use config::LedgerConfig;
pub use key::LedgerKey;
pub use read::Reader;
pub use ring::{KeyRing, files as key_files};
pub(crate) use row::{column, corrupt, last_head};
pub use sequencer::{Counters, Ledger};
