//! The parts of `chancery demo`: the service that it starts, and the steps that it runs as a job.

pub(crate) mod authority;
pub(crate) mod service;
pub(crate) mod step;
