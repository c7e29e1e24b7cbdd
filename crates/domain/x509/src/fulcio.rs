//! Fulcio's extensions ⇄ claims: 1.3.6.1.4.1.57264.1.N, not critical, one claim each.
//!
//! ```text
//! .1            68 74 74 70 73 3a …         issuer, raw bytes; deprecated, and read by clients still
//! .2 to .6      70 75 73 68                 trigger, commit, workflow name, repository, ref: raw bytes, deprecated
//! .8 to .24     0c 04 70 75 73 68           the claims of today, DER UTF8String
//! ```

use chancery_core::claims::Claims;

use crate::certificate::Certificate;
use crate::extension::{Criticality, Extension};
use crate::tlv::{self, Reader};

/// Longest value in bytes.
pub const MAX_VALUE: usize = 1024;

/// 1.3.6.1.4.1.57264.1, without the last component.
const ARC: [u8; 9] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01];

/// The deprecated extensions with the token claims that GitHub's tokens have them from.
const DEPRECATED: [(u8, &str); 5] =
    [(2, "event_name"), (3, "sha"), (4, "workflow"), (5, "repository"), (6, "ref")];

/// The extensions of today with the names of the claims that they carry.
const CURRENT: [(u8, &str); 17] = [
    (8, "issuer"),
    (9, "build_signer_uri"),
    (10, "build_signer_digest"),
    (11, "runner_environment"),
    (12, "source_repository_uri"),
    (13, "source_repository_digest"),
    (14, "source_repository_ref"),
    (15, "source_repository_identifier"),
    (16, "source_repository_owner_uri"),
    (17, "source_repository_owner_identifier"),
    (18, "build_config_uri"),
    (19, "build_config_digest"),
    (20, "build_trigger"),
    (21, "run_invocation_uri"),
    (22, "source_repository_visibility"),
    (23, "deployment_environment"),
    (24, "subject"),
];

/// Claims that cannot be certified, or extensions that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FulcioError {
    /// The two issuer extensions name different issuers.
    #[error("certificate names two issuers: `{raw}` and `{encoded}`")]
    IssuersDiffer {
        /// The value of .1.
        raw: String,
        /// The value of .8.
        encoded: String,
    },
    /// An extension that is not text in its one form.
    #[error("extension 1.3.6.1.4.1.57264.1.{0} is malformed")]
    Malformed(u8),
    /// No issuer at all.
    #[error("no issuer")]
    NoIssuer,
    /// Text that is empty, longer than 1024 bytes, or holds control characters.
    #[error("claim of 1.3.6.1.4.1.57264.1.{0} is empty, longer than 1024 bytes, or holds control characters")]
    Text(u8),
}

/// The extensions of a caller's claims, in the order of their numbers.
pub fn extensions(claims: &Claims) -> Result<Vec<Extension>, FulcioError> {
    if claims.issuer.is_empty() {
        return Err(FulcioError::NoIssuer);
    }
    let mut all = vec![raw(1, &claims.issuer)?];
    for (number, name) in DEPRECATED {
        if let Some(value) = claims.raw.get(name).filter(|value| !value.is_empty()) {
            all.push(raw(number, value)?);
        }
    }
    let present = claims.normalised();
    for (number, name) in CURRENT {
        let found = present.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        // A token without subject is recorded without it; every other claim that is there has to say something.
        if let Some(value) = found.filter(|value| name != "subject" || !value.is_empty()) {
            let text = tlv::write(tlv::UTF8_STRING, &[checked(number, value)?.as_bytes()]);
            all.push(Extension::new(&identifier(number), Criticality::Optional, text));
        }
    }
    Ok(all)
}

/// The claims that a certificate carries. An error when there is no issuer, when .1 and .8 differ, or when any of them
/// is malformed. The deprecated extensions come back under the raw names that they were made from.
pub fn claims(certificate: &Certificate) -> Result<Claims, FulcioError> {
    let mut claims = Claims::default();
    for (number, name) in CURRENT {
        if let Some(found) = certificate.extension(&identifier(number)) {
            set(&mut claims, name, read_utf8(number, found.value())?);
        }
    }
    for (number, name) in DEPRECATED {
        if let Some(found) = certificate.extension(&identifier(number)) {
            claims.raw.insert(name.to_owned(), read_raw(number, found.value())?);
        }
    }
    if let Some(found) = certificate.extension(&identifier(1)) {
        let raw = read_raw(1, found.value())?;
        if claims.issuer.is_empty() {
            claims.issuer = raw;
        } else if claims.issuer != raw {
            return Err(FulcioError::IssuersDiffer { raw, encoded: claims.issuer });
        }
    }
    if claims.issuer.is_empty() { Err(FulcioError::NoIssuer) } else { Ok(claims) }
}

fn identifier(number: u8) -> Vec<u8> {
    // INVARIANT: numbers are below 128, so each is one octet.
    ARC.iter().copied().chain([number]).collect()
}

fn raw(number: u8, value: &str) -> Result<Extension, FulcioError> {
    let value = checked(number, value)?.as_bytes().to_vec();
    Ok(Extension::new(&identifier(number), Criticality::Optional, value))
}

/// Claims reach terminals and logs (T14), so control characters have no place in a certificate.
fn checked(number: u8, value: &str) -> Result<&str, FulcioError> {
    let fits = (1..=MAX_VALUE).contains(&value.len()) && !value.chars().any(char::is_control);
    if fits { Ok(value) } else { Err(FulcioError::Text(number)) }
}

fn read_raw(number: u8, value: &[u8]) -> Result<String, FulcioError> {
    let text = std::str::from_utf8(value).map_err(|_| FulcioError::Malformed(number))?;
    checked(number, text).map(str::to_owned)
}

fn read_utf8(number: u8, value: &[u8]) -> Result<String, FulcioError> {
    let mut reader = Reader::new(value);
    let text = reader.value(tlv::UTF8_STRING).map_err(|_| FulcioError::Malformed(number))?;
    reader.finish().map_err(|_| FulcioError::Malformed(number))?;
    read_raw(number, text)
}

fn set(claims: &mut Claims, name: &str, value: String) {
    let field = match name {
        "issuer" => {
            claims.issuer = value;
            return;
        }
        "subject" => {
            claims.subject = value;
            return;
        }
        "build_signer_uri" => &mut claims.build_signer_uri,
        "build_signer_digest" => &mut claims.build_signer_digest,
        "runner_environment" => &mut claims.runner_environment,
        "source_repository_uri" => &mut claims.source_repository_uri,
        "source_repository_digest" => &mut claims.source_repository_digest,
        "source_repository_ref" => &mut claims.source_repository_ref,
        "source_repository_identifier" => &mut claims.source_repository_identifier,
        "source_repository_owner_uri" => &mut claims.source_repository_owner_uri,
        "source_repository_owner_identifier" => &mut claims.source_repository_owner_identifier,
        "build_config_uri" => &mut claims.build_config_uri,
        "build_config_digest" => &mut claims.build_config_digest,
        "build_trigger" => &mut claims.build_trigger,
        "run_invocation_uri" => &mut claims.run_invocation_uri,
        "source_repository_visibility" => &mut claims.source_repository_visibility,
        "deployment_environment" => &mut claims.deployment_environment,
        _ => return,
    };
    *field = Some(value);
}
