//! What other people's transparency logs say: entries of Rekor v1 and v2, their promises, their checkpoints.
//!
//! Only reading. Our own ledger is stricter in every point and has its own modules beside this one.

pub mod checkpoint;
pub mod entry;
pub mod pem;
pub mod promise;
mod v1;
mod v2;
