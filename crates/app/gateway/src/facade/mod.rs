//! What Sigstore clients ask for that bring their own keys: a certificate ([`certificate`]), and an entry in the ledger for
//! a signature that they made under it ([`entry`]).
//!
//! A certificate is a request like any other, of one statement of format `fulcio`: caller, profile, grants, guardrails,
//! limits, freezes, intent, order and result are those of [`crate::sign`]. It is off where no profile has `[facade]`.

pub mod certificate;
pub mod entry;
pub mod leaf;

use crate::gateway::Gateway;

/// Whether anything is issued at all: whether a profile has `[facade]`.
#[must_use]
pub fn is_on(gateway: &Gateway) -> bool {
    let governance = gateway.governance();
    governance.is_ok_and(|now| now.policy.profiles().any(|profile| profile.facade().is_some()))
}
