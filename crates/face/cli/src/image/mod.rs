//! Container images and other artifacts in registries: named by reference, fetched, walked, judged.

pub(crate) mod judge;
pub(crate) mod named;
pub(crate) mod visit;
