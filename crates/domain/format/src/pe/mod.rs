//! Windows Authenticode in a PE image.
//!
//! A signed image, in bytes; `·` marks what the signature does not cover:
//!
//! ```text
//! 0x0000  4d 5a ("MZ") … at 0x3c: u32 offset of the PE header
//! 0x00f8  50 45 00 00 ("PE\0\0"), COFF header (20), optional header: 0b 01 (PE32) or 0b 02 (PE32+)
//!         + 64: u32 checksum                                                     · rewritten
//!         +128 (PE32) / +144 (PE32+): u32 offset, u32 size of the certificate table   · rewritten
//!         section headers (40 each), then the sections, contiguous; then any overlay
//!         zeros up to a multiple of 8
//! 0x18e00 · WIN_CERTIFICATE: u32 length, 00 02 (revision 2.0), 02 00 (PKCS#7), CMS SignedData, zeros up to 8
//! end of file: nothing follows the table
//! ```
//!
//! The CMS content is `SpcIndirectDataContent` ([`spc`]) with the image digest ([`digest`]); what is signed are CMS
//! signed attributes over it (RFC 5652 §5.4). No signing time is in them: the trusted time is that of the RFC 3161
//! token, which is an unsigned attribute. So the same statement and key always give the same bytes.

pub mod attach;
pub mod digest;
pub mod extract;
pub mod image;
mod options;
pub mod prepare;
pub mod sign;
pub mod spc;
pub mod statement;
pub mod unsigned;

pub use prepare::Layout;

use chancery_core::format::FormatName;

use crate::seam::{Format, FormatError};

/// The hooks.
pub const FORMAT: Format = Format {
    name: FormatName::Pe,
    detect: image::detect,
    prepare: prepare::prepare,
    to_be_signed: sign::to_be_signed,
    assemble: sign::assemble,
    attach: attach::attach,
    extract: extract::extract,
};

/// The error of everything here that parses.
pub(crate) fn malformed(what: impl Into<String>) -> FormatError {
    FormatError::Malformed { format: FormatName::Pe, what: what.into() }
}
