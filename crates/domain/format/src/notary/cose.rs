//! COSE envelopes: COSE_Sign1, tagged (RFC 9052 §4.2).
//!
//! ```text
//! d2 84                                              tag 18, array of 4
//!   58 .. a5                                         protected header, a map in a byte string
//!     01 26                                            alg: ES256
//!     02 81 78 1c "io.cncf.notary.signingScheme"       crit
//!     03 78 2b "application/vnd.cncf.notary.payload.v1+json"
//!     78 1a "io.cncf.notary.signingTime" c1 1a ..      seconds since 1970, tag 1
//!     78 1c "io.cncf.notary.signingScheme" 6b "notary.x509"
//!   a2 18 21 83 59 .. 59 .. 59 ..                    unprotected header: x5chain,
//!      78 21 "io.cncf.notary.timestampSignature" 59 ..   and the timestamp
//!   58 ..                                            payload
//!   58 40                                            signature
//! signed bytes   84 6a "Signature1" 58 .. <protected> 40 58 .. <payload>
//! ```

use chancery_core::time::Time;

use super::algorithm::Algorithm;
use super::cbor::{self, Key, Reader};
use super::envelope::{
    Contents, Envelope, Kind, MAX_AGENT, MAX_CERTIFICATE, MAX_CERTIFICATES, MAX_PROTECTED, MAX_SIGNATURE,
    MAX_TOKEN,
};
use super::header::{self, EXPIRY, Header, SCHEME, SIGNING_SCHEME, SIGNING_TIME, Written};
use super::malformed;
use super::payload::{CONTENT_TYPE, MAX_PAYLOAD, Target};
use crate::seam::FormatError;

/// The tag of COSE_Sign1.
const SIGN1: u64 = 18;
/// The first byte of such an envelope.
pub(super) const TAG_BYTE: u8 = 0xd2;
const ALGORITHM: i64 = 1;
const CRITICAL: i64 = 2;
const CONTENT: i64 = 3;
const X5CHAIN: i64 = 33;
const TIMESTAMP: &str = "io.cncf.notary.timestampSignature";
const AGENT: &str = "io.cncf.notary.signingAgent";
/// Seconds since 1970 (RFC 8949 §3.4.2).
const EPOCH: u64 = 1;

/// The protected header's bytes, without the byte string around them.
pub fn protected(header: &Written) -> Result<Vec<u8>, FormatError> {
    let times = header.header()?;
    let critical: Vec<Vec<u8>> = header.critical().into_iter().map(cbor::text).collect();
    let mut pairs = vec![
        (cbor::integer(ALGORITHM), cbor::integer(header.algorithm.cose())),
        (cbor::integer(CRITICAL), cbor::array(&critical)),
        (cbor::integer(CONTENT), cbor::text(CONTENT_TYPE)),
        (cbor::text(SIGNING_SCHEME), cbor::text(SCHEME)),
        (cbor::text(SIGNING_TIME), epoch(times.signing_time)),
    ];
    pairs.extend(times.expiry.map(|expiry| (cbor::text(EXPIRY), epoch(expiry))));
    Ok(cbor::map(pairs))
}

fn epoch(at: Time) -> Vec<u8> {
    cbor::tag(EPOCH, &cbor::integer(at.seconds()))
}

/// The bytes that are signed: `Sig_structure` (RFC 9052 §4.4).
#[must_use]
pub fn signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let parts = [cbor::text("Signature1"), cbor::bytes(protected), cbor::bytes(&[]), cbor::bytes(payload)];
    cbor::array(&parts)
}

/// Writes an envelope.
#[must_use]
pub fn write(contents: &Contents<'_>) -> Vec<u8> {
    let chain: Vec<Vec<u8>> = contents.certificates.iter().map(|der| cbor::bytes(der)).collect();
    let mut unprotected = vec![(cbor::integer(X5CHAIN), cbor::array(&chain))];
    unprotected.extend(contents.timestamp.map(|token| (cbor::text(TIMESTAMP), cbor::bytes(token))));
    let parts = [
        cbor::bytes(contents.protected),
        cbor::map(unprotected),
        cbor::bytes(contents.payload),
        cbor::bytes(contents.signature),
    ];
    cbor::tag(SIGN1, &cbor::array(&parts))
}

/// Reads an envelope.
pub(super) fn parse(bytes: &[u8]) -> Result<Envelope, FormatError> {
    let mut reader = Reader::new(bytes);
    reader.tag(SIGN1)?;
    if reader.array(4)? != 4 {
        return Err(malformed("COSE_Sign1 has four parts"));
    }
    let protected = reader.bytes(MAX_PROTECTED)?;
    let unprotected = read_unprotected(&mut reader)?;
    let payload = reader.bytes(MAX_PAYLOAD)?;
    let signature = reader.bytes(MAX_SIGNATURE)?.to_vec();
    reader.finish()?;
    Ok(Envelope {
        kind: Kind::Cose,
        header: read_protected(protected)?,
        target: Target::parse(payload)?,
        signed: signed(protected, payload),
        signature,
        certificates: unprotected.certificates,
        timestamp: unprotected.timestamp,
        agent: unprotected.agent,
    })
}

#[derive(Default)]
struct Unprotected {
    certificates: Vec<Vec<u8>>,
    timestamp: Option<Vec<u8>>,
    agent: Option<String>,
}

fn read_unprotected(reader: &mut Reader<'_>) -> Result<Unprotected, FormatError> {
    let mut read = Unprotected::default();
    let mut before: &[u8] = &[];
    for _ in 0..reader.map(3)? {
        match reader.key(&mut before)? {
            Key::Number(X5CHAIN) => {
                for _ in 0..reader.array(MAX_CERTIFICATES)? {
                    read.certificates.push(reader.bytes(MAX_CERTIFICATE)?.to_vec());
                }
            }
            Key::Text(TIMESTAMP) => read.timestamp = Some(reader.bytes(MAX_TOKEN)?.to_vec()),
            Key::Text(AGENT) => read.agent = Some(reader.text(MAX_AGENT)?.to_owned()),
            other @ (Key::Number(_) | Key::Text(_)) => return Err(unknown(other)),
        }
    }
    Ok(read)
}

fn unknown(key: Key<'_>) -> FormatError {
    malformed(format!("unknown header `{key}`"))
}

pub(super) fn read_protected(bytes: &[u8]) -> Result<Header, FormatError> {
    let mut reader = Reader::new(bytes);
    let mut before: &[u8] = &[];
    let (mut algorithm, mut critical, mut content, mut scheme) = (None, Vec::new(), "", "");
    let (mut signing_time, mut expiry) = (None, None);
    for _ in 0..reader.map(6)? {
        match reader.key(&mut before)? {
            Key::Number(ALGORITHM) => algorithm = Some(reader.integer()?),
            Key::Number(CRITICAL) => {
                for _ in 0..reader.array(4)? {
                    critical.push(reader.text(64)?);
                }
            }
            Key::Number(CONTENT) => content = reader.text(128)?,
            Key::Text(SIGNING_SCHEME) => scheme = reader.text(128)?,
            Key::Text(SIGNING_TIME) => signing_time = Some(time(&mut reader)?),
            Key::Text(EXPIRY) => expiry = Some(time(&mut reader)?),
            other @ (Key::Number(_) | Key::Text(_)) => return Err(unknown(other)),
        }
    }
    reader.finish()?;
    header::check_scheme(scheme)?;
    header::check_content_type(content)?;
    header::check_critical(critical, expiry.as_ref())?;
    let number = algorithm.ok_or_else(|| malformed("no algorithm"))?;
    let algorithm = Algorithm::from_cose(number)
        .ok_or_else(|| FormatError::Unsupported(format!("signature algorithm `{number}`")))?;
    let signing_time = signing_time.ok_or_else(|| malformed("no signing time"))?;
    Header { algorithm, signing_time, expiry }.checked()
}

fn time(reader: &mut Reader<'_>) -> Result<Time, FormatError> {
    reader.tag(EPOCH)?;
    reader.integer().map(Time::from_seconds)
}
