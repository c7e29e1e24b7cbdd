//! Times in protected headers: RFC 3339 with whole seconds, as notation writes them.
//!
//! ```text
//! 2026-11-20T21:47:03Z      2026-11-20T22:47:03+01:00
//! ```

use chancery_core::time::Time;

use super::malformed;
use crate::seam::FormatError;

const FRACTION_FREE: usize = "2026-11-20T21:47:03".len();

/// Reads one; another spelling of RFC 3339 is refused.
pub(super) fn parse(text: &str) -> Result<Time, FormatError> {
    let refuse = || malformed(format!("`{}` is not a time", text.chars().take(40).collect::<String>()));
    let (clock, zone) = text.split_at_checked(FRACTION_FREE).ok_or_else(refuse)?;
    let shape = |text: &str, pattern: &str| {
        let fits = |(c, p): (u8, u8)| if p == b'0' { c.is_ascii_digit() } else { c == p };
        text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits)
    };
    let has_zone = zone == "Z" || shape(zone, "+00:00") || shape(zone, "-00:00");
    if !shape(clock, "0000-00-00T00:00:00") || !has_zone {
        return Err(refuse());
    }
    Time::parse_rfc3339(text).ok_or_else(refuse)
}

/// The moment `seconds` after `text`, in the zone of `text`.
pub(super) fn later(text: &str, seconds: u64) -> Result<String, FormatError> {
    let at = parse(text)?;
    let later = at.plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
    let zone = text.get(FRACTION_FREE..).unwrap_or("Z");
    let offset = offset(zone);
    let shown = later.plus_seconds(offset).to_string();
    let clock = shown.get(..FRACTION_FREE).ok_or_else(|| malformed("a time out of range"))?;
    Ok(format!("{clock}{zone}"))
}

/// Seconds east of UTC.
fn offset(zone: &str) -> i64 {
    let digits = |range: std::ops::Range<usize>| {
        zone.get(range).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default()
    };
    let seconds = digits(1..3).saturating_mul(3600).saturating_add(digits(4..6).saturating_mul(60));
    if zone.starts_with('-') { seconds.saturating_neg() } else { seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_is_read() {
        let z = parse("2026-11-20T21:47:03Z").unwrap();
        assert_eq!(parse("2026-11-20T22:47:03+01:00").unwrap(), z);
        assert_eq!(parse("2026-11-20T16:17:03-05:30").unwrap(), z);
        for bad in [
            "",
            "2026-11-20T21:47:03",
            "2026-11-20T21:47:03z",
            "2026-11-20 21:47:03Z",
            "2026-11-20T21:47:03.5Z",
            "2026-11-20T21:47:03+0100",
            "2026-11-20T21:47:03+01:00[Europe/Berlin]",
            "2026-13-20T21:47:03Z",
            "20261120T214703Z",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_expiry_keeps_the_zone() {
        assert_eq!(later("2026-11-20T22:47:03+01:00", 3600).unwrap(), "2026-11-20T23:47:03+01:00");
        assert_eq!(later("2026-12-31T23:59:59Z", 1).unwrap(), "2027-01-01T00:00:00Z");
        assert_eq!(later("2026-12-31T18:29:59-05:30", 2).unwrap(), "2026-12-31T18:30:01-05:30");
    }
}
