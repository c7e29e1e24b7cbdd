//! The development issuer behind `/dev`: tokens for whoever sits on this machine. Never part of a production service.

use std::fmt;

use chancery_identity::dev_issuer::DevKey;
use subtle::ConstantTimeEq as _;

/// The issuer of a development installation.
pub struct DevIssuer {
    /// Its key; `issuers.toml` pins it.
    pub key: DevKey,
    /// Its `iss`.
    pub url: String,
    /// What stands for the runner's own credential: `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub request_token: String,
}

impl DevIssuer {
    /// Whether a caller has the runner's credential.
    pub(crate) fn knows(&self, token: &str) -> bool {
        self.request_token.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

impl fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DevIssuer({}, [hidden])", self.url)
    }
}
