//! What the keyguard may not do: seccomp, Landlock, limits, core dumps.
//!
//! A process that holds keys gives up, for good and before it reads its first input, everything that it does not need.
//! Nothing here makes a wrong program right; it takes the usual next steps from whoever found a hole in it.

mod deny;
mod landlocked;
pub mod sandbox;

pub use sandbox::{Network, Profile, Report, Sandbox};
