//! What is called over HTTP that is not a key: issuer discovery, time stamping authorities, ambient tokens.

pub mod address;
pub mod ambient;
pub mod discovery;
pub mod http;
pub mod issuer_keys;
pub mod jwks;
pub mod tsa;
