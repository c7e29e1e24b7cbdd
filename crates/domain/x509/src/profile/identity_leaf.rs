//! The ten-minute identity leaf over an existing key, as Fulcio issues it: who asked, certified.
//!
//! ```text
//! subject   empty
//! 2.5.29.15               critical   digitalSignature
//! 2.5.29.37                          codeSigning
//! 2.5.29.17               critical   URI https://github.com/corp/app/.github/workflows/release.yml@refs/heads/main
//! 1.3.6.1.4.1.57264.1.1              https://token.actions.githubusercontent.com       (raw bytes)
//! 1.3.6.1.4.1.57264.1.8              0c 2b https://token.actions.githubusercontent.com (DER UTF8String)
//! …                                  the other claims, see [`crate::fulcio`]
//! 1.3.6.1.4.1.32473.2026.2           "key of the client", only where the client holds it
//! 2.5.29.14, 2.5.29.35               key identifiers
//! 1.3.6.1.4.1.11129.2.4.2            the SCT list, last, only in the final form
//! ```
//! The form without the SCT list is what the SCT signs (RFC 6962 §3.2) and what is logged before; the final form is
//! that plus exactly one extension, which [`check_final`] proves.

use chancery_core::claims::Claims;
use chancery_core::time::Time;

use crate::extension::{self, Criticality, Extension, KeyUsage, extended_key_usage, subject_alt_uris};
use crate::fulcio;
use crate::name::Name;
use crate::oid;
use crate::profile::draft::{self, Issuance, ProfileError};
use crate::sct::Sct;
use crate::tlv::{self, Reader, TlvError};
use crate::validity::{InvalidValidity, Validity};

/// Life of an identity leaf in seconds.
pub const LIFE_SECONDS: i64 = 600;

/// Who holds the key that a leaf certifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A Sigstore client: it signs what it likes, and the leaf says so.
    Client,
    /// This service: it signs what it rebuilt itself.
    Custody,
}

/// The validity of an identity leaf that starts at a moment.
pub fn validity(not_before: Time) -> Result<Validity, InvalidValidity> {
    Validity::new(not_before, not_before.plus_seconds(LIFE_SECONDS))
}

/// Phase 1 for the SCT: the TBSCertificate without SCT list, DER. `identity` is the URI of the SAN.
pub fn precertificate_tbs(
    issuance: &Issuance<'_>,
    identity: &str,
    claims: &Claims,
    holder: Holder,
) -> Result<Vec<u8>, ProfileError> {
    let mut extensions: Vec<Extension> = vec![
        KeyUsage::DIGITAL_SIGNATURE.to_extension(),
        extended_key_usage(&[oid::CODE_SIGNING], Criticality::Optional),
        subject_alt_uris(&[draft::check_uri(identity)?], Criticality::Critical),
    ];
    extensions.extend(fulcio::extensions(claims).map_err(ProfileError::Claims)?);
    extensions.extend((holder == Holder::Client).then(extension::client_key_marker));
    draft::write(issuance, &Name::empty(), extensions)
}

/// Phase 1 for the certificate: the precertificate's TBSCertificate with the SCT list appended as its last extension.
pub fn final_tbs(precertificate_tbs: &[u8], sct: &Sct) -> Result<Vec<u8>, TlvError> {
    let list = sct.to_extension();
    let parts = split(precertificate_tbs)?;
    if parts.extensions.iter().any(|known| known.oid() == oid::SCT_LIST) {
        return Err(TlvError::Value("precertificate"));
    }
    let mut extensions = parts.extensions;
    extensions.push(list);
    Ok(join(parts.head, &extensions))
}

/// The TBSCertificate without its SCT list: what an SCT signs (RFC 6962 §3.2). Everything else stays byte for byte.
pub fn without_sct_list(tbs: &[u8]) -> Result<Vec<u8>, TlvError> {
    let parts = split(tbs)?;
    let count = parts.extensions.len();
    let kept: Vec<Extension> =
        parts.extensions.into_iter().filter(|extension| extension.oid() != oid::SCT_LIST).collect();
    if kept.len() == count || kept.is_empty() {
        return Err(TlvError::Value("list of signed certificate timestamps"));
    }
    Ok(join(parts.head, &kept))
}

/// Proves that the final TBSCertificate is the logged precertificate's plus exactly the SCT list, at the end.
pub fn check_final(precertificate_tbs: &[u8], final_tbs: &[u8]) -> Result<(), TlvError> {
    const BAD: TlvError = TlvError::Value("final certificate");
    let parts = split(final_tbs)?;
    let last = parts.extensions.last().ok_or(BAD)?;
    let is_last = last.oid() == oid::SCT_LIST && last.criticality() == Criticality::Optional;
    if is_last && without_sct_list(final_tbs)? == precertificate_tbs { Ok(()) } else { Err(BAD) }
}

struct Parts<'a> {
    /// The fields before the extensions, as they came.
    head: &'a [u8],
    extensions: Vec<Extension>,
}

/// INVARIANT: `join(split(x)) == x`, because the reader accepts one spelling only.
fn split(tbs: &[u8]) -> Result<Parts<'_>, TlvError> {
    const BAD: TlvError = TlvError::Value("certificate");
    let mut outer = Reader::new(tbs);
    let value = outer.value(tlv::SEQUENCE)?;
    outer.finish()?;
    let mut inner = Reader::new(value);
    let mut head_length = 0_usize;
    while inner.peek().ok_or(BAD)? != tlv::context(3) {
        head_length = head_length.saturating_add(inner.any()?.raw.len());
    }
    let list = inner.value(tlv::context(3))?;
    inner.finish()?;
    Ok(Parts { head: value.get(..head_length).ok_or(BAD)?, extensions: extension::read_all(list)? })
}

fn join(head: &[u8], extensions: &[Extension]) -> Vec<u8> {
    let list = tlv::write(tlv::context(3), &[&extension::write_all(extensions)]);
    tlv::write(tlv::SEQUENCE, &[head, &list])
}
