//! Root, roster and signed versions of the governance documents.
#![expect(clippy::unwrap_used, reason = "test")]

mod foreign;
mod root;
mod roster;
mod signed;
mod world;
