//! The protected header: algorithm, content type, scheme, signing time, expiry. Nothing else: an attribute that is not
//! known, critical or not, changes what its signer meant, so it is refused.
//!
//! ```json
//! {"alg":"ES256","crit":["io.cncf.notary.signingScheme"],"cty":"application/vnd.cncf.notary.payload.v1+json",
//!  "io.cncf.notary.signingScheme":"notary.x509","io.cncf.notary.signingTime":"2026-11-20T21:47:03Z"}
//! ```

use chancery_core::time::Time;

use super::algorithm::Algorithm;
use super::{malformed, moment};
use crate::seam::FormatError;

/// The one scheme: certificates of the signer's own, trusted time by RFC 3161.
pub const SCHEME: &str = "notary.x509";
/// Its label.
pub const SIGNING_SCHEME: &str = "io.cncf.notary.signingScheme";
/// The label of the signing time.
pub const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
/// The label of the expiry.
pub const EXPIRY: &str = "io.cncf.notary.expiry";

/// A protected header, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The algorithm as named; a verifier takes the key's own, and compares.
    pub algorithm: Algorithm,
    /// When it was signed, as the signer says: no proof of time.
    pub signing_time: Time,
    /// The last moment at which it shall count, if there is one.
    pub expiry: Option<Time>,
}

impl Header {
    /// Refuses an expiry that is not after the signing time, as notation does.
    pub(super) fn checked(self) -> Result<Self, FormatError> {
        if self.expiry.is_some_and(|expiry| expiry <= self.signing_time) {
            return Err(malformed("expires before it was signed"));
        }
        Ok(self)
    }
}

/// The times of a header that is to be written, as text: the zone is part of what is signed in a JWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// RFC 3339.
    pub signing_time: String,
    /// RFC 3339.
    pub expiry: Option<String>,
}

impl Written {
    /// A header that begins at a moment and, where there is an expiry, ends so many seconds later.
    pub fn new(
        algorithm: Algorithm,
        signing_time: String,
        expiry_seconds: Option<u64>,
    ) -> Result<Self, FormatError> {
        let expiry = expiry_seconds.map(|seconds| moment::later(&signing_time, seconds)).transpose()?;
        Ok(Self { algorithm, signing_time, expiry })
    }
    /// The same as numbers.
    pub fn header(&self) -> Result<Header, FormatError> {
        let expiry = self.expiry.as_deref().map(moment::parse).transpose()?;
        let signing_time = moment::parse(&self.signing_time)?;
        Header { algorithm: self.algorithm, signing_time, expiry }.checked()
    }
    /// What a verifier must understand: scheme, then expiry.
    #[must_use]
    pub fn critical(&self) -> Vec<&'static str> {
        critical(self.expiry.as_ref())
    }
}

pub(super) fn critical<T>(expiry: Option<&T>) -> Vec<&'static str> {
    if expiry.is_some() { vec![SIGNING_SCHEME, EXPIRY] } else { vec![SIGNING_SCHEME] }
}

/// The critical labels are exactly those that the specification demands, in whatever order.
pub(super) fn check_critical<T>(mut found: Vec<&str>, expiry: Option<&T>) -> Result<(), FormatError> {
    let mut expected = critical(expiry);
    expected.sort_unstable();
    found.sort_unstable();
    if found == expected {
        return Ok(());
    }
    let shown: String = found.join(", ").chars().take(120).collect();
    Err(malformed(format!("critical headers `{shown}`; expected `{}`", expected.join(", "))))
}

/// The scheme is the one that there is.
pub(super) fn check_scheme(found: &str) -> Result<(), FormatError> {
    if found == SCHEME {
        return Ok(());
    }
    let shown: String = found.chars().take(80).collect();
    Err(FormatError::Unsupported(format!("signing scheme `{shown}`; expected `{SCHEME}`")))
}

/// The payload is a Notary payload.
pub(super) fn check_content_type(found: &str) -> Result<(), FormatError> {
    if found == super::payload::CONTENT_TYPE {
        return Ok(());
    }
    let shown: String = found.chars().take(80).collect();
    Err(malformed(format!("content type `{shown}`")))
}
