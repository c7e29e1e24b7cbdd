//! The use cases of the process that faces the network. One verb per file; [`sign`] reads like DESIGN section 4.
//!
//! Nothing here makes authority: the gateway authenticates, decides, logs and orders, and the keyguard checks all of
//! it again before it signs.

pub mod act;
pub mod approval;
pub mod attach;
mod attested;
pub mod bootstrap;
pub mod denied;
pub mod expiry;
pub mod facade;
pub mod failure;
pub mod flights;
pub mod gateway;
pub mod governance;
pub mod identify;
pub mod intent;
pub mod issuer_keys;
pub mod keys;
pub mod limits;
pub mod order;
pub mod overview;
mod pending;
pub mod reanchor;
pub mod reconcile;
pub mod rehearse;
pub mod released;
pub mod session;
pub mod sign;
pub mod stampers;
pub mod standing;
pub mod statement;
pub mod successor;
pub mod trust;
pub mod tuf;
pub mod webhook;
pub mod whoami;
