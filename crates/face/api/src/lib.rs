//! Wire types, one file per resource. The OpenAPI document is made from them; conversion from domain types is written
//! by hand where they are served.
//!
//! Answers may grow members, so readers ignore unknown ones; request bodies refuse them.

pub mod act;
pub mod admin;
pub mod ask;
pub mod audience;
pub mod code;
pub mod dev;
pub mod health;
pub mod key;
pub mod ledger;
pub mod policy;
pub mod problem;
pub mod profile;
pub mod rehearsal;
pub mod request;
pub mod session;
pub mod signed;
pub mod trust;
pub mod webhook;
pub mod whoami;
