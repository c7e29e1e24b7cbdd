//! An envelope, typed: one signature over one target, its chain, and the timestamp over it. It proves nothing yet.

use super::header::Header;
use super::payload::Target;
use super::{cose, jws, malformed};
use crate::seam::FormatError;

/// Largest envelope in bytes.
pub const MAX_ENVELOPE: usize = 1 << 20;
/// Most certificates, leaf and root included.
pub const MAX_CERTIFICATES: usize = 6;
/// Largest certificate in bytes.
pub const MAX_CERTIFICATE: usize = 16 << 10;
/// Largest RFC 3161 token in bytes.
pub const MAX_TOKEN: usize = 64 << 10;
/// Largest protected header in bytes.
pub const MAX_PROTECTED: usize = 4 << 10;
/// Largest signature in bytes: RSA of 8192 bits.
pub const MAX_SIGNATURE: usize = 1 << 10;
/// Longest name of the program that signed.
pub const MAX_AGENT: usize = 256;

/// How an envelope is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// COSE_Sign1 (RFC 9052 §4.2).
    Cose,
    /// JWS, flattened JSON (RFC 7515 §7.2.2).
    Jws,
}

impl Kind {
    /// The stable name: `jws`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cose => "cose",
            Self::Jws => "jws",
        }
    }
    /// Finds a kind by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Cose, Self::Jws].into_iter().find(|kind| kind.name() == name)
    }
    /// The media type of such an envelope.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Cose => "application/cose",
            Self::Jws => "application/jose+json",
        }
    }
    /// Finds a kind by its media type.
    #[must_use]
    pub fn from_media_type(name: &str) -> Option<Self> {
        [Self::Cose, Self::Jws].into_iter().find(|kind| kind.media_type() == name)
    }
    /// What is appended to a file's name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Cose => ".cose.sig",
            Self::Jws => ".jws.sig",
        }
    }
    /// What the first byte says.
    #[must_use]
    pub const fn of(envelope: &[u8]) -> Option<Self> {
        match envelope.first() {
            Some(b'{') => Some(Self::Jws),
            Some(&cose::TAG_BYTE) => Some(Self::Cose),
            Some(_) | None => None,
        }
    }
}

/// What an envelope holds. Signed are [`Envelope::signed`], made of header and payload; everything else is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// How it was written.
    pub kind: Kind,
    /// The protected header.
    pub header: Header,
    /// What is signed.
    pub target: Target,
    /// The bytes that the signature is over.
    pub signed: Vec<u8>,
    /// The signature: ECDSA as `r || s`. What a timestamp is over.
    pub signature: Vec<u8>,
    /// Certificates, DER, leaf first, root last.
    pub certificates: Vec<Vec<u8>>,
    /// RFC 3161 token, DER (ContentInfo).
    pub timestamp: Option<Vec<u8>>,
    /// The program that says it signed; nobody vouches for it.
    pub agent: Option<String>,
}

impl Envelope {
    /// Reads an envelope of either kind, strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(malformed(format!("{} bytes; at most {MAX_ENVELOPE}", bytes.len())));
        }
        let envelope = match Kind::of(bytes) {
            Some(Kind::Jws) => jws::parse(bytes)?,
            Some(Kind::Cose) => cose::parse(bytes)?,
            None => return Err(malformed("neither a JWS nor a COSE_Sign1 envelope")),
        };
        envelope.check()
    }

    /// Bounds that both kinds share.
    fn check(self) -> Result<Self, FormatError> {
        let sizes = [
            ("a certificate", self.certificates.iter().map(Vec::len).max().unwrap_or(0), MAX_CERTIFICATE),
            ("the number of certificates", self.certificates.len(), MAX_CERTIFICATES),
            ("the timestamp", self.timestamp.as_ref().map_or(0, Vec::len), MAX_TOKEN),
            ("the signature", self.signature.len(), MAX_SIGNATURE),
            ("the signing agent", self.agent.as_ref().map_or(0, String::len), MAX_AGENT),
        ];
        if let Some((what, found, most)) = sizes.into_iter().find(|(_, found, most)| found > most) {
            return Err(malformed(format!("{what}: {found}, at most {most}")));
        }
        if self.certificates.is_empty() || self.signature.is_empty() {
            return Err(malformed("no certificate, or no signature"));
        }
        Ok(self)
    }
}

/// What an envelope is written from.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// The protected header, encoded.
    pub protected: &'a [u8],
    /// The payload, encoded.
    pub payload: &'a [u8],
    /// The signature as envelopes carry it.
    pub signature: &'a [u8],
    /// Certificates, leaf first, root last.
    pub certificates: &'a [Vec<u8>],
    /// RFC 3161 token.
    pub timestamp: Option<&'a [u8]>,
}
