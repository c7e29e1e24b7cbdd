//! The commands, one per file, named like the word that starts them.

pub(crate) mod act;
mod approve;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod completion;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod evidence;
pub(crate) mod exception;
pub(crate) mod explain;
pub(crate) mod freeze;
pub(crate) mod help;
pub(crate) mod init;
pub(crate) mod inspect;
mod inspect_foreign;
pub(crate) mod key;
pub(crate) mod keyguard;
pub(crate) mod ledger;
pub(crate) mod man;
pub(crate) mod policy;
mod policy_diff;
mod policy_sign;
mod policy_simulate;
pub(crate) mod request;
pub(crate) mod restore;
pub(crate) mod root;
mod route;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod verify;
pub(crate) mod version;
pub(crate) mod webhook;
pub(crate) mod whoami;

pub(crate) use route::{Context, run};
