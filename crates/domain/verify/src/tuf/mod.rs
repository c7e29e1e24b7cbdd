//! TUF (specification 1.0): metadata of the four top-level roles, written and read, and the client's workflow.
//!
//! ```json
//! {"signatures":[{"keyid":"8d3f…","sig":"3045…"}],
//!  "signed":{"_type":"timestamp","expires":"2026-11-24T09:00:00Z","meta":{"snapshot.json":{"version":7}},
//!            "spec_version":"1.0.31","version":7}}
//! ```
//! What is signed is the canonical form of `signed` (OLPC canonical JSON, [`canonical`]). [`role`] writes the roles of our
//! own repository and reads those of any; [`envelope`] counts signatures; [`client`] is the workflow of section 5, as a
//! pure state machine: bytes go in, trust or a named rejection comes out, whoever fetched them.
//!
//! Delegations are not followed: what Sigstore's repositories carry for clients are top-level targets.

pub mod canonical;
pub mod client;
pub mod envelope;
pub mod key;
pub mod refused;
pub mod role;
