//! Sigstore: a bundle v0.3 beside any file, in the shape that every mainstream client accepts.
//!
//! ```text
//! app.bin                  untouched
//! app.bin.sigstore.json    leaf certificate · one signature · RFC 3161 token · hashedrekord entry with its proof
//! ```
//! Four contents: a DSSE in-toto statement with SLSA provenance ([`provenance`]), with what the caller claims
//! ([`predicate`]), or with nothing but that an image is signed ([`cosign`]), or the artifact itself, by digest.
//! Profile: ECDSA P-256 with SHA-256, leaf only (intermediates belong to the trusted root), exactly one entry. Any
//! deviation loses at least one client, so there is none.

pub mod attach;
pub mod bundle;
pub mod cosign;
pub mod dsse;
pub mod extract;
pub mod foreign;
pub mod foreign_statement;
pub mod pep740;
pub mod predicate;
pub mod prepare;
pub mod provenance;
pub mod statement;
pub mod summary;
pub mod to_be_signed;
mod wire;

use chancery_core::format::FormatName;

use crate::seam::Format;

/// The line of [`crate::table`].
pub const FORMAT: Format = Format {
    name: FormatName::Sigstore,
    detect: prepare::detect,
    prepare: prepare::prepare,
    to_be_signed: to_be_signed::to_be_signed,
    assemble: attach::assemble,
    attach: attach::attach,
    extract: extract::extract,
};
