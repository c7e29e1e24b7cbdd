//! Certificate extensions: written from typed parts, read into what chain checks need (RFC 5280 §4.2).
//!
//! ```text
//! 30 0e 06 03 55 1d 0f 01 01 ff 04 04 03 02 07 80        keyUsage, critical, digitalSignature
//! 30 0c 06 03 55 1d 13 01 01 ff 04 02 30 00              basicConstraints, critical, not a CA
//! ```

use crate::oid::{self, Oid};
use crate::tlv::{self, Reader, TlvError};

/// At most this many extensions in one certificate or CRL.
pub const MAX_EXTENSIONS: usize = 64;
const MAX_PURPOSES: usize = 32;
const MAX_ALT_NAMES: usize = 64;

/// Whether verifiers that do not know an extension must refuse the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criticality {
    /// They must.
    Critical,
    /// They may ignore it.
    Optional,
}

/// One extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    oid: Vec<u8>,
    criticality: Criticality,
    value: Vec<u8>,
}

impl Extension {
    /// Takes an identifier and the contents of the OCTET STRING.
    #[must_use]
    pub fn new(oid: &Oid, criticality: Criticality, value: Vec<u8>) -> Self {
        Self { oid: oid.to_vec(), criticality, value }
    }
    /// The identifier.
    #[must_use]
    pub fn oid(&self) -> &Oid {
        &self.oid
    }
    /// Whether it is critical.
    #[must_use]
    pub const fn criticality(&self) -> Criticality {
        self.criticality
    }
    /// The contents of the OCTET STRING: most often DER.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }
    /// The SEQUENCE, DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let critical: &[u8] = match self.criticality {
            Criticality::Critical => &[tlv::BOOLEAN, 1, 0xff],
            Criticality::Optional => &[],
        };
        let oid = tlv::write(tlv::OID, &[&self.oid]);
        tlv::write(tlv::SEQUENCE, &[&oid, critical, &tlv::write(tlv::OCTET_STRING, &[&self.value])])
    }
}

/// Writes a SEQUENCE OF extensions.
#[must_use]
pub fn write_all(extensions: &[Extension]) -> Vec<u8> {
    let each: Vec<Vec<u8>> = extensions.iter().map(Extension::to_der).collect();
    let each: Vec<&[u8]> = each.iter().map(Vec::as_slice).collect();
    tlv::write(tlv::SEQUENCE, &each)
}

/// Reads a SEQUENCE OF extensions with nothing after it; none, too many and duplicates are refused (§4.2).
pub fn read_all(der: &[u8]) -> Result<Vec<Extension>, TlvError> {
    let mut list = tlv::only(der, tlv::SEQUENCE)?;
    let mut all: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        let extension = read_one(list.inner(tlv::SEQUENCE)?)?;
        let is_known = all.iter().any(|known| known.oid == extension.oid);
        if is_known || all.len() >= MAX_EXTENSIONS {
            return Err(TlvError::Value("extension list"));
        }
        all.push(extension);
    }
    if all.is_empty() { Err(TlvError::Value("extension list")) } else { Ok(all) }
}

fn read_one(mut inner: Reader<'_>) -> Result<Extension, TlvError> {
    let oid = inner.value(tlv::OID)?;
    let critical = inner.default_false()?;
    let value = inner.value(tlv::OCTET_STRING)?;
    inner.finish()?;
    if !oid::is_well_formed(oid) {
        return Err(TlvError::Value("object identifier"));
    }
    let criticality = if critical { Criticality::Critical } else { Criticality::Optional };
    Ok(Extension::new(oid, criticality, value.to_vec()))
}

/// Key usage (§4.2.1.3), the bits that matter here and all others as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// May sign data.
    pub const DIGITAL_SIGNATURE: Self = Self(0x8000);
    /// May sign certificates.
    pub const KEY_CERT_SIGN: Self = Self(0x0400);
    /// May sign CRLs.
    pub const CRL_SIGN: Self = Self(0x0200);
    /// May sign certificates and CRLs, as authorities do.
    pub const AUTHORITY: Self = Self(0x0600);

    /// Whether every bit of the other is set.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// The critical extension.
    #[must_use]
    pub fn to_extension(self) -> Extension {
        let octets = self.0.to_be_bytes();
        let used = match octets {
            [0, 0] => 0,
            [_, 0] => 1,
            [_, _] => 2,
        };
        let significant = octets.get(..used).unwrap_or(&[]);
        let unused = significant.last().map_or(0, |last| last.trailing_zeros());
        // X.690 §11.2.2: trailing zero bits of a named bit list are left out.
        let unused = u8::try_from(unused).unwrap_or(0);
        let value = tlv::write(tlv::BIT_STRING, &[&[unused], significant]);
        Extension::new(oid::KEY_USAGE, Criticality::Critical, value)
    }
    fn read(value: &[u8]) -> Result<Self, TlvError> {
        const BAD: TlvError = TlvError::Value("key usage");
        let mut reader = Reader::new(value);
        let bits = reader.value(tlv::BIT_STRING)?;
        reader.finish()?;
        let (unused, octets) = bits.split_first().ok_or(BAD)?;
        let usage = match octets {
            [only] => Self(u16::from(*only) << 8),
            [first, second] => Self(u16::from_be_bytes([*first, *second])),
            [] | [..] => return Err(BAD),
        };
        let last = octets.last().ok_or(BAD)?;
        if last.trailing_zeros() != u32::from(*unused) { Err(BAD) } else { Ok(usage) }
    }
}

/// Whether the subject is an authority, and how many authorities may follow (§4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasicConstraints {
    /// An authority.
    Authority {
        /// How many authorities that are not self-issued may stand between it and a leaf; `None` is no limit.
        path_length: Option<u32>,
    },
    /// Not an authority.
    Leaf,
}

impl BasicConstraints {
    /// The critical extension.
    #[must_use]
    pub fn to_extension(self) -> Extension {
        let value = match self {
            Self::Leaf => tlv::write(tlv::SEQUENCE, &[]),
            Self::Authority { path_length } => {
                let length = path_length.map(|n| tlv::write_unsigned(&n.to_be_bytes())).unwrap_or_default();
                tlv::write(tlv::SEQUENCE, &[&[tlv::BOOLEAN, 1, 0xff], &length])
            }
        };
        Extension::new(oid::BASIC_CONSTRAINTS, Criticality::Critical, value)
    }
    fn read(value: &[u8]) -> Result<Self, TlvError> {
        let mut inner = tlv::only(value, tlv::SEQUENCE)?;
        let is_authority = inner.default_false()?;
        let path_length = if inner.is_empty() { None } else { Some(inner.small()?) };
        inner.finish()?;
        match (is_authority, path_length) {
            (true, path_length) => Ok(Self::Authority { path_length }),
            (false, None) => Ok(Self::Leaf),
            (false, Some(_)) => Err(TlvError::Value("basic constraints")),
        }
    }
}

/// Extended key usage from purposes (§4.2.1.12).
#[must_use]
pub fn extended_key_usage(purposes: &[&Oid], criticality: Criticality) -> Extension {
    let each: Vec<Vec<u8>> = purposes.iter().map(|purpose| tlv::write(tlv::OID, &[purpose])).collect();
    let each: Vec<&[u8]> = each.iter().map(Vec::as_slice).collect();
    Extension::new(oid::EXTENDED_KEY_USAGE, criticality, tlv::write(tlv::SEQUENCE, &each))
}

/// Subject key identifier (§4.2.1.2).
#[must_use]
pub fn subject_key_identifier(identifier: &[u8]) -> Extension {
    let value = tlv::write(tlv::OCTET_STRING, &[identifier]);
    Extension::new(oid::SUBJECT_KEY_IDENTIFIER, Criticality::Optional, value)
}

/// Authority key identifier with the key identifier only (§4.2.1.1).
#[must_use]
pub fn authority_key_identifier(identifier: &[u8]) -> Extension {
    let value = tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::context_primitive(0), &[identifier])]);
    Extension::new(oid::AUTHORITY_KEY_IDENTIFIER, Criticality::Optional, value)
}

/// The marker of development authorities, see [`oid::DEV_MARKER`].
#[must_use]
pub fn dev_marker() -> Extension {
    let value = tlv::write(tlv::UTF8_STRING, &[b"DO NOT TRUST"]);
    Extension::new(oid::DEV_MARKER, Criticality::Optional, value)
}

/// The marker of leaves over a client's own key, see [`oid::CLIENT_KEY_MARKER`].
#[must_use]
pub fn client_key_marker() -> Extension {
    let value = tlv::write(tlv::UTF8_STRING, &[b"key of the client"]);
    Extension::new(oid::CLIENT_KEY_MARKER, Criticality::Optional, value)
}

/// Subject alternative name of URIs, which must be ASCII (§4.2.1.6); critical where the subject is empty.
#[must_use]
pub fn subject_alt_uris(uris: &[&str], criticality: Criticality) -> Extension {
    let each: Vec<Vec<u8>> =
        uris.iter().map(|uri| tlv::write(tlv::context_primitive(6), &[uri.as_bytes()])).collect();
    let each: Vec<&[u8]> = each.iter().map(Vec::as_slice).collect();
    Extension::new(oid::SUBJECT_ALT_NAME, criticality, tlv::write(tlv::SEQUENCE, &each))
}

/// One CRL distribution point with one URI (§4.2.1.13).
#[must_use]
pub fn crl_distribution_point(uri: &str) -> Extension {
    let name = tlv::write(tlv::context_primitive(6), &[uri.as_bytes()]);
    let full_name = tlv::write(tlv::context(0), &[&name]);
    let point = tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::context(0), &[&full_name])]);
    let value = tlv::write(tlv::SEQUENCE, &[&point]);
    Extension::new(oid::CRL_DISTRIBUTION_POINTS, Criticality::Optional, value)
}

/// Reads the URI of [`crl_distribution_point`]; other forms of the extension are an error.
pub fn read_crl_distribution_point(value: &[u8]) -> Result<&str, TlvError> {
    let mut points = tlv::only(value, tlv::SEQUENCE)?;
    let mut point = points.inner(tlv::SEQUENCE)?;
    let mut name = point.inner(tlv::context(0))?;
    let mut full_name = name.inner(tlv::context(0))?;
    let uri = full_name.value(tlv::context_primitive(6))?;
    for reader in [points, point, name, full_name] {
        reader.finish()?;
    }
    std::str::from_utf8(uri).map_err(|_| TlvError::Value("uri"))
}

/// One name of the subject alternative name extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AltName {
    /// rfc822Name.
    Email(String),
    /// Any other kind, with its tag and contents.
    Other(u8, Vec<u8>),
    /// uniformResourceIdentifier.
    Uri(String),
}

/// What the known extensions of a certificate say. A known extension that does not parse strictly is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Basic constraints with their criticality.
    pub basic_constraints: Option<(BasicConstraints, Criticality)>,
    /// Key usage with its criticality.
    pub key_usage: Option<(KeyUsage, Criticality)>,
    /// Purposes with their criticality.
    pub extended_key_usage: Option<(Vec<Vec<u8>>, Criticality)>,
    /// Subject key identifier.
    pub subject_key_identifier: Option<Vec<u8>>,
    /// Key identifier of the issuer.
    pub authority_key_identifier: Option<Vec<u8>>,
    /// Subject alternative names.
    pub alt_names: Vec<AltName>,
}

impl Known {
    /// Reads the known ones among the extensions.
    pub fn read(extensions: &[Extension]) -> Result<Self, TlvError> {
        let mut known = Self::default();
        for extension in extensions {
            let criticality = extension.criticality;
            let value = extension.value.as_slice();
            match extension.oid() {
                id if id == oid::BASIC_CONSTRAINTS => {
                    known.basic_constraints = Some((BasicConstraints::read(value)?, criticality));
                }
                id if id == oid::KEY_USAGE => known.key_usage = Some((KeyUsage::read(value)?, criticality)),
                id if id == oid::EXTENDED_KEY_USAGE => {
                    known.extended_key_usage = Some((read_purposes(value)?, criticality));
                }
                id if id == oid::SUBJECT_KEY_IDENTIFIER => {
                    let mut reader = Reader::new(value);
                    known.subject_key_identifier = Some(reader.value(tlv::OCTET_STRING)?.to_vec());
                    reader.finish()?;
                }
                id if id == oid::AUTHORITY_KEY_IDENTIFIER => {
                    known.authority_key_identifier = read_authority_key(value)?;
                }
                id if id == oid::SUBJECT_ALT_NAME => known.alt_names = read_alt_names(value)?,
                _ => {}
            }
        }
        Ok(known)
    }
}

fn read_purposes(value: &[u8]) -> Result<Vec<Vec<u8>>, TlvError> {
    let mut inner = tlv::only(value, tlv::SEQUENCE)?;
    let mut purposes: Vec<Vec<u8>> = Vec::new();
    while !inner.is_empty() {
        let purpose = inner.value(tlv::OID)?;
        if !oid::is_well_formed(purpose) || purposes.len() >= MAX_PURPOSES {
            return Err(TlvError::Value("extended key usage"));
        }
        purposes.push(purpose.to_vec());
    }
    if purposes.is_empty() { Err(TlvError::Value("extended key usage")) } else { Ok(purposes) }
}

fn read_authority_key(value: &[u8]) -> Result<Option<Vec<u8>>, TlvError> {
    let mut inner = tlv::only(value, tlv::SEQUENCE)?;
    let identifier = inner.optional(tlv::context_primitive(0))?.map(<[u8]>::to_vec);
    // Issuer and serial of the issuer's own certificate: allowed, and not used for path building.
    let issuer = inner.optional(tlv::context(1))?;
    let serial = inner.optional(tlv::context_primitive(2))?;
    inner.finish()?;
    if issuer.is_some() == serial.is_some() { Ok(identifier) } else { Err(TlvError::Value("authority key")) }
}

fn read_alt_names(value: &[u8]) -> Result<Vec<AltName>, TlvError> {
    const BAD: TlvError = TlvError::Value("subject alternative name");
    let mut inner = tlv::only(value, tlv::SEQUENCE)?;
    let mut names = Vec::new();
    while !inner.is_empty() {
        let name = inner.any()?;
        // RFC 5280 §4.2.1.6: IA5String; a NUL or another control character would be read differently elsewhere.
        let text = || match std::str::from_utf8(name.value) {
            Ok(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) => Ok(text.to_owned()),
            Ok(_) | Err(_) => Err(BAD),
        };
        names.push(match name.tag {
            tag if tag == tlv::context_primitive(1) => AltName::Email(text()?),
            tag if tag == tlv::context_primitive(6) => AltName::Uri(text()?),
            tag => AltName::Other(tag, name.value.to_vec()),
        });
    }
    if names.is_empty() || names.len() > MAX_ALT_NAMES { Err(BAD) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_usage_is_a_named_bit_list() {
        for (usage, value) in [
            (KeyUsage::DIGITAL_SIGNATURE, &[3, 2, 7, 0x80][..]),
            (KeyUsage::AUTHORITY, &[3, 2, 1, 6]),
            (KeyUsage(0x0080), &[3, 3, 7, 0, 0x80]),
        ] {
            assert_eq!(usage.to_extension().value(), value);
            assert_eq!(KeyUsage::read(value), Ok(usage));
        }
        for bad in [&[3, 1, 0][..], &[3, 2, 0, 0x80], &[3, 2, 6, 0x80], &[3, 3, 7, 0x80, 0], &[3, 2, 7, 0]] {
            assert!(KeyUsage::read(bad).is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn basic_constraints_have_one_spelling() {
        for constraints in [
            BasicConstraints::Leaf,
            BasicConstraints::Authority { path_length: None },
            BasicConstraints::Authority { path_length: Some(0) },
            BasicConstraints::Authority { path_length: Some(300) },
        ] {
            assert_eq!(BasicConstraints::read(constraints.to_extension().value()), Ok(constraints));
        }
        for bad in [&[0x30, 3, 1, 1, 0][..], &[0x30, 3, 2, 1, 0], &[0x30, 3, 1, 1, 1], &[0x30, 0, 0]] {
            assert!(BasicConstraints::read(bad).is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn lists_refuse_duplicates_and_emptiness() {
        let one = KeyUsage::DIGITAL_SIGNATURE.to_extension();
        assert_eq!(read_all(&write_all(std::slice::from_ref(&one))), Ok(vec![one.clone()]));
        assert!(read_all(&write_all(&[one.clone(), one])).is_err());
        assert!(read_all(&write_all(&[])).is_err());
    }

    #[test]
    fn alt_names_hold_no_hidden_characters() {
        let good = subject_alt_uris(&["https://a/b"], Criticality::Critical);
        assert_eq!(read_alt_names(good.value()), Ok(vec![AltName::Uri("https://a/b".into())]));
        for bad in ["https://a\0.b", "a b", "a\u{e4}", ""] {
            let extension = subject_alt_uris(&[bad], Criticality::Critical);
            assert!(read_alt_names(extension.value()).is_err(), "{bad:?}");
        }
    }
}
