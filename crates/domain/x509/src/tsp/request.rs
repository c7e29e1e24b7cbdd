//! TimeStampReq (RFC 3161 §2.4.1).
//!
//! ```text
//! 30 43  02 01 01                                  version 1
//!        30 31 30 0d 06 09 …sha256 05 00 04 20 …   messageImprint
//!        02 08 5b3c…                               nonce
//!        01 01 ff                                  certReq TRUE
//! ```

use const_oid::ObjectIdentifier;

use super::imprint::Imprint;
use super::response::FailInfo;
use crate::cms::algorithm::AlgorithmError;
use crate::cms::{elements, oid};
use crate::tlv::{self, Reader, TlvError};

/// Largest request in bytes.
pub const MAX_SIZE: usize = 1024;
/// Largest nonce in bytes.
pub const MAX_NONCE: usize = 32;

/// `[0] IMPLICIT Extensions`.
const EXTENSIONS: u8 = 0xa0;

/// Whether the certificate of the authority shall be in the token (certReq).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateWish {
    /// The token carries certificates.
    Include,
    /// The token carries none (RFC 3161 §2.4.1: it MUST NOT).
    Omit,
}

/// The value bytes of a nonce INTEGER, shortest form, at most [`MAX_NONCE`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// From random bytes (8 or more are wise), read as a non-negative number; `None` when empty or too long.
    #[must_use]
    pub fn from_random(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() >= MAX_NONCE {
            return None;
        }
        let element = tlv::write_unsigned(bytes);
        Reader::new(&element).value(tlv::INTEGER).ok().map(|value| Self(value.to_vec()))
    }
    /// The value bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
    pub(crate) fn read(value: &[u8]) -> Result<Self, TlvError> {
        if elements::is_integer(value) && value.len() <= MAX_NONCE {
            Ok(Self(value.to_vec()))
        } else {
            Err(TlvError::Value("TimeStampReq"))
        }
    }
}

/// A wish for a timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampRequest {
    /// What to stamp.
    pub imprint: Imprint,
    /// The policy that the requester wants.
    pub policy: Option<ObjectIdentifier>,
    /// The nonce that the token must repeat.
    pub nonce: Option<Nonce>,
    /// Whether certificates are wanted.
    pub certificates: CertificateWish,
}

/// Why bytes are not a request that is served; [`Self::fail_info`] is the answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Larger than [`MAX_SIZE`].
    #[error("timestamp request is too large")]
    TooLarge,
    /// Not a TimeStampReq of version 1.
    #[error("timestamp request is malformed")]
    Malformed(#[source] TlvError),
    /// The imprint is not one of SHA-256, SHA-384, SHA-512 with its size.
    #[error("message imprint is not accepted")]
    Imprint(#[source] AlgorithmError),
    /// Extensions are never accepted.
    #[error("timestamp request has extensions")]
    Extensions,
}

impl From<TlvError> for RequestError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error)
    }
}

impl RequestError {
    /// The failure to answer with (RFC 3161 §2.4.2).
    #[must_use]
    pub const fn fail_info(&self) -> FailInfo {
        match self {
            Self::TooLarge | Self::Malformed(_) => FailInfo::BadDataFormat,
            Self::Imprint(AlgorithmError::Malformed(_)) => FailInfo::BadDataFormat,
            Self::Imprint(
                AlgorithmError::Digest(_)
                | AlgorithmError::Disagree
                | AlgorithmError::Parameters(_)
                | AlgorithmError::Scheme(_),
            ) => FailInfo::BadAlg,
            Self::Extensions => FailInfo::UnacceptedExtension,
        }
    }
}

impl TimestampRequest {
    /// DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let policy = self.policy.as_ref().map(oid::write).unwrap_or_default();
        let nonce = self.nonce.as_ref().map(|nonce| tlv::write(tlv::INTEGER, &[nonce.as_bytes()]));
        let wish = match self.certificates {
            CertificateWish::Include => tlv::write(tlv::BOOLEAN, &[&[0xff]]),
            CertificateWish::Omit => Vec::new(),
        };
        let version = tlv::write_unsigned(&[1]);
        let imprint = self.imprint.to_der();
        tlv::write(tlv::SEQUENCE, &[&version, &imprint, &policy, &nonce.unwrap_or_default(), &wish])
    }
    /// Reads a request; nothing may follow it.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > MAX_SIZE {
            return Err(RequestError::TooLarge);
        }
        let mut body = tlv::only(bytes, tlv::SEQUENCE)?;
        if body.small()? != 1 {
            return Err(RequestError::Malformed(TlvError::Value("TimeStampReq")));
        }
        let imprint = Imprint::read(&mut body).map_err(RequestError::Imprint)?;
        let policy = if body.peek() == Some(tlv::OID) { Some(oid::read(&mut body)?) } else { None };
        let nonce = body.optional(tlv::INTEGER)?.map(Nonce::read).transpose()?;
        let certificates =
            if body.default_false()? { CertificateWish::Include } else { CertificateWish::Omit };
        if body.peek() == Some(EXTENSIONS) {
            return Err(RequestError::Extensions);
        }
        body.finish()?;
        Ok(Self { imprint, policy, nonce, certificates })
    }
}
