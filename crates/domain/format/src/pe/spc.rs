//! The two Authenticode structures that are signed: `SpcIndirectDataContent` and `SpcSpOpusInfo`.
//!
//! ```text
//! 30 69                                              SpcIndirectDataContent; its value bytes are what is digested
//!    30 34  06 0a 2b0601040182 37 02 01 0f           SPC_PE_IMAGE_DATA
//!           30 26  03 02 07 80                      flags
//!                  a0 20 a2 1e 80 1c 003c 003c 003c 004f … "<<<Obsolete>>>"
//!    30 31  30 0d 06 09 608648016503040201 05 00     digest algorithm
//!           04 20 d5 bc 85 db …                      image digest
//! ```

use chancery_core::digest::DigestAlgorithm;
use chancery_x509::oid;
use chancery_x509::tlv::{self, NULL, OCTET_STRING, OID, Reader, SEQUENCE, TlvError};
use const_oid::ObjectIdentifier;

use crate::pe::malformed;
use crate::pe::statement::Body;
use crate::seam::FormatError;

/// SPC_PE_IMAGE_DATA_OBJ: the digest is that of a PE image.
pub const PE_IMAGE_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.15");
/// SPC_STATEMENT_TYPE, a signed attribute.
pub const STATEMENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.11");
/// SPC_SP_OPUS_INFO, a signed attribute.
pub const OPUS_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.12");
/// SPC_INDIVIDUAL_SP_KEY_PURPOSE: the statement type that signers write.
const INDIVIDUAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.21");

/// `[0]` IMPLICIT on a string.
const STRING_0: u8 = tlv::context_primitive(0);

/// The content of an Authenticode signature of a PE image, as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndirectData {
    /// The algorithm of the image digest.
    pub algorithm: DigestAlgorithm,
    /// The image digest that is claimed.
    pub digest: Vec<u8>,
}

/// Builds `SpcIndirectDataContent`, DER, with its outer header.
#[must_use]
pub fn indirect_data(algorithm: DigestAlgorithm, digest: &[u8]) -> Vec<u8> {
    let file = tlv::write(
        tlv::context(0),
        &[&tlv::write(tlv::context(2), &[&tlv::write(STRING_0, &[&ucs2("<<<Obsolete>>>")])])],
    );
    // The first of three flags (include resources) is what signers write; verifiers ignore it, the digest covers all.
    let flags = [0x03, 0x02, 0x07, 0x80];
    let data = tlv::write(SEQUENCE, &[&identifier(&PE_IMAGE_DATA), &tlv::write(SEQUENCE, &[&flags, &file])]);
    let null = tlv::write(NULL, &[]);
    let algorithm = tlv::write(SEQUENCE, &[&tlv::write(OID, &[digest_oid(algorithm)]), &null]);
    let digest = tlv::write(SEQUENCE, &[&algorithm, &tlv::write(OCTET_STRING, &[digest])]);
    tlv::write(SEQUENCE, &[&data, &digest])
}

/// What Authenticode digests of the content: its value bytes, without the outer tag and length.
pub fn value_of(content: &[u8]) -> Result<&[u8], FormatError> {
    Reader::new(content).value(SEQUENCE).map_err(|_| malformed("signed content is not DER"))
}

/// Parses the value bytes of an `SpcIndirectDataContent`, as they are digested: without its outer tag and length. What
/// describes the image (flags, file, page hashes) is signed but not read.
pub fn parse_indirect_data(content: &[u8]) -> Result<IndirectData, FormatError> {
    let refuse = |_: TlvError| malformed("signed content is not an SpcIndirectDataContent");
    let mut outer = Reader::new(content);
    let mut data = outer.inner(SEQUENCE).map_err(refuse)?;
    let mut info = outer.inner(SEQUENCE).map_err(refuse)?;
    outer.finish().map_err(refuse)?;

    if data.value(OID).map_err(refuse)? != PE_IMAGE_DATA.as_bytes() {
        return Err(malformed("signed content is not about a PE image"));
    }
    data.value(SEQUENCE).map_err(refuse)?;
    data.finish().map_err(refuse)?;

    let mut identifier = info.inner(SEQUENCE).map_err(refuse)?;
    let algorithm = identifier.value(OID).map_err(refuse)?;
    // Parameters are absent or NULL (RFC 5754 §2).
    let parameters = identifier.optional(NULL).map_err(refuse)?.unwrap_or_default();
    identifier.finish().map_err(refuse)?;
    let digest = info.value(OCTET_STRING).map_err(refuse)?.to_vec();
    info.finish().map_err(refuse)?;

    let all = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
    let known = all.into_iter().find(|known| digest_oid(*known) == algorithm);
    let algorithm = known.ok_or_else(|| FormatError::Unsupported("image digest algorithm".to_owned()))?;
    if digest.len() != algorithm.size() || !parameters.is_empty() {
        return Err(malformed(format!("image digest of {} bytes for {}", digest.len(), algorithm.name())));
    }
    Ok(IndirectData { algorithm, digest })
}

/// The signed attributes that Authenticode adds to content type and message digest, as (type, DER value).
#[must_use]
pub fn attributes(body: &Body) -> Vec<(ObjectIdentifier, Vec<u8>)> {
    let name = body.program_name.as_ref().map(|name| tlv::write(STRING_0, &[&ucs2(name.as_str())]));
    let url = body.url.as_ref().map(|url| tlv::write(STRING_0, &[url.as_str().as_bytes()]));
    let name = name.map(|name| tlv::write(tlv::context(0), &[&name])).unwrap_or_default();
    let url = url.map(|url| tlv::write(tlv::context(1), &[&url])).unwrap_or_default();
    vec![
        (STATEMENT_TYPE, tlv::write(SEQUENCE, &[&identifier(&INDIVIDUAL)])),
        (OPUS_INFO, tlv::write(SEQUENCE, &[&name, &url])),
    ]
}

/// The length of the DER element at the start of `bytes`, header included. `None` when there is none or it is cut short.
#[must_use]
pub fn element_size(bytes: &[u8]) -> Option<usize> {
    Reader::new(bytes).any().ok().map(|element| element.raw.len())
}

const fn digest_oid(algorithm: DigestAlgorithm) -> &'static oid::Oid {
    match algorithm {
        DigestAlgorithm::Sha256 => oid::SHA256,
        DigestAlgorithm::Sha384 => oid::SHA384,
        DigestAlgorithm::Sha512 => oid::SHA512,
    }
}

fn identifier(oid: &ObjectIdentifier) -> Vec<u8> {
    tlv::write(OID, &[oid.as_bytes()])
}

/// BMPString octets: UCS-2, big-endian.
fn ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_what_osslsigncode_2_9_wrote() {
        let digest = hex::decode("d5bc85db2e1be24a89ea1a97cbe673fdef55dae1f760f7aa3235b4eda17f75fe").unwrap();
        let expected = include_str!("spc.golden.hex");
        let content = indirect_data(DigestAlgorithm::Sha256, &digest);
        assert_eq!(hex::encode(&content), expected.trim());
        let parsed = parse_indirect_data(&content[2..]).unwrap();
        assert_eq!(parsed, IndirectData { algorithm: DigestAlgorithm::Sha256, digest });
        assert_eq!(element_size(&content), Some(content.len()));
    }

    #[test]
    fn every_cut_and_every_appended_byte_is_refused() {
        let whole = indirect_data(DigestAlgorithm::Sha384, &[7; 48]);
        let content = Reader::new(&whole).value(SEQUENCE).unwrap().to_vec();
        for cut in 0..content.len() {
            assert!(parse_indirect_data(&content[..cut]).is_err(), "{cut}");
        }
        let mut longer = content.clone();
        longer.push(0);
        assert!(parse_indirect_data(&longer).is_err());
    }
}
