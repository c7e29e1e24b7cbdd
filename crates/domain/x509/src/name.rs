//! Distinguished names (RFC 5280 §4.1.2.4): built from typed parts, shown as RFC 4514 text, compared byte for byte.
//!
//! ```text
//! 30 22                                            C=DE,O=x  is shown as  O=x,C=DE
//!   31 0b 30 09 06 03 55 04 06 13 02 44 45           SET { SEQUENCE { countryName, PrintableString "DE" } }
//!   31 … 30 … 06 03 55 04 0a 0c …                     SET { SEQUENCE { organizationName, UTF8String … } }
//! ```

use std::fmt;

use crate::oid::{self, Oid};
use crate::tlv::{self, Reader, TlvError};

const MAX_SIZE: usize = 4096;
const MAX_PARTS: usize = 32;

/// What a part of a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// CN, at most 64 characters.
    CommonName,
    /// C, two capital letters.
    Country,
    /// L, at most 128 characters.
    Locality,
    /// O, at most 64 characters.
    Organization,
    /// OU, at most 64 characters.
    OrganizationalUnit,
    /// ST, at most 128 characters.
    State,
}

/// Text that cannot be part of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` cannot be the {attribute:?} of a certificate name")]
pub struct InvalidName {
    /// Which part.
    pub attribute: Attribute,
    /// The text as given.
    pub value: String,
}

impl Attribute {
    const fn oid(self) -> &'static Oid {
        match self {
            Self::CommonName => oid::COMMON_NAME,
            Self::Country => oid::COUNTRY,
            Self::Locality => oid::LOCALITY,
            Self::Organization => oid::ORGANIZATION,
            Self::OrganizationalUnit => oid::ORGANIZATIONAL_UNIT,
            Self::State => oid::STATE,
        }
    }
    /// RFC 5280 appendix A.1, upper bounds in characters.
    const fn longest(self) -> usize {
        match self {
            Self::Country => 2,
            Self::CommonName | Self::Organization | Self::OrganizationalUnit => 64,
            Self::Locality | Self::State => 128,
        }
    }
    fn accepts(self, value: &str) -> bool {
        let printable = !value.trim().is_empty() && !value.chars().any(char::is_control);
        let fits = (1..=self.longest()).contains(&value.chars().count());
        let country =
            self != Self::Country || (value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase()));
        printable && fits && country
    }
}

/// A distinguished name. Equality is equality of bytes, as path building here demands.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    der: Vec<u8>,
}

impl Name {
    /// The empty name.
    #[must_use]
    pub fn empty() -> Self {
        Self { der: tlv::write(tlv::SEQUENCE, &[]) }
    }
    /// Builds a name from parts in the order given, one attribute each: most general first (C, ST, O, CN).
    pub fn build(parts: &[(Attribute, &str)]) -> Result<Self, InvalidName> {
        let mut sets = Vec::with_capacity(parts.len());
        for (attribute, value) in parts {
            if !attribute.accepts(value) || sets.len() >= MAX_PARTS {
                return Err(InvalidName { attribute: *attribute, value: value.chars().take(80).collect() });
            }
            let tag = if *attribute == Attribute::Country { tlv::PRINTABLE_STRING } else { tlv::UTF8_STRING };
            let text = tlv::write(tag, &[value.as_bytes()]);
            let pair = tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::OID, &[attribute.oid()]), &text]);
            sets.push(tlv::write(tlv::SET, &[&pair]));
        }
        let sets: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
        Ok(Self { der: tlv::write(tlv::SEQUENCE, &sets) })
    }
    /// Reads a name, DER, with nothing after it.
    pub fn parse(der: &[u8]) -> Result<Self, TlvError> {
        let mut reader = Reader::new(der);
        let name = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(name)
    }
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, TlvError> {
        let element = reader.element(tlv::SEQUENCE)?;
        if element.raw.len() > MAX_SIZE {
            return Err(TlvError::Value("name"));
        }
        parts(element.value)?;
        Ok(Self { der: element.raw.to_vec() })
    }
    /// The SEQUENCE, DER.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }
    /// Whether it has no parts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.der == [tlv::SEQUENCE, 0]
    }
    /// The first common name as text, if there is one.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        let sets = self.sets();
        let found = sets.iter().flatten().find(|part| part.oid == oid::COMMON_NAME)?;
        decode(found.tag, found.value)
    }
    fn sets(&self) -> Vec<Vec<Part<'_>>> {
        // INVARIANT: the bytes were read by `parts` when the name was made.
        tlv::only(&self.der, tlv::SEQUENCE).and_then(|inner| parts_of(inner)).unwrap_or_default()
    }
}

struct Part<'a> {
    oid: &'a Oid,
    tag: u8,
    value: &'a [u8],
}

fn parts(value: &[u8]) -> Result<Vec<Vec<Part<'_>>>, TlvError> {
    parts_of(Reader::new(value))
}

fn parts_of(mut reader: Reader<'_>) -> Result<Vec<Vec<Part<'_>>>, TlvError> {
    const BAD: TlvError = TlvError::Value("name");
    let mut sets = Vec::new();
    let mut total = 0_usize;
    while !reader.is_empty() {
        let mut inner = reader.inner(tlv::SET)?;
        let mut set = Vec::new();
        let mut previous: &[u8] = &[];
        while !inner.is_empty() {
            let pair = inner.element(tlv::SEQUENCE)?;
            // X.690 §11.6: the elements of a SET OF are in ascending order.
            if pair.raw <= previous {
                return Err(BAD);
            }
            previous = pair.raw;
            set.push(read_part(pair.value)?);
            total = total.saturating_add(1);
        }
        if set.is_empty() || total > MAX_PARTS {
            return Err(BAD);
        }
        sets.push(set);
    }
    Ok(sets)
}

fn read_part(pair: &[u8]) -> Result<Part<'_>, TlvError> {
    let mut pair = Reader::new(pair);
    let oid = pair.value(tlv::OID)?;
    let text = pair.any()?;
    pair.finish()?;
    let is_text = matches!(
        text.tag,
        tlv::UTF8_STRING | tlv::PRINTABLE_STRING | tlv::IA5_STRING | tlv::TELETEX_STRING | tlv::BMP_STRING
    );
    if !oid::is_well_formed(oid) || (is_text && decode(text.tag, text.value).is_none()) {
        return Err(TlvError::Value("name"));
    }
    Ok(Part { oid, tag: text.tag, value: text.value })
}

fn decode(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        tlv::UTF8_STRING => std::str::from_utf8(value).ok().map(str::to_owned),
        tlv::PRINTABLE_STRING | tlv::IA5_STRING => {
            value.is_ascii().then(|| String::from_utf8_lossy(value).into_owned())
        }
        tlv::TELETEX_STRING => Some(value.iter().map(|byte| char::from(*byte)).collect()),
        tlv::BMP_STRING => {
            let (pairs, rest) = value.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            if rest.is_empty() { String::from_utf16(&units).ok() } else { None }
        }
        _ => None,
    }
}

fn short(oid: &Oid) -> Option<&'static str> {
    const KNOWN: [(&Oid, &str); 9] = [
        (oid::COMMON_NAME, "CN"),
        (oid::COUNTRY, "C"),
        (oid::LOCALITY, "L"),
        (oid::STATE, "ST"),
        (oid::STREET, "STREET"),
        (oid::ORGANIZATION, "O"),
        (oid::ORGANIZATIONAL_UNIT, "OU"),
        (oid::DOMAIN_COMPONENT, "DC"),
        (oid::USER_ID, "UID"),
    ];
    KNOWN.into_iter().find(|(known, _)| *known == oid).map(|(_, name)| name)
}

/// RFC 4514: most specific part first, `O=Acme\, Inc.,C=DE`. Control characters are escaped as well (T14).
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (set_index, set) in self.sets().iter().rev().enumerate() {
            f.write_str(if set_index > 0 { "," } else { "" })?;
            for (index, part) in set.iter().enumerate() {
                f.write_str(if index > 0 { "+" } else { "" })?;
                write_part(part, f)?;
            }
        }
        Ok(())
    }
}

fn write_part(part: &Part<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (short(part.oid), decode(part.tag, part.value)) {
        (Some(name), Some(text)) => write!(f, "{name}={}", escape(&text)),
        (_, _) => {
            // RFC 4514 §2.4: what has no short name or no text is shown as the hexadecimal of its DER.
            write!(f, "{}=#", oid::dotted(part.oid))?;
            tlv::write(part.tag, &[part.value]).iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    }
}

fn escape(text: &str) -> String {
    use fmt::Write as _;
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\');
        let edge = (c == ' ' && (index == 0 || index == last)) || (c == '#' && index == 0);
        if c.is_control() {
            for byte in c.to_string().bytes() {
                // Writing to a String does not fail.
                let _ignored = write!(out, "\\{byte:02x}");
            }
            continue;
        }
        if special || edge {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_rfc_4514() {
        for (parts, text) in [
            (&[][..], ""),
            (&[(Attribute::Country, "DE"), (Attribute::Organization, "Acme")][..], "O=Acme,C=DE"),
            (&[(Attribute::Organization, "Acme, \"Inc\" +1")], "O=Acme\\, \\\"Inc\\\" \\+1"),
            (&[(Attribute::CommonName, "#x "), (Attribute::State, " y")], "ST=\\ y,CN=\\#x\\ "),
            (&[(Attribute::CommonName, "Jürgen")], "CN=Jürgen"),
        ] {
            let name = Name::build(parts).unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(Name::parse(name.as_der()).unwrap(), name);
        }
    }

    #[test]
    fn parts_are_checked() {
        for (attribute, value) in [
            (Attribute::Country, "de"),
            (Attribute::Country, "DEU"),
            (Attribute::CommonName, ""),
            (Attribute::CommonName, " "),
            (Attribute::CommonName, "a\nb"),
            (Attribute::CommonName, &"x".repeat(65)),
        ] {
            assert!(Name::build(&[(attribute, value)]).is_err(), "{attribute:?} {value:?}");
        }
        assert!(Name::parse(&[0x30, 2, 0x31, 0]).is_err());
        assert!(Name::parse(&[0x30, 0, 0]).is_err());
    }
}
