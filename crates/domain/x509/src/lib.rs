//! Certificates, SCTs, CMS and RFC 3161: read and written in two phases.
//!
//! Phase 1 turns a typed input into the bytes to be signed, phase 2 joins them with a signature that was made
//! elsewhere. Reading is strict: one structure has one encoding, sizes and counts are bounded, and what a chain check
//! accepted is the object ([`chain::VerifiedChain`]) that callers go on with.

pub mod certificate;
pub mod chain;
pub mod cms;
pub mod crl;
pub mod extension;
pub mod fulcio;
pub mod key;
pub mod name;
pub mod oid;
pub mod profile;
pub mod request;
mod rsa;
pub mod sct;
pub mod serial;
pub mod signature;
pub mod tlv;
pub mod tsp;
pub mod validity;
