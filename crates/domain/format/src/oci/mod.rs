//! Container images and any other OCI artifact: what is signed is the manifest, by its digest.
//!
//! ```text
//! registry.example/acme/app@sha256:229c…            the manifest: an image, an index of images, a chart, anything
//!   ├─ referrer   bundle v0.3: in-toto statement, predicate https://sigstore.dev/cosign/sign/v1
//!   ├─ referrer   bundle v0.3: in-toto statement, predicate https://slsa.dev/provenance/v1
//!   └─ tag        sha256-229c….sig: simple signing payload, for skopeo, podman, bootc, policy-controller
//! ```
//! This module reads and writes the documents ([`manifest`], [`referrer`], [`fallback`], [`simple`]); what carries them to
//! a registry is an adapter.

pub mod attach;
pub mod beside;
pub mod fallback;
pub mod manifest;
pub mod prepare;
pub mod reference;
pub mod referrer;
pub mod simple;
pub mod statement;
pub mod to_be_signed;

use chancery_core::format::FormatName;

use crate::seam::{Format, Sample, Sureness};
use crate::sigstore;

/// The line of [`crate::table`]. No file is one: a reference names what is signed.
pub const FORMAT: Format = Format {
    name: FormatName::Oci,
    detect,
    prepare: prepare::prepare,
    to_be_signed: to_be_signed::to_be_signed,
    assemble: attach::assemble,
    attach: sigstore::attach::attach,
    extract: sigstore::extract::extract,
};

const fn detect(_: &Sample<'_>) -> Sureness {
    Sureness::No
}
