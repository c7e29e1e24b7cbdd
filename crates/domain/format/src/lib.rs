//! Native signature formats: one folder per format, each with the hooks of [`seam`], each one line of [`table`].
//!
//! A format never signs. It says what would be signed ([`seam::Format::to_be_signed`]), where the signature goes, and
//! what a signature that is found covers. [`archive`] finds what is inside of what is signed.

pub mod archive;
pub mod detached;
pub mod fulcio;
pub mod notary;
pub mod oci;
pub mod patch;
pub mod pe;
pub mod predicate;
pub mod seam;
pub mod sigstore;
pub mod stamped;
pub mod table;
