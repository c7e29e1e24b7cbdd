//! Matchers on text: exact, or an anchored glob. `*` does not cross `/`, `**` does; nothing else is special.
//!
//! ```
//! use chancery_verify::pattern::Pattern;
//! let tags = Pattern::parse("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*").unwrap();
//! assert!(tags.matches("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1"));
//! assert!(!tags.matches("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1/x"));
//! ```

/// Longest pattern in bytes.
pub const MAX_PATTERN: usize = 1024;
/// Longest text that can match a glob, in bytes: bounds the work at pattern × text.
pub const MAX_TEXT: usize = 4096;

/// A pattern that could match anything, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern `{0}` is empty, too long, starts with a wildcard, or holds control characters or `***`")]
pub struct InvalidPattern(String);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Literal(char),
    /// `*`
    Segment,
    /// `**`
    Path,
}

/// A parsed matcher; always anchored at both ends (T7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// Absent for exact patterns.
    glob: Option<Vec<Step>>,
}

impl Pattern {
    /// Parses a pattern. A leading wildcard is refused: it would accept signers of any host.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let wrong = text.is_empty()
            || text.len() > MAX_PATTERN
            || text.starts_with('*')
            || text.contains("***")
            || text.chars().any(char::is_control);
        if wrong {
            return Err(InvalidPattern(text.chars().filter(|c| !c.is_control()).take(80).collect()));
        }
        let glob = text.contains('*').then(|| steps(text));
        Ok(Self { text: text.to_owned(), glob })
    }
    /// Parses a pattern of paths below a place that is known: there a leading wildcard reaches no further than the place.
    pub fn of_path(text: &str) -> Result<Self, InvalidPattern> {
        let anchored = Self::parse(&format!("/{text}"))?;
        let glob = anchored.glob.map(|steps| steps.into_iter().skip(1).collect());
        Ok(Self { text: text.to_owned(), glob })
    }
    /// Matches this text alone, whatever it holds.
    #[must_use]
    pub fn exact(text: &str) -> Self {
        Self { text: text.to_owned(), glob: None }
    }
    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// Whether it has no wildcard.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.glob.is_none()
    }
    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.glob {
            None => self.text == text,
            Some(steps) => text.len() <= MAX_TEXT && glob_matches(steps, text),
        }
    }
}

fn steps(text: &str) -> Vec<Step> {
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(match c {
            '*' if chars.next_if_eq(&'*').is_some() => Step::Path,
            '*' => Step::Segment,
            c => Step::Literal(c),
        });
    }
    out
}

/// Runs all positions of the pattern at once over the text: linear in both, no backtracking.
fn glob_matches(steps: &[Step], text: &str) -> bool {
    let mut alive = vec![false; steps.len().saturating_add(1)];
    if let Some(first) = alive.first_mut() {
        *first = true;
    }
    skip_wildcards(steps, &mut alive);
    for c in text.chars() {
        let mut next = vec![false; alive.len()];
        for (position, step) in steps.iter().enumerate() {
            if alive.get(position) != Some(&true) {
                continue;
            }
            let target = match step {
                Step::Literal(wanted) if *wanted == c => position.saturating_add(1),
                Step::Literal(_) => continue,
                Step::Segment if c == '/' => continue,
                Step::Segment | Step::Path => position,
            };
            if let Some(slot) = next.get_mut(target) {
                *slot = true;
            }
        }
        skip_wildcards(steps, &mut next);
        alive = next;
    }
    alive.last() == Some(&true)
}

/// A wildcard may match nothing.
fn skip_wildcards(steps: &[Step], alive: &mut [bool]) {
    for (position, step) in steps.iter().enumerate() {
        let is_wildcard = matches!(step, Step::Segment | Step::Path);
        if is_wildcard
            && alive.get(position) == Some(&true)
            && let Some(slot) = alive.get_mut(position.saturating_add(1))
        {
            *slot = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_texts_only() {
        let cases = [
            ("a", "a", true),
            ("a", "ab", false),
            ("a.c", "abc", false),
            ("a*", "a", true),
            ("a*", "abc", true),
            ("a*", "ab/c", false),
            ("a**", "ab/c", true),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("a/*/c", "a/b/c", true),
            ("a/*/c", "a/b/b/c", false),
            ("a/**/c", "a/b/b/c", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("refs/tags/v*", "refs/tags/v1\nrefs", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn refuses_patterns_that_promise_nothing() {
        for bad in ["", "*", "**", "*.example", "a***", "a\n", &"a".repeat(MAX_PATTERN + 1)] {
            assert!(Pattern::parse(bad).is_err(), "{bad:?}");
        }
        assert!(!Pattern::parse("a*").unwrap().matches(&"a".repeat(MAX_TEXT + 1)));
    }

    #[test]
    fn many_wildcards_stay_cheap() {
        let pattern = Pattern::parse(&format!("a{}b", "*a".repeat(500))).unwrap();
        assert!(!pattern.matches(&"a".repeat(MAX_TEXT)));
    }
}
