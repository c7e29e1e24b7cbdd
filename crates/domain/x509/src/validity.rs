//! Validity: from when to when (RFC 5280 §4.1.2.5), and the two time types that it is written in.
//!
//! ```text
//! 30 1e
//!   17 0d 32 36 31 31 32 30 32 31 34 37 30 33 5a     UTCTime 261120214703Z, years 1950 to 2049
//!   17 0d 32 36 31 31 32 30 32 31 35 37 30 33 5a     GeneralizedTime from 2050 on
//! ```

use std::time::Duration;

use chancery_core::time::Time;
use der::DateTime;

use crate::tlv::{self, Element, Reader, TlvError};

/// From when to when something is valid, both ends included, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    not_before: Time,
    not_after: Time,
}

/// A time that certificates cannot express, or an end before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("validity is not two moments between 1970 and 9999 in order")]
pub struct InvalidValidity;

impl Validity {
    /// Takes both ends; parts of seconds are dropped.
    pub fn new(not_before: Time, not_after: Time) -> Result<Self, InvalidValidity> {
        let whole = |time: Time| Time::from_seconds(time.seconds());
        let (not_before, not_after) = (whole(not_before), whole(not_after));
        if not_before > not_after || calendar(not_before).is_none() || calendar(not_after).is_none() {
            return Err(InvalidValidity);
        }
        Ok(Self { not_before, not_after })
    }
    /// First second of validity.
    #[must_use]
    pub const fn not_before(&self) -> Time {
        self.not_before
    }
    /// Last second of validity.
    #[must_use]
    pub const fn not_after(&self) -> Time {
        self.not_after
    }
    /// Whether it covers a moment; the last second counts in full.
    #[must_use]
    pub fn contains(&self, at: Time) -> bool {
        self.not_before.seconds() <= at.seconds() && at.seconds() <= self.not_after.seconds()
    }
    /// SEQUENCE of both ends, DER.
    pub(crate) fn to_der(self) -> Vec<u8> {
        tlv::write(tlv::SEQUENCE, &[&write_time(self.not_before), &write_time(self.not_after)])
    }
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, TlvError> {
        let mut inner = reader.inner(tlv::SEQUENCE)?;
        let not_before = read_time(inner.any()?)?;
        let not_after = read_time(inner.any()?)?;
        inner.finish()?;
        Self::new(not_before, not_after).map_err(|_| TlvError::Value("validity"))
    }
}

fn calendar(time: Time) -> Option<DateTime> {
    let seconds = u64::try_from(time.seconds()).ok()?;
    DateTime::from_unix_duration(Duration::from_secs(seconds)).ok()
}

/// Writes a moment as RFC 5280 demands: UTCTime up to 2049, GeneralizedTime from 2050 on. A moment outside 1970 to
/// 9999 becomes the nearest that can be written.
#[must_use]
pub fn write_time(time: Time) -> Vec<u8> {
    let Some(date) = calendar(time) else {
        let (tag, nearest) = if time.seconds() < 0 {
            (tlv::UTC_TIME, "700101000000Z")
        } else {
            (tlv::GENERALIZED_TIME, "99991231235959Z")
        };
        return tlv::write(tag, &[nearest.as_bytes()]);
    };
    let tail = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        date.month(),
        date.day(),
        date.hour(),
        date.minutes(),
        date.seconds()
    );
    if date.year() < 2050 {
        return tlv::write(tlv::UTC_TIME, &[format!("{:02}{tail}", date.year() % 100).as_bytes()]);
    }
    tlv::write(tlv::GENERALIZED_TIME, &[format!("{:04}{tail}", date.year()).as_bytes()])
}

/// Reads a UTCTime or GeneralizedTime of whole seconds in UTC. GeneralizedTime before 2050 is refused: it would be a
/// second spelling.
pub fn read_time(element: Element<'_>) -> Result<Time, TlvError> {
    const BAD: TlvError = TlvError::Value("time");
    let (year, rest) = match element.tag {
        tlv::UTC_TIME => {
            let (year, rest) = digits(element.value, 2).ok_or(BAD)?;
            (if year < 50 { 2000_u16.saturating_add(year) } else { 1900_u16.saturating_add(year) }, rest)
        }
        tlv::GENERALIZED_TIME => digits(element.value, 4).filter(|(year, _)| *year >= 2050).ok_or(BAD)?,
        found => return Err(TlvError::Tag { found, expected: tlv::UTC_TIME }),
    };
    let mut fields = [0_u8; 5];
    let mut rest = rest;
    for field in &mut fields {
        let (value, after) = digits(rest, 2).ok_or(BAD)?;
        *field = u8::try_from(value).map_err(|_| BAD)?;
        rest = after;
    }
    if rest != b"Z" {
        return Err(BAD);
    }
    let [month, day, hour, minute, second] = fields;
    let date = DateTime::new(year, month, day, hour, minute, second).map_err(|_| BAD)?;
    let seconds = i64::try_from(date.unix_duration().as_secs()).map_err(|_| BAD)?;
    Ok(Time::from_seconds(seconds))
}

fn digits(bytes: &[u8], count: usize) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_at_checked(count)?;
    let value = head.iter().try_fold(0_u16, |sum, byte| {
        byte.is_ascii_digit().then(|| sum.saturating_mul(10).saturating_add(u16::from(byte - b'0')))
    })?;
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip_in_their_one_spelling() {
        for (text, tag) in [
            ("1970-01-01T00:00:00Z", tlv::UTC_TIME),
            ("2024-02-29T23:59:59Z", tlv::UTC_TIME),
            ("2049-12-31T23:59:59Z", tlv::UTC_TIME),
            ("2050-01-01T00:00:00Z", tlv::GENERALIZED_TIME),
            ("9999-12-30T00:00:00Z", tlv::GENERALIZED_TIME),
        ] {
            let time = Time::parse_rfc3339(text).unwrap();
            let der = write_time(time);
            let element = Reader::new(&der).any().unwrap();
            assert_eq!((element.tag, read_time(element).unwrap()), (tag, time), "{text}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for (tag, text) in [
            (tlv::UTC_TIME, "2611202147Z"),
            (tlv::UTC_TIME, "261120214703+0000"),
            (tlv::UTC_TIME, "261320214703Z"),
            (tlv::UTC_TIME, "260230214703Z"),
            (tlv::UTC_TIME, "26112021470 Z"),
            (tlv::GENERALIZED_TIME, "20261120214703Z"),
            (tlv::GENERALIZED_TIME, "20501120214703.5Z"),
            (tlv::UTF8_STRING, "261120214703Z"),
        ] {
            let der = tlv::write(tag, &[text.as_bytes()]);
            assert!(read_time(Reader::new(&der).any().unwrap()).is_err(), "{text}");
        }
    }

    #[test]
    fn order_and_ends() {
        let (a, b) = (Time::from_seconds(100), Time::from_seconds(200));
        let validity = Validity::new(a, b).unwrap();
        for (at, inside) in [(99_999, false), (100_000, true), (200_999, true), (201_000, false)] {
            assert_eq!(validity.contains(Time::from_millis(at)), inside, "{at}");
        }
        assert!(Validity::new(b, a).is_err());
        assert!(Validity::new(Time::from_seconds(-1), b).is_err());
    }
}
