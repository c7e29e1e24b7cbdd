//! The service as the command line talks to it: one kept connection, bounded answers, problems as failures.

mod address;
mod curl;
mod problem;
mod server;

pub(crate) use curl::Body;
pub(crate) use server::{Answer, Server};
