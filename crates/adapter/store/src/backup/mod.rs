//! Backup and restore of an embedded service, as a directory that anybody can check with `sha256sum`.
//!
//! ```text
//! manifest.json      what, when, of which ledger, how far, and every file with its size and SHA-256
//! manifest.sha256    "<64 hex>  manifest.json\n"; written last: without it a backup is not complete
//! data/…             files of the data directory, where they were
//! config/…           configuration and governance documents that lay elsewhere
//! ```
//! Never in it: the key-encryption key, PINs and other secrets that the configuration names (whoever has the backup and
//! those could sign), and how far the keyguard followed the ledger (so that a restored ledger cannot pass for the newest).

mod error;
mod files;
mod leaves;
mod manifest;
mod restore;
mod take;
mod verify;

pub use error::BackupError;
pub use manifest::{Entry, Manifest};
pub use restore::restore;
pub use take::{Plan, Start, take};
pub use verify::verify;
