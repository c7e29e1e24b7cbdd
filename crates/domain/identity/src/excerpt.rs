//! Text that a caller chose, made fit to be repeated in a refusal: it reaches terminals and logs (T14).

/// Longest excerpt in bytes.
const MAX_EXCERPT: usize = 200;

/// The text with everything but printable ASCII escaped (`\u{456}`), so that a letter that only looks like another is
/// seen as what it is, and cut where it would be longer than 200 bytes.
pub(crate) fn excerpt(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let shown =
            if c.is_ascii_graphic() || c == ' ' { c.to_string() } else { c.escape_unicode().to_string() };
        if out.len().saturating_add(shown.len()) > MAX_EXCERPT {
            out.push('…');
            break;
        }
        out.push_str(&shown);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn nothing_of_it_acts() {
        assert_eq!(excerpt("https://a.example"), "https://a.example");
        assert_eq!(excerpt("\u{456}ssuer\n\u{1b}[31m"), "\\u{456}ssuer\\u{a}\\u{1b}[31m");
        assert_eq!(excerpt(&"a".repeat(300)), format!("{}…", "a".repeat(200)));
    }
}
