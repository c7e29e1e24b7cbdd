//! Private keys as files encrypted under a key-encryption key (KEK).
//!
//! ```text
//! <directory>/                0700, never writable by others
//!   lock                      held while a custodian is open; one process at a time
//!   kek.json                  which KEKs the files may be under: id, derivation, salt
//!   acme-release.key          one key: description (authenticated) and PKCS#8 (encrypted), see `key_file`
//! ```
//!
//! What this does not protect from: whoever can write the directory can put back an older file, for instance that of
//! a key before it was disabled. The ledger is what remembers; this crate only keeps the key itself secret and bound
//! to its description.

pub mod custodian;
pub mod kek;
mod kek_file;
mod key_file;
mod pair;
mod rotation;

pub use custodian::SoftwareCustodian;
pub use kek::KekSource;
