//! Leaves and evidence become a report: every decision and every signature ever made, checked again.
//!
//! One pass in order of the leaves ([`auditor::Auditor`]) rebuilds the tree and keeps what later leaves depend on: the
//! policy in force, keys, open intents, used tokens, volumes. What is expensive and concerns one signature alone is a
//! [`job::Job`], which may run on another thread. Pure: leaves and evidence come through [`source`], and no clock is
//! read; every check is made as of the time of its event.

mod acts;
pub mod auditor;
mod authorities;
mod budget;
mod closing;
mod decision;
mod facade;
pub mod finding;
mod governance;
mod intent;
pub mod job;
mod keys;
mod outcome;
pub mod pins;
pub mod report;
pub mod rows;
mod session;
pub mod simulate;
pub mod source;
mod statement;
pub mod story;
mod token;
mod token_use;
mod tree;
mod waiting;
