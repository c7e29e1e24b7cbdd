//! Tests of this crate as others see it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test")]

mod dev_issuer;
mod dialects;
#[path = "../attacks/forge.rs"]
#[expect(dead_code, reason = "only its keys are used here")]
mod forge;
mod issuers;
