//! Bounds on Cedar text before Cedar reads it.
//!
//! Cedar 4.14 recurses over expressions: 300 nested parentheses overflow a stack of 2 MiB, and a chain of 1,000
//! attribute accesses makes its validator give up *without an error*, so that a guardrail that cannot work would load.
//! Depth is therefore bounded here, over the text: no expression is deeper than its brackets and tokens allow.

/// Deepest nesting of brackets of any kind.
pub(crate) const MAX_NESTING: usize = 32;
/// Most tokens of one policy; a string is one token.
pub(crate) const MAX_TOKENS: usize = 800;

/// Why text is not given to Cedar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooComplex {
    #[error("brackets are nested deeper than 32 levels")]
    Nesting,
    #[error("a policy has more than 800 tokens: split it")]
    Tokens,
}

/// Counts as Cedar's lexer reads: comments run from `//` to the end of the line, strings end at an unescaped quote.
/// Brackets of every kind count alike, whether or not they pair.
pub(crate) fn check(text: &str) -> Result<(), TooComplex> {
    let mut rest = text.chars().peekable();
    let (mut nesting, mut tokens, mut in_word) = (0usize, 0usize, false);
    while let Some(c) = rest.next() {
        let word = c.is_alphanumeric() || c == '_';
        let starts_token = !(c.is_whitespace() || word && in_word);
        in_word = word;
        match c {
            '/' if rest.peek() == Some(&'/') => {
                while rest.next_if(|c| !matches!(c, '\n' | '\r')).is_some() {}
                continue;
            }
            '"' => skip_string(&mut rest),
            '(' | '[' | '{' => nesting = nesting.saturating_add(1),
            ')' | ']' | '}' => nesting = nesting.saturating_sub(1),
            ';' => tokens = 0,
            _ => {}
        }
        tokens = tokens.saturating_add(usize::from(starts_token));
        if nesting > MAX_NESTING {
            return Err(TooComplex::Nesting);
        }
        if tokens > MAX_TOKENS {
            return Err(TooComplex::Tokens);
        }
    }
    Ok(())
}

fn skip_string(rest: &mut impl Iterator<Item = char>) {
    while let Some(c) = rest.next() {
        match c {
            '"' => return,
            '\\' => drop(rest.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_cedar_would_recurse_over() {
        for (text, expected) in [
            (format!("{}1{}", "(".repeat(32), ")".repeat(32)), Ok(())),
            (format!("{}1", "(".repeat(33)), Err(TooComplex::Nesting)),
            (format!("{}1", "{[(".repeat(11)), Err(TooComplex::Nesting)),
            ("// ((((((((((((((((((((((((((((((((((((((((((\n1".to_owned(), Ok(())),
            (format!("//\r{}", "(".repeat(33)), Err(TooComplex::Nesting)),
            (format!("\"{}\\\"{}\"", "(".repeat(33), "(".repeat(33)), Ok(())),
            (format!("\"\\\\\"{}", "(".repeat(33)), Err(TooComplex::Nesting)),
            (format!("\"//\"{}", "(".repeat(33)), Err(TooComplex::Nesting)),
            (".a".repeat(400), Ok(())),
            (".a".repeat(401), Err(TooComplex::Tokens)),
            (".a;".repeat(4000), Ok(())),
            ("!".repeat(801), Err(TooComplex::Tokens)),
            ("\"long text (((\",".repeat(400), Ok(())),
            ("word ".repeat(801), Err(TooComplex::Tokens)),
        ] {
            assert_eq!(check(&text), expected, "{text}");
        }
    }
}
