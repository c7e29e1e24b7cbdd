//! Ports: one trait per file, plain data, a strict fake in `dev/testkit`, a conformance suite.

use std::future::Future;
use std::pin::Pin;

pub mod clock;
pub mod cosigner;
pub mod courier;
pub mod custodian;
pub mod dialer;
pub mod entropy;
pub mod keyguard;
pub mod ledger_keys;
pub mod ledger_reader;
pub mod memory;
pub mod outbox;
pub mod registry;
pub mod sequencer;
pub mod stamper;
pub mod state;
pub mod step;

/// A boxed future, so that ports stay object-safe without a runtime in the domain.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
