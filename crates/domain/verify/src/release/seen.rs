//! What lies in a release's directory, as the caller found it.

use std::collections::BTreeMap;

use chancery_format::archive::Inside;

use super::manifest::Bytes;

/// Everything below the directory by its path, but the manifest and its signature. Paths are as found, whatever they hold.
pub type Seen = BTreeMap<String, Found>;

/// One thing in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A regular file.
    File {
        /// Its bytes.
        bytes: Bytes,
        /// What is in it, where it is an archive.
        inside: Option<Inside>,
    },
    /// Something that a release does not have; the text names it: a symbolic link, a device.
    Other(&'static str),
}
