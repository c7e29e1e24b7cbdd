//! CMS SignedData (RFC 5652): built in two phases, parsed with bounds, verified to exactly one certificate.
//!
//! ```text
//! ContentInfo   30 L  06 09 2a864886f70d010702  a0 L  SignedData
//! SignedData    30 L  02 01 vv  31 L digestAlgorithms  EncapsulatedContentInfo  [a0 L certificates]  31 L signerInfos
//! SignerInfo    30 L  02 01 vv  sid  digestAlgorithm  a0 L signedAttrs  signatureAlgorithm  04 L signature  [a1 L unsignedAttrs]
//! ```
//!
//! The signature is over `signedAttrs` with its tag written as `31` instead of `a0` (§5.4).

pub mod algorithm;
pub mod attribute;
pub(crate) mod elements;
pub mod oid;
pub mod parse;
pub mod signed_attributes;
pub mod signed_data;
pub mod unsigned;
pub mod verify;
