//! TSTInfo (RFC 3161 §2.4.2): what a timestamp says, and phase 1 of our own.
//!
//! ```text
//! 30 L  02 01 01                         version 1
//!       06 L policy
//!       30 31 …                          messageImprint
//!       02 10 …                          serialNumber
//!       18 13 "20261120214703.125Z"      genTime, no trailing zeros in the fraction
//!       30 03 02 01 01                   accuracy: 1 second
//!       02 08 …                          nonce
//! ```

use chancery_core::time::Time;
use const_oid::ObjectIdentifier;

use super::imprint::Imprint;
use super::request::Nonce;
use crate::cms::algorithm::AlgorithmError;
use crate::cms::{elements, oid};
use crate::serial::Serial;
use crate::tlv::{self, Reader, TlvError};

/// Largest TSTInfo in bytes.
pub const MAX_SIZE: usize = 4096;

/// How far genTime may be off, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accuracy {
    /// Whole seconds.
    pub seconds: u32,
    /// Further milliseconds, 0 to 999.
    pub millis: u16,
    /// Further microseconds, 0 to 999.
    pub micros: u16,
}

/// What a timestamp says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TstInfo {
    /// The policy of the authority.
    pub policy: ObjectIdentifier,
    /// What was stamped.
    pub imprint: Imprint,
    /// Unique within the authority.
    pub serial: Serial,
    /// When; parts of a millisecond are dropped when read.
    pub gen_time: Time,
    /// How exact, where the authority says so.
    pub accuracy: Option<Accuracy>,
    /// The nonce of the request.
    pub nonce: Option<Nonce>,
}

/// Why bytes are not a TSTInfo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TstInfoError {
    /// Larger than [`MAX_SIZE`].
    #[error("timestamp information is too large")]
    TooLarge,
    /// Not a TSTInfo of version 1.
    #[error("timestamp information is malformed")]
    Malformed(#[source] TlvError),
    /// The imprint is not one of SHA-256, SHA-384, SHA-512 with its size.
    #[error("message imprint is not accepted")]
    Imprint(#[source] AlgorithmError),
    /// A moment that a GeneralizedTime cannot express, or a malformed one.
    #[error("time is malformed or out of range")]
    Time,
    /// A critical extension: none is known here.
    #[error("timestamp has a critical extension")]
    CriticalExtension,
}

impl From<TlvError> for TstInfoError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error)
    }
}

impl TstInfo {
    /// DER; without `ordering`, `tsa` and extensions. Errors when the time cannot be written.
    pub fn to_der(&self) -> Result<Vec<u8>, TstInfoError> {
        let time = write_time(self.gen_time).ok_or(TstInfoError::Time)?;
        let nonce = self.nonce.as_ref().map(|nonce| tlv::write(tlv::INTEGER, &[nonce.as_bytes()]));
        Ok(tlv::write(
            tlv::SEQUENCE,
            &[
                &tlv::write_unsigned(&[1]),
                &oid::write(&self.policy),
                &self.imprint.to_der(),
                &self.serial.to_der(),
                &tlv::write(tlv::GENERALIZED_TIME, &[time.as_bytes()]),
                &self.accuracy.map(write_accuracy).unwrap_or_default(),
                &nonce.unwrap_or_default(),
            ],
        ))
    }
    /// Reads a TSTInfo; nothing may follow it.
    pub fn parse(bytes: &[u8]) -> Result<Self, TstInfoError> {
        if bytes.len() > MAX_SIZE {
            return Err(TstInfoError::TooLarge);
        }
        let mut body = tlv::only(bytes, tlv::SEQUENCE)?;
        if body.small()? != 1 {
            return Err(TstInfoError::Malformed(TlvError::Value("version")));
        }
        let policy = oid::read(&mut body)?;
        let imprint = Imprint::read(&mut body).map_err(TstInfoError::Imprint)?;
        let serial =
            Serial::of_timestamp(body.value(tlv::INTEGER)?).map_err(|_| TlvError::Value("serialNumber"))?;
        let gen_time = read_time(body.value(tlv::GENERALIZED_TIME)?).ok_or(TstInfoError::Time)?;
        let accuracy = body.optional(tlv::SEQUENCE)?.map(read_accuracy).transpose()?;
        skip_ordering(&mut body)?;
        let nonce = body.optional(tlv::INTEGER)?.map(Nonce::read).transpose()?;
        body.optional(tlv::context(0))?;
        let extensions = body.optional(tlv::context(1))?;
        body.finish()?;
        extensions.map(refuse_critical).transpose()?;
        Ok(Self { policy, imprint, serial, gen_time, accuracy, nonce })
    }
}

// `ordering` says something about two timestamps of one authority; nobody here compares them. Some authorities spell
// its default FALSE out.
fn skip_ordering(body: &mut Reader<'_>) -> Result<(), TlvError> {
    match body.optional(tlv::BOOLEAN)? {
        None | Some([0x00] | [0xff]) => Ok(()),
        Some(_) => Err(TlvError::Value("ordering")),
    }
}

fn refuse_critical(extensions: &[u8]) -> Result<(), TstInfoError> {
    for extension in elements::all(Reader::new(extensions), 16)? {
        let mut body = tlv::only(extension.raw, tlv::SEQUENCE)?;
        oid::read(&mut body)?;
        if body.default_false()? {
            return Err(TstInfoError::CriticalExtension);
        }
        body.value(tlv::OCTET_STRING)?;
        body.finish()?;
    }
    Ok(())
}

fn write_accuracy(accuracy: Accuracy) -> Vec<u8> {
    let part = |tag: u8, value: u32| {
        let element = tlv::write_unsigned(&value.to_be_bytes());
        let value = Reader::new(&element).any().map(|integer| integer.value).unwrap_or_default();
        tlv::write(tag, &[value])
    };
    let mut out = Vec::new();
    for (tag, value) in [
        (tlv::INTEGER, accuracy.seconds),
        (tlv::context_primitive(0), u32::from(accuracy.millis.min(999))),
        (tlv::context_primitive(1), u32::from(accuracy.micros.min(999))),
    ] {
        if value != 0 {
            out.extend(part(tag, value));
        }
    }
    tlv::write(tlv::SEQUENCE, &[&out])
}

fn read_accuracy(value: &[u8]) -> Result<Accuracy, TlvError> {
    let mut body = Reader::new(value);
    let mut part = |tag: u8| -> Result<u32, TlvError> {
        match body.optional(tag)? {
            None => Ok(0),
            Some(value) => Reader::new(&tlv::write(tlv::INTEGER, &[value])).small(),
        }
    };
    let seconds = part(tlv::INTEGER)?;
    let mut below_thousand = |tag: u8| -> Result<u16, TlvError> {
        u16::try_from(part(tag)?).ok().filter(|value| *value < 1000).ok_or(TlvError::Value("accuracy"))
    };
    let millis = below_thousand(tlv::context_primitive(0))?;
    let micros = below_thousand(tlv::context_primitive(1))?;
    body.finish()?;
    Ok(Accuracy { seconds, millis, micros })
}

/// `YYYYMMDDhhmmss[.f]Z` with one to three digits of fraction, the last not zero (RFC 3161 §2.4.2).
fn write_time(time: Time) -> Option<String> {
    let digits: String = time.to_string().chars().filter(char::is_ascii_digit).collect();
    if digits.len() != 14 || time.millis() < 0 {
        return None;
    }
    let fraction = format!("{:03}", time.millis().rem_euclid(1000));
    match fraction.trim_end_matches('0') {
        "" => Some(format!("{digits}Z")),
        fraction => Some(format!("{digits}.{fraction}Z")),
    }
}

fn read_time(value: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !is_number(whole) {
        return None;
    }
    let millis = match fraction {
        None => 0,
        Some(digits) if digits.is_empty() || digits.len() > 9 || digits.ends_with('0') => return None,
        Some(digits) if !is_number(digits) => return None,
        Some(digits) => digits.bytes().chain(*b"00").take(3).fold(0, |sum, d| sum * 10 + i64::from(d - b'0')),
    };
    let field = |from: usize, to: usize| whole.get(from..to);
    let second = field(12, 14)?;
    // A leap second would be moved by the calendar into another one.
    if second == "60" {
        return None;
    }
    let rfc3339 = format!(
        "{}-{}-{}T{}:{}:{second}Z",
        field(0, 4)?,
        field(4, 6)?,
        field(6, 8)?,
        field(8, 10)?,
        field(10, 12)?,
    );
    Time::parse_rfc3339(&rfc3339).map(|time| Time::from_millis(time.millis().saturating_add(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::digest::DigestAlgorithm;

    #[test]
    fn times_have_one_spelling() {
        let base = Time::parse_rfc3339("2026-11-20T21:47:03Z").unwrap().millis();
        for (millis, text) in [
            (0, "20261120214703Z"),
            (5, "20261120214703.005Z"),
            (120, "20261120214703.12Z"),
            (900, "20261120214703.9Z"),
        ] {
            let time = Time::from_millis(base + millis);
            assert_eq!(write_time(time).as_deref(), Some(text));
            assert_eq!(read_time(text.as_bytes()), Some(time));
        }
        assert_eq!(read_time(b"20261120214703.123456Z"), Some(Time::from_millis(base + 123)));
        for wrong in [
            "20261120214703",
            "20261120214703.Z",
            "20261120214703.10Z",
            "20261120214703.1234567891Z",
            "202611202147Z",
            "20261120214760Z",
            "20261320214703Z",
            "20260230214703Z",
            "20261120214703+0100",
            "20261120214703.1x1Z",
            "2026112021470 Z",
        ] {
            assert_eq!(read_time(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(write_time(Time::from_millis(-1)), None);
        assert_eq!(write_time(Time::from_millis(i64::MAX)), None);
    }

    #[test]
    fn information_is_read_as_written() {
        let accuracies = [
            None,
            Some(Accuracy { seconds: 1, millis: 0, micros: 0 }),
            Some(Accuracy { seconds: 0, millis: 500, micros: 999 }),
            Some(Accuracy { seconds: 300, millis: 128, micros: 0 }),
        ];
        for accuracy in accuracies {
            let info = TstInfo {
                policy: ObjectIdentifier::new_unwrap("1.2.3.4"),
                imprint: Imprint::of(DigestAlgorithm::Sha384, b"x"),
                serial: Serial::new(&[0x80, 1]).unwrap(),
                gen_time: Time::from_millis(1_790_000_000_250),
                accuracy,
                nonce: Nonce::from_random(&[0xff; 8]),
            };
            let der = info.to_der().unwrap();
            assert_eq!(TstInfo::parse(&der).unwrap(), info);
            for cut in 0..der.len() {
                assert!(TstInfo::parse(&der[..cut]).is_err(), "{cut}");
            }
            let mut longer = der.clone();
            longer.push(0);
            assert!(TstInfo::parse(&longer).is_err());
        }
    }
}
