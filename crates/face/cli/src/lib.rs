//! The command line: one command per file under [`command`], everything they share beside it.
//!
//! stdout carries only the result, messages go to stderr; `--json` gives versioned JSON also on failure; exit codes are
//! [`exit::Exit`]. What the process needs from outside (tokens, clock, roles) comes through [`host::Host`].

mod arguments;
mod audit;
pub mod catalogue;
mod client;
mod command;
mod demo;
mod evidence;
pub mod exit;
mod export;
pub mod failure;
mod file;
mod foreign;
pub mod host;
mod image;
mod mirror;
mod plugin;
mod release;
mod report;
mod run;
mod sign;
mod ssh;
mod terminal;
mod trust;

pub use run::{run, run_on};
pub use terminal::Streams;
