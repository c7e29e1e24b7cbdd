//! Nouns, ports, evidence types and the warrant: what every other crate speaks.
//!
//! Pure: no I/O, no runtime, no clock of its own. What has been checked is a type with private fields, born in one
//! function; authority ([`warrant::Warrant`]) is consumed by value. The glossary is DESIGN's vocabulary table.

pub mod algorithm;
pub mod artifact;
pub mod attested;
pub mod caller;
pub mod canonical;
pub mod claims;
pub mod decision;
pub mod depth;
pub mod digest;
pub mod environment;
pub mod evidence;
pub mod family;
pub mod format;
pub mod freeze;
pub mod id;
pub mod instance;
pub mod message;
pub mod order;
pub mod port;
pub mod receipt;
pub mod refusal;
pub mod request;
pub mod statement;
pub mod time;
pub mod tuf;
pub mod tunnel;
pub mod verdict;
pub mod vouched;
pub mod warrant;
pub mod witness;
