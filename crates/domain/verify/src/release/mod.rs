//! Release sets: the files that belong together, as the one who signed them declared it, and whether they are what lies there.
//!
//! ```text
//!  release.toml ──▶ Declaration ─┐ sign: variants complete?
//!  files ──look, sign, hash──▶ Manifest ──▶ release.json + release.json.sigstore.json
//!
//!  release.json, verified like any file ──▶ Manifest ─┐
//!  files as they lie there ──look, hash──▶ Seen ──────┴─ judge ──▶ findings
//! ```
//!
//! Pure: what lies in the directory is told by the caller. That the manifest is signed by whom the policy expects, and each file
//! by whom it says, is the business of [`crate::verify`].

pub mod declaration;
pub mod finding;
pub mod judge;
pub mod manifest;
pub mod path;
pub mod seen;
