//! Trust that others hand out by TUF: fetched from a mirror, checked step by step, kept in the user's data directory.
//!
//! ```text
//! ~/.local/share/chancery/trust/NAME/mirror               where it comes from, one line
//!                                    root.json  timestamp.json  snapshot.json  targets.json      what is trusted
//!                                    trusted_root.json  signing_config.v0.2.json                 what it carries
//! ```
//! Everything but `trust init` and `trust refresh` reads these files and touches no network.

mod place;
mod store;
mod update;

pub(crate) use place::Mirror;
pub(crate) use store::{Store, names};
pub(crate) use update::{Updated, update};
