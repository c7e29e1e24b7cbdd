//! Profiles, grants and guardrails decide, with a trace of every rule.
//!
//! Pure: governance documents come in as text ([`documents::Documents`]), become a [`policy::Policy`], and
//! [`decide::decide`] answers one [`facts::Facts`] with one Cedar decision over the slice of the policies that can
//! concern the caller. Default deny; a field, attribute or file that is not known is a load error, never ignored.

pub mod act;
pub mod approval;
pub mod attested;
pub mod attribute;
mod bounds;
pub mod brake;
mod brake_diff;
mod brake_file;
pub mod compile;
pub mod decide;
pub mod diff;
pub mod documents;
mod engine;
pub mod explain;
pub mod facade;
mod facade_file;
pub mod facts;
mod fields;
pub mod governance;
pub mod grant;
mod grant_file;
pub mod guardrail;
pub mod habit;
mod hint;
mod index;
pub mod limit;
pub mod lint;
pub mod pattern;
pub mod policy;
pub mod problem;
pub mod profile;
mod profile_file;
pub mod quorum;
mod schema;
pub mod standing;
pub mod test_cases;
mod test_standing;
mod trace;
pub mod trigger;
pub mod vouch;

#[cfg(test)]
mod properties;
