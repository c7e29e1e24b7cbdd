//! Certificates for keys that Sigstore clients make themselves. Nothing of an artifact is signed: what is asked for, decided
//! about and logged is the key.
//!
//! ```text
//! statement   artifact: the key (SHA-256 and size of its SubjectPublicKeyInfo) · body: the key with its proof
//! signed      the ten-minute identity leaf over that key: keyguard, from the verified claims; never these bytes
//! blob        the leaf, PEM
//! ```

mod hooks;
pub mod statement;

use chancery_core::format::FormatName;

use crate::seam::Format;

/// The line of [`crate::table`].
pub const FORMAT: Format = Format {
    name: FormatName::Fulcio,
    detect: hooks::detect,
    prepare: hooks::prepare,
    to_be_signed: hooks::to_be_signed,
    assemble: hooks::assemble,
    attach: hooks::attach,
    extract: hooks::extract,
};
