//! Patterns on claims: an exact text, or a glob that is anchored at both ends.
//!
//! ```text
//! refs/heads/main      exactly this
//! refs/tags/v*         `*` matches any run of characters other than `/`
//! refs/heads/team/**   `**` matches any run of characters
//! ```
//! There is no regular expression, no `?` and no class: what cannot be anchored wrongly cannot be exploited (T7).

/// Longest pattern in bytes.
pub const MAX_PATTERN: usize = 512;

/// Why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Nothing, or too long.
    #[error("a pattern has 1 to 512 bytes")]
    Length,
    /// A wildcard comes first, so that the pattern is not anchored at its start.
    #[error("a pattern must not start with a wildcard: begin with literal text")]
    LeadingWildcard,
    /// Both wildcards in one pattern, or three stars in a row.
    #[error("a pattern holds `*` or `**`, not both")]
    Mixed,
    /// Control, direction or zero-width characters.
    #[error("a pattern holds no control, direction or zero-width characters")]
    Character,
    /// Looks like a regular expression or a shell glob with classes.
    #[error(
        "patterns are anchored globs, not regular expressions: `^ $ ( ) | [ ] {{ }} \\ ?` have no meaning"
    )]
    RegularExpression,
}

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: String,
    kind: Kind,
}

/// INVARIANT: a glob holds only one kind of wildcard. With `*` alone, "matches with wildcards that cross, and has as
/// many slashes as the pattern" is the same as "no wildcard crosses a slash": the literals already take that many.
/// That is what makes the pattern expressible in Cedar's `like`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// No wildcard.
    Exact,
    /// `*`.
    WithinSegment,
    /// `**`.
    Across,
}

impl Pattern {
    /// Parses an exact text or a glob.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() || text.len() > MAX_PATTERN {
            return Err(InvalidPattern::Length);
        }
        if text.chars().any(is_invisible) {
            return Err(InvalidPattern::Character);
        }
        if text.starts_with('^') || text.ends_with('$') {
            return Err(InvalidPattern::RegularExpression);
        }
        let kind = kind_of(text)?;
        if kind != Kind::Exact && text.contains(['^', '$', '(', ')', '|', '[', ']', '{', '}', '\\', '?']) {
            return Err(InvalidPattern::RegularExpression);
        }
        Ok(Self { text: text.to_owned(), kind })
    }
    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// Whether it holds no wildcard.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.kind == Kind::Exact
    }
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }
    /// How many `/` the pattern holds.
    pub(crate) fn slashes(&self) -> usize {
        count_slashes(&self.text)
    }
    /// Whether the whole of `value` matches.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match self.kind {
            Kind::Exact => self.text == value,
            Kind::WithinSegment => like(&self.text, "*", value) && count_slashes(value) == self.slashes(),
            Kind::Across => like(&self.text, "**", value),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Characters that a reader cannot see, or that change the order in which text is shown.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn kind_of(text: &str) -> Result<Kind, InvalidPattern> {
    if !text.contains('*') {
        return Ok(Kind::Exact);
    }
    if text.starts_with('*') {
        return Err(InvalidPattern::LeadingWildcard);
    }
    let single_remains = text.contains("***") || text.replace("**", "").contains('*');
    match (text.contains("**"), single_remains) {
        (true, true) => Err(InvalidPattern::Mixed),
        (true, false) => Ok(Kind::Across),
        (false, _) => Ok(Kind::WithinSegment),
    }
}

fn count_slashes(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'/').count()
}

/// The first part is a prefix, the last a suffix, the parts between are found leftmost first: linear in `value` for
/// every part, without backtracking.
fn like(pattern: &str, wildcard: &str, value: &str) -> bool {
    let Some((head, last)) = pattern.rsplit_once(wildcard) else { return pattern == value };
    let mut parts = head.split(wildcard);
    let Some(mut rest) = parts.next().and_then(|first| value.strip_prefix(first)) else { return false };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn matches_whole_values_only() {
        for (pattern, value, expected) in [
            ("refs/heads/main", "refs/heads/main", true),
            ("refs/heads/main", "refs/heads/main2", false),
            ("refs/heads/main", "xrefs/heads/main", false),
            ("refs/heads/main", "refs/heads/main\n", false),
            ("refs/tags/v*", "refs/tags/v1.2.3", true),
            ("refs/tags/v*", "refs/tags/v", true),
            ("refs/tags/v*", "refs/tags/v1/x", false),
            ("refs/tags/v*", "refs/tagsXv1", false),
            ("refs/tags/v*.*", "refs/tags/v1", false),
            ("refs/*/v1", "refs/a/v1", true),
            ("refs/*/v1", "refs/a/b/v1", false),
            ("refs/*/v1", "refs//v1", true),
            ("refs/heads/team/**", "refs/heads/team/a/b", true),
            ("refs/heads/team/**", "refs/heads/teamx/a", false),
            ("a*ba", "aba", true),
            ("a*ba", "ab", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn refuses_what_has_a_second_reading() {
        for (pattern, expected) in [
            ("", InvalidPattern::Length),
            ("*", InvalidPattern::LeadingWildcard),
            ("**", InvalidPattern::LeadingWildcard),
            ("*/main", InvalidPattern::LeadingWildcard),
            ("**/main", InvalidPattern::LeadingWildcard),
            ("a*/**", InvalidPattern::Mixed),
            ("a***", InvalidPattern::Mixed),
            ("a****", InvalidPattern::Mixed),
            ("^refs/heads/main", InvalidPattern::RegularExpression),
            ("refs/heads/main$", InvalidPattern::RegularExpression),
            ("refs/heads/(main|dev)*", InvalidPattern::RegularExpression),
            ("refs/heads/[a-z]*", InvalidPattern::RegularExpression),
            ("refs/heads/v?*", InvalidPattern::RegularExpression),
            ("refs/heads/\u{202e}niam", InvalidPattern::Character),
            ("refs/heads/main\u{200b}", InvalidPattern::Character),
            ("a\nb", InvalidPattern::Character),
        ] {
            assert_eq!(Pattern::parse(pattern), Err(expected), "{pattern:?}");
        }
    }

    /// The oracle: plain recursion over characters, `*` never taking a slash.
    fn naive(pattern: &[char], value: &[char], kind: Kind) -> bool {
        match pattern.split_first() {
            None => value.is_empty(),
            Some(('*', rest)) => (0..=value.len())
                .take_while(|n| kind == Kind::Across || !value[..*n].contains(&'/'))
                .any(|n| naive(rest, &value[n..], kind)),
            Some((c, rest)) => value.first() == Some(c) && naive(rest, &value[1..], kind),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_oracle(pattern in "a[ab/*]{0,6}", value in "a[ab/]{0,8}") {
            if let Ok(parsed) = Pattern::parse(&pattern) {
                let single: Vec<char> = pattern.replace("**", "*").chars().collect();
                let value_chars: Vec<char> = value.chars().collect();
                prop_assert_eq!(parsed.matches(&value), naive(&single, &value_chars, parsed.kind()));
            }
        }
    }
}
