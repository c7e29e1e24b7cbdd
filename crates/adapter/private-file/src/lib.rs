//! Files that nobody else may read or write: keys, passphrases, PINs, key books.
//!
//! The one crate beside the domain that adapters may see: what decides whether a secret is taken from a file, and how
//! it reaches the disk, must not be written twice.

pub mod file;
