//! Spans of time in policies: `90s`, `30m`, `12h`, `7d`.

/// Longest span in days.
const MAX_DAYS: i64 = 3660;
const DAY: i64 = 86_400;

/// Reads a span as seconds: 1 s to 3660 days; one spelling.
pub(super) fn parse(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => DAY,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    let is_plain =
        digits.len() <= 9 && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let count: i64 = if is_plain { digits.parse().ok()? } else { return None };
    let span = count.checked_mul(seconds)?;
    (span <= MAX_DAYS.checked_mul(DAY)?).then_some(span)
}

/// In the largest unit that divides it.
pub(super) fn words(seconds: i64) -> String {
    let units = [(DAY, 'd'), (3600, 'h'), (60, 'm')];
    let found = units.into_iter().find(|(unit, _)| seconds.checked_rem(*unit) == Some(0));
    let (unit, letter) = found.unwrap_or((1, 's'));
    format!("{}{letter}", seconds.checked_div(unit).unwrap_or(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_one_spelling() {
        for (text, seconds) in [("1s", 1), ("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
        for bad in ["", "d", "0d", "07d", "7", "-1d", "+1d", "1 d", "7w", "3661d", "99999999999d", "1\u{e4}"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!((words(604_800), words(90), words(5400)), ("7d".into(), "90s".into(), "90m".into()));
    }
}
