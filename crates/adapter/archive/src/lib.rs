//! Where an audit reads leaves and evidence: a directory as served, or a service's data, read only.
//!
//! Shares no code with the store and the ledger's writer: a fault of theirs must not hide itself. [`data_dir`] reads the
//! service's database through its own few queries on a connection that cannot write; [`served`] reads the C2SP
//! tlog-tiles layout; [`evidence_dir`] reads and writes content by its hash.

mod files;

pub mod data_dir;
pub mod evidence_dir;
pub mod served;
mod wish;
