//! Bytes that notation wants signed without an envelope, read back to what they say.
//!
//! notation builds header and payload itself and asks its plugin for a signature alone. Nothing is signed as it comes: the
//! bytes are read strictly, become a statement, and the keyguard rebuilds them from it. [`Requested::rebuilt`] says before
//! anybody is asked whether that will come to the same bytes.
//!
//! ```text
//! eyJh….eyJ0…                          base64url(header) "." base64url(payload)
//! 84 6a "Signature1" 58 .. 40 58 ..    header, nothing, payload
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_core::digest::Sha256;

use super::cbor::Reader;
use super::envelope::{Kind, MAX_PROTECTED};
use super::header::{Header, Written};
use super::payload::{MAX_PAYLOAD, Target};
use super::statement::Body;
use super::{cose, jws, malformed};
use crate::seam::FormatError;

/// The first byte of a COSE `Sig_structure`: an array of four.
const SIG_STRUCTURE: u8 = 0x84;

/// What the bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// For which kind of envelope they are.
    pub kind: Kind,
    /// The protected header.
    pub header: Header,
    /// Its signing time as text: in a JWS the zone is part of what is signed.
    pub signing_time: String,
    /// The payload.
    pub target: Target,
}

impl Requested {
    /// Reads signed bytes of either kind.
    pub fn parse(signed: &[u8]) -> Result<Self, FormatError> {
        if signed.first() == Some(&SIG_STRUCTURE) { Self::cose(signed) } else { Self::jws(signed) }
    }

    fn jws(signed: &[u8]) -> Result<Self, FormatError> {
        let text = std::str::from_utf8(signed).map_err(|_| malformed("neither of a JWS nor of COSE"))?;
        let (protected, payload) =
            text.split_once('.').ok_or_else(|| malformed("no dot between header and payload"))?;
        let decode = |text: &str, most: usize| {
            let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed("not base64url"))?;
            if bytes.len() > most { Err(malformed("too large")) } else { Ok(bytes) }
        };
        let (header, signing_time) = jws::read_header(&decode(protected, MAX_PROTECTED)?)?;
        let target = Target::parse(&decode(payload, MAX_PAYLOAD)?)?;
        Ok(Self { kind: Kind::Jws, header, signing_time, target })
    }

    fn cose(signed: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(signed);
        let parts = reader.array(4)?;
        if parts != 4 || reader.text(16)? != "Signature1" {
            return Err(malformed("not what a COSE_Sign1 signs"));
        }
        let protected = reader.bytes(MAX_PROTECTED)?;
        reader.bytes(0)?;
        let payload = reader.bytes(MAX_PAYLOAD)?;
        reader.finish()?;
        let header = cose::read_protected(protected)?;
        let signing_time = header.signing_time.to_string();
        Ok(Self { kind: Kind::Cose, header, signing_time, target: Target::parse(payload)? })
    }

    /// The body of the statement from which the bytes are rebuilt.
    #[must_use]
    pub fn body(&self) -> Body {
        let life = self.header.expiry.map(|expiry| expiry.seconds_since(self.header.signing_time));
        Body {
            annotations: self.target.annotations.clone(),
            envelope: self.kind,
            expiry_seconds: life.and_then(|seconds| u64::try_from(seconds).ok()),
            media_type: self.target.media_type.clone(),
            signing_time: Some(self.signing_time.clone()),
        }
    }
    /// The digest of the artifact. Errors when it is not SHA-256.
    pub fn digest(&self) -> Result<Sha256, FormatError> {
        self.target.sha256()
    }
    /// The bytes as the keyguard will rebuild them.
    pub fn rebuilt(&self) -> Result<Vec<u8>, FormatError> {
        let body = self.body();
        let header = Written::new(self.header.algorithm, self.signing_time.clone(), body.expiry_seconds)?;
        let payload = self.target.encode(self.kind)?;
        Ok(match self.kind {
            Kind::Jws => jws::signed(&jws::protected(&header)?, &payload),
            Kind::Cose => cose::signed(&cose::protected(&header)?, &payload),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notary::algorithm::Algorithm;

    fn target() -> Target {
        Target {
            media_type: "application/vnd.oci.image.manifest.v1+json".into(),
            digest: format!("sha256:{}", Sha256::of(b"x")),
            size: 1,
            annotations: [("build".to_owned(), "a&b".to_owned())].into(),
        }
    }

    fn no_change_reads_like(signed: &[u8]) {
        for at in 0..signed.len() {
            let mut other = signed.to_vec();
            other[at] ^= 1;
            let rebuilt = Requested::parse(&other).and_then(|read| read.rebuilt());
            assert_ne!(rebuilt.unwrap_or_default(), signed, "byte {at}");
        }
    }

    #[test]
    fn what_is_read_is_rebuilt_the_same() {
        for time in ["2026-11-20T21:47:03Z", "2026-11-20T22:47:03+01:00"] {
            for life in [None, Some(3600)] {
                let header = Written::new(Algorithm::Es256, time.to_owned(), life).unwrap();
                let one =
                    jws::signed(&jws::protected(&header).unwrap(), &target().encode(Kind::Jws).unwrap());
                let two =
                    cose::signed(&cose::protected(&header).unwrap(), &target().encode(Kind::Cose).unwrap());
                for signed in [one, two] {
                    let read = Requested::parse(&signed).unwrap();
                    assert_eq!(read.rebuilt().unwrap(), signed);
                    assert_eq!((read.digest().unwrap(), read.target.clone()), (Sha256::of(b"x"), target()));
                    let body = read.body();
                    assert_eq!(Body::from_json(&body.to_json()).unwrap(), body);
                    no_change_reads_like(&signed);
                }
            }
        }
    }
}
