//! Certificate profiles: a typed input becomes a TBSCertificate (phase 1), which [`crate::certificate::assemble`] joins
//! with the signature that a custodian made over it (phase 2). One file per profile.

pub mod authority;
pub mod code_signing;
pub mod draft;
pub mod identity_leaf;
pub mod planned;
pub mod server_auth;
pub mod timestamping;
