//! Issuers' keys, fetched by the keyguard itself: the gateway pipes bytes to the hosts of registered issuers and can
//! neither read nor alter them, and no token is believed under keys that came another way.
//!
//! ```text
//! desk       what is asked and answered: cache, single flight, cool-down
//! fetch      discovery document, then JWK set: one exchange each
//! line       TLS in memory: bytes from the peer in, bytes for the peer out
//! response   one HTTP/1.1 answer, strictly read
//! record     which sets were fetched: durable before they are used
//! ```

pub mod desk;
pub mod fetch;
pub mod line;
pub mod record;
pub mod response;
