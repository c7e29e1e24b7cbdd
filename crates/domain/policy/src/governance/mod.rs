//! Who rules: the root document, the roster of people, and versions of the governance documents that enough of the
//! root's people signed. Pure, as everything here; [`signed::accept`] alone makes a [`signed::SignedVersion`].

pub mod header;
mod person;
pub mod refused;
pub mod root;
pub mod roster;
pub(crate) mod rulers;
pub mod signed;
