//! What is called that is not a key: time stamping authorities, ambient tokens, container registries, receivers of notices,
//! and whatever the keyguard's tunnels lead to.

pub mod address;
pub mod ambient;
pub mod dial;
pub mod http;
pub mod registry;
pub mod tsa;
pub mod webhook;
