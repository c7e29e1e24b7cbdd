//! Images: signatures are put beside them in their registry, and at depth `artifact` their manifests are fetched from it.
//!
//! Neither adds authority. What is attached was verified and released before; a registry that fails takes nothing back,
//! and the same wish, asked again, is attached again without being signed again.

mod beside;
mod pull;

pub use beside::{Attached, attach};
pub use pull::check;
