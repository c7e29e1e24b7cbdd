//! Artifact, evidence and trust snapshot become a verdict: pure, offline, embeddable.
//!
//! No I/O, no clock, no randomness: the same inputs give the same verdict on every machine. Every check is named and
//! reported separately; a check that was not made is not a pass; without an expected signer nothing is accepted.
//! What passed is a type ([`verify::VerifiedArtifact`], [`verify::VerifiedStatement`]) that only this crate can make.

pub mod attested;
pub mod checks;
pub mod explain;
pub mod foreign;
pub mod gates;
pub mod lineage;
mod native;
pub mod notary;
pub mod pattern;
pub mod pe;
pub mod policy;
pub mod release;
pub mod revocation;
pub mod says;
pub mod signing_config;
pub mod sigstore;
mod simple;
pub mod snapshot;
mod stamping;
pub mod trust_json;
pub mod trusted_root;
pub mod tuf;
pub mod verify;
pub mod window;
