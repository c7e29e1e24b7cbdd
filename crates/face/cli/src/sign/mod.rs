//! The parts of `chancery sign`: statements are prepared, asked for, attached and verified, then written.

pub(crate) mod ask;
pub(crate) mod brought;
pub(crate) mod finish;
pub(crate) mod image;
pub(crate) mod patient;
pub(crate) mod prepare;
pub(crate) mod proof;
pub(crate) mod session;
