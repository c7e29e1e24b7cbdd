//! Notices about what the ledger says, for receivers outside: pending approvals, denials, stops, signatures.
//!
//! The ledger is the only source: each webhook has an index up to which it was told, so no use case has to remember to
//! notify, and nothing is lost by a crash or a receiver that is away. In order, at least once.

mod date;
mod desk;
mod kind;
mod notice;
mod queue;
mod schedule;

pub use desk::{NotRedelivered, Redelivered, Unknown};
pub use kind::Kind;
pub use notice::{of_leaf, trial};
pub use queue::{Parts, Standing, Subscription, Webhooks};
pub use schedule::Schedule;
