//! The HTTP server over a real gateway and a real keyguard in one process.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test")]

mod admin;
mod alerts;
mod authorisation;
mod dev;
mod doors;
mod facade;
mod keyguard;
mod ledger;
mod limits;
mod openapi;
mod pe;
mod problems;
mod raw;
mod session;
mod sign;
mod stop;
mod tiles;
mod timestamp;
mod tls;
mod world;
