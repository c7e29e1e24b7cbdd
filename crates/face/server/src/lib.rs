//! The HTTP face of the gateway: handlers, problem+json, limits, TLS.
//!
//! Two doors: TCP for callers and verifiers, a Unix socket for operators. Handlers translate; every decision is made in
//! the gateway's use cases.

mod admission;
mod bearer;
mod body;
mod certificate_files;
mod connection;
pub mod dev_certificate;
pub mod dev_issuer;
mod exchange;
mod facade;
mod fault;
mod heavy;
mod http;
pub mod measures;
mod metrics;
pub mod openapi;
pub mod patience;
mod possession;
mod query;
pub mod route;
mod server;
mod service;
pub mod tls;

pub use server::{Parts, ServerError, run, run_with};
