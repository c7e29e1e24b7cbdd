//! Notary Project signatures: a JWS or COSE envelope over the descriptor of an artifact, beside a file or in a registry.
//!
//! ```text
//! app.bin            untouched
//! app.bin.jws.sig    {"payload":"…","protected":"…","header":{"io.cncf.notary.timestampSignature":"…","x5c":["…"]},"signature":"…"}
//! app.bin.cose.sig   d2 84 58 … <protected> a2 18 21 <x5chain> 78 21 <timestamp> 58 … <payload> 58 40 <signature>
//! ```
//! What is signed is the *target*: media type, digest and size of the artifact, with what the caller wished to add to it,
//! which is a claim ([`payload`]). The protected header ([`header`]) names scheme, signing time and expiry. Chain (leaf to
//! root) and RFC 3161 token lie outside of what is signed; the verifier checks them by themselves. An image's envelope
//! becomes the layer of a manifest that refers to the image ([`manifest`]).
//!
//! The bytes are those that notation 1.x writes itself, so that a signature that notation wants made elsewhere is rebuilt
//! here from its statement and not taken as it comes.

pub mod algorithm;
pub mod attach;
pub mod cbor;
pub mod cose;
pub mod envelope;
pub mod extract;
pub mod header;
pub mod jws;
pub mod manifest;
mod moment;
pub mod payload;
pub mod prepare;
pub mod requested;
pub mod sign;
pub mod statement;

use chancery_core::format::FormatName;

use crate::seam::{Format, FormatError};

/// The line of [`crate::table`].
pub const FORMAT: Format = Format {
    name: FormatName::Notary,
    detect: prepare::detect,
    prepare: prepare::prepare,
    to_be_signed: sign::to_be_signed,
    assemble: sign::assemble,
    attach: attach::attach,
    extract: extract::extract,
};

/// The error of everything here that parses.
pub(crate) fn malformed(what: impl Into<String>) -> FormatError {
    FormatError::Malformed { format: FormatName::Notary, what: what.into() }
}
