//! The signing keys of registered issuers.

use super::Boxed;
use crate::id::IssuerName;

/// An issuer's keys could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerKeysError {
    /// The issuer does not answer and nothing fresh enough is cached (exit 75).
    #[error("keys of issuer `{issuer}` are not available: {why}")]
    Unavailable {
        /// The issuer.
        issuer: IssuerName,
        /// Why.
        why: String,
    },
    /// The issuer answered with something that is not acceptable.
    #[error("issuer `{issuer}` answered wrongly: {why}")]
    Wrong {
        /// The issuer.
        issuer: IssuerName,
        /// Why.
        why: String,
    },
}

/// Gives an issuer's JWK set (RFC 7517), as text. Cached, bounded, single-flight.
pub trait IssuerKeys: Send + Sync + std::fmt::Debug {
    /// The JWK set; `kid` is the key that a token names, so that a rotation is noticed.
    fn keys<'a>(
        &'a self,
        issuer: &'a IssuerName,
        kid: Option<&'a str>,
    ) -> Boxed<'a, Result<String, IssuerKeysError>>;
}
