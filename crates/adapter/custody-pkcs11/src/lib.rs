//! Private keys in PKCS#11 tokens, one worker process per token.
//!
//! A PKCS#11 module is foreign code that may crash, hang, lose its session or answer nonsense. So it is loaded by a
//! worker process only: [`worker::run_worker`], behind a hidden subcommand, holds the logged-in sessions; and
//! [`pool::Pkcs11Custodian`], in the keyguard, talks to it over a socket pair, gives every call a deadline, kills a
//! worker that hangs, starts another, and believes nothing that comes back before it checked its size and form.
//!
//! The worker is trusted with its PIN and nothing else. The warrant is spent in the keyguard; what crosses the boundary
//! is {key label, hash of its public key, algorithm, digest}.

mod book;
mod fault;
mod link;
pub mod pool;
mod protocol;
mod public;
mod raw;
mod session;
mod signature;
mod token;
pub mod worker;

pub use pool::{Limits, Pkcs11Config, Pkcs11Custodian, WorkerCommand};
pub use protocol::TokenConfig;
