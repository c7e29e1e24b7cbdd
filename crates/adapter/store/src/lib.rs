//! State and ledger sequencing in SQLite, one file per noun.
//!
//! [`ledger::Ledger`] is the one writer; every other noun is read through [`database::Database`], and what must change
//! together with the ledger travels as `Change`s of the sequencer port.

pub mod backup;
mod cache;
pub mod certificate;
pub mod database;
pub mod intent;
pub mod ledger;
pub mod limit;
mod migration;
pub mod outbox;
pub mod policy;
mod port;
pub mod record;
mod released;
pub mod signed;
pub mod token_use;
pub mod tx;
