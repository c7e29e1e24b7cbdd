//! Workload token and issuer keys become a caller with normalised claims.
//!
//! Pure: no network, no clock, no runtime; the gateway, the keyguard and the audit run the same code. The door is
//! [`authenticate::authenticate`]; [`authenticate::peek`] tells beforehand whose keys it will need. People who sign
//! documents with their SSH keys are checked by [`sshsig`].

pub mod algorithm;
pub mod audience;
pub mod authenticate;
pub mod dev_issuer;
pub mod dialect;
pub mod discovery;
mod excerpt;
mod invalid_token;
pub mod issuer;
pub mod issuers_toml;
mod json;
pub mod jwk;
mod key_material;
mod lifetime;
pub mod possession;
mod roca;
mod rsa;
mod signature;
mod small_order;
pub mod sshsig;
mod token;
pub mod url;
#[cfg(test)]
mod wycheproof;
