//! JWS envelopes: flattened JSON (RFC 7515 §7.2.2).
//!
//! ```text
//! signed bytes   base64url(protected) "." base64url(payload)
//! envelope       {"payload":"eyJ0…","protected":"eyJh…",
//!                 "header":{"io.cncf.notary.timestampSignature":"MIIE…","x5c":["MIIB…","MIIB…"]},"signature":"Zx7q…"}
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::algorithm::Algorithm;
use super::envelope::{Contents, Envelope, Kind, MAX_PROTECTED};
use super::header::{self, Header, SCHEME, Written};
use super::payload::{CONTENT_TYPE, MAX_PAYLOAD, Target};
use super::{malformed, moment};
use crate::seam::FormatError;

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    payload: String,
    protected: String,
    header: Unprotected,
    signature: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unprotected {
    #[serde(rename = "io.cncf.notary.timestampSignature", default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    x5c: Vec<String>,
    #[serde(rename = "io.cncf.notary.signingAgent", default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
}

/// Members in the order of their names, as they are signed.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Protected {
    alg: String,
    crit: Vec<String>,
    cty: String,
    #[serde(rename = "io.cncf.notary.expiry", default, skip_serializing_if = "Option::is_none")]
    expiry: Option<String>,
    #[serde(rename = "io.cncf.notary.signingScheme")]
    scheme: String,
    #[serde(rename = "io.cncf.notary.signingTime")]
    signing_time: String,
}

/// The protected header's bytes.
pub fn protected(header: &Written) -> Result<Vec<u8>, FormatError> {
    let written = Protected {
        alg: header.algorithm.jws().to_owned(),
        crit: header.critical().into_iter().map(str::to_owned).collect(),
        cty: CONTENT_TYPE.to_owned(),
        expiry: header.expiry.clone(),
        scheme: SCHEME.to_owned(),
        signing_time: header.signing_time.clone(),
    };
    serde_json::to_vec(&written).map_err(|error| FormatError::Statement(error.to_string()))
}

/// The bytes that are signed (RFC 7515 §5.1).
#[must_use]
pub fn signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(protected), URL_SAFE_NO_PAD.encode(payload)).into_bytes()
}

/// Writes an envelope.
pub fn write(contents: &Contents<'_>) -> Result<Vec<u8>, FormatError> {
    let document = Document {
        payload: URL_SAFE_NO_PAD.encode(contents.payload),
        protected: URL_SAFE_NO_PAD.encode(contents.protected),
        header: Unprotected {
            timestamp: contents.timestamp.map(|token| STANDARD.encode(token)),
            x5c: contents.certificates.iter().map(|der| STANDARD.encode(der)).collect(),
            agent: None,
        },
        signature: URL_SAFE_NO_PAD.encode(contents.signature),
    };
    serde_json::to_vec(&document).map_err(|error| FormatError::Parts(error.to_string()))
}

/// Reads an envelope.
pub(super) fn parse(bytes: &[u8]) -> Result<Envelope, FormatError> {
    // Nothing stands around the object: `serde_json` alone would pass over white space.
    if bytes.first() != Some(&b'{') || bytes.last() != Some(&b'}') {
        return Err(malformed("a JWS begins with `{` and ends with `}`"));
    }
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| malformed(format!("JWS: {error}")))?;
    let protected = decode("protected header", &document.protected, MAX_PROTECTED)?;
    let payload = decode("payload", &document.payload, MAX_PAYLOAD)?;
    let certificates = document.header.x5c.iter().map(|one| standard("certificate", one));
    Ok(Envelope {
        kind: Kind::Jws,
        header: read_header(&protected)?.0,
        target: Target::parse(&payload)?,
        signed: format!("{}.{}", document.protected, document.payload).into_bytes(),
        signature: decode("signature", &document.signature, super::envelope::MAX_SIGNATURE)?,
        certificates: certificates.collect::<Result<_, _>>()?,
        timestamp: document
            .header
            .timestamp
            .as_deref()
            .map(|text| standard("timestamp", text))
            .transpose()?,
        agent: document.header.agent,
    })
}

/// Answers with the header, and its signing time as it is written.
pub(super) fn read_header(protected: &[u8]) -> Result<(Header, String), FormatError> {
    let read: Protected =
        serde_json::from_slice(protected).map_err(|error| malformed(format!("protected header: {error}")))?;
    header::check_scheme(&read.scheme)?;
    header::check_content_type(&read.cty)?;
    header::check_critical(read.crit.iter().map(String::as_str).collect(), read.expiry.as_ref())?;
    let shown: String = read.alg.chars().take(20).collect();
    let algorithm = Algorithm::from_jws(&read.alg)
        .ok_or_else(|| FormatError::Unsupported(format!("signature algorithm `{shown}`")))?;
    let expiry = read.expiry.as_deref().map(moment::parse).transpose()?;
    let signing_time = moment::parse(&read.signing_time)?;
    let header = Header { algorithm, signing_time, expiry }.checked()?;
    Ok((header, read.signing_time))
}

fn decode(what: &str, text: &str, most: usize) -> Result<Vec<u8>, FormatError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed(format!("{what} is not base64url")))?;
    if bytes.len() > most {
        return Err(malformed(format!("{what} of {} bytes; at most {most}", bytes.len())));
    }
    Ok(bytes)
}

fn standard(what: &str, text: &str) -> Result<Vec<u8>, FormatError> {
    STANDARD.decode(text).map_err(|_| malformed(format!("{what} is not base64")))
}
