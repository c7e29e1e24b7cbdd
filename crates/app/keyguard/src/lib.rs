//! The use cases of the process that alone holds the keys.
//!
//! It believes nothing but what it checks: it follows the ledger leaf by leaf and cosigns it ([`follow`]), takes
//! policy only in the version that the ledger names ([`policy`]), and turns an order into a signature only after
//! [`chancery_core::warrant::issue`] called every check in [`checks`]. No network, no database, no runtime.

pub mod act;
mod attested;
pub mod authority;
pub mod certifiable;
pub mod certificate;
pub mod checks;
pub mod custodians;
pub mod durable;
pub mod duty;
pub mod established;
pub mod facade;
pub mod first_seen;
pub mod follow;
pub mod habits;
pub mod health;
pub mod intents;
pub mod issuer_keys;
pub mod keyguard;
pub mod names;
pub mod opened;
pub mod policy;
pub mod reanchor;
mod session;
pub mod sign;
pub mod stamp;
mod standing;
pub mod successor;
pub mod trust;
pub mod tuf;
pub mod volume;
pub mod waits;
pub mod witness;
