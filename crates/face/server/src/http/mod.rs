//! Handlers, one file per resource. A handler reads its input strictly, calls one use case, and translates the answer.

pub(crate) mod act;
pub(crate) mod admin;
pub(crate) mod audience;
pub(crate) mod dev;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod ledger;
pub(crate) mod overview;
pub(crate) mod policy;
pub(crate) mod profile;
pub(crate) mod request;
pub(crate) mod session;
pub(crate) mod sign;
pub(crate) mod signed;
pub(crate) mod tile;
pub(crate) mod timestamp;
pub(crate) mod trust;
pub(crate) mod tuf;
pub(crate) mod webhook;
pub(crate) mod whoami;

use std::sync::Arc;

/// The state that every handler gets.
pub(crate) type Shared = axum::extract::State<Arc<crate::service::Service>>;
