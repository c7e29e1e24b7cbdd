//! Whether a text is canonical, in one pass and without memory of its own.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{MAX_DEPTH, MAX_INTEGER, NotCanonical, order};

/// Checks a whole text: one value, nothing around it.
pub(super) fn check(text: &str) -> Result<(), NotCanonical> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.value(0)?;
    if scanner.at == text.len() { Ok(()) } else { Err(NotCanonical::Text) }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
    fn take(&mut self, wanted: &str) -> Result<(), NotCanonical> {
        let rest = self.text.get(self.at..).ok_or(NotCanonical::Text)?;
        if !rest.starts_with(wanted) {
            return Err(NotCanonical::Text);
        }
        self.at = self.at.saturating_add(wanted.len());
        Ok(())
    }
    /// Whether the next byte is this one; then it is taken.
    fn is_next(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    /// Recursion ends at [`MAX_DEPTH`].
    fn value(&mut self, depth: usize) -> Result<(), NotCanonical> {
        if depth > MAX_DEPTH {
            return Err(NotCanonical::Depth);
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.take("true"),
            Some(b'f') => self.take("false"),
            Some(b'n') => self.take("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) | None => Err(NotCanonical::Text),
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), NotCanonical> {
        self.take("[")?;
        if self.is_next(b']') {
            return Ok(());
        }
        loop {
            self.value(depth.saturating_add(1))?;
            if !self.is_next(b',') {
                return self.take("]");
            }
        }
    }

    /// Members in strictly ascending order, so none twice.
    fn object(&mut self, depth: usize) -> Result<(), NotCanonical> {
        self.take("{")?;
        if self.is_next(b'}') {
            return Ok(());
        }
        let mut last: Option<Cow<'a, str>> = None;
        loop {
            let name = self.string()?;
            if last.is_some_and(|last| order(&last, &name) != Ordering::Less) {
                return Err(NotCanonical::Text);
            }
            last = Some(name);
            self.take(":")?;
            self.value(depth.saturating_add(1))?;
            if !self.is_next(b',') {
                return self.take("}");
            }
        }
    }

    /// A string, and what it says.
    fn string(&mut self) -> Result<Cow<'a, str>, NotCanonical> {
        self.take("\"")?;
        let start = self.at;
        let mut said: Option<String> = None;
        let mut plain = start;
        loop {
            match self.peek().ok_or(NotCanonical::Text)? {
                b'"' => break,
                b'\\' => {
                    let before = self.text.get(plain..self.at).ok_or(NotCanonical::Text)?;
                    let said = said.get_or_insert_default();
                    said.push_str(before);
                    said.push(self.escape()?);
                    plain = self.at;
                }
                0..=0x1f => return Err(NotCanonical::Text),
                _ => self.at = self.at.saturating_add(1),
            }
        }
        let rest = self.text.get(plain..self.at).ok_or(NotCanonical::Text)?;
        self.take("\"")?;
        Ok(match said {
            Some(said) => Cow::Owned(said + rest),
            None => Cow::Borrowed(rest),
        })
    }

    /// RFC 8785 §3.2.2.2: the short form where there is one, else lower-case `\u00xx`, and only where it must be.
    fn escape(&mut self) -> Result<char, NotCanonical> {
        const SHORT: [(&str, char); 7] = [
            ("\\\"", '"'),
            ("\\\\", '\\'),
            ("\\b", '\u{8}'),
            ("\\f", '\u{c}'),
            ("\\n", '\n'),
            ("\\r", '\r'),
            ("\\t", '\t'),
        ];
        for (spelling, said) in SHORT {
            if self.take(spelling).is_ok() {
                return Ok(said);
            }
        }
        self.take("\\u00")?;
        let digits = self.text.get(self.at..self.at.saturating_add(2)).ok_or(NotCanonical::Text)?;
        let is_lower = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let said = u8::from_str_radix(digits, 16).ok().filter(|_| is_lower).map(char::from);
        let said = said.filter(|said| *said < ' ' && !SHORT.iter().any(|(_, short)| short == said));
        self.at = self.at.saturating_add(2);
        said.ok_or(NotCanonical::Text)
    }

    fn number(&mut self) -> Result<(), NotCanonical> {
        let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        let end = self.at.saturating_add(length);
        let number = self.text.get(self.at..end).ok_or(NotCanonical::Text)?;
        let digits = number.strip_prefix('-').unwrap_or(number);
        let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        let is_shortest = number == "0" || !(digits.is_empty() || digits.starts_with('0'));
        if !(is_plain && is_shortest) {
            return Err(NotCanonical::Text);
        }
        if !digits.parse::<u64>().is_ok_and(|magnitude| magnitude <= MAX_INTEGER) {
            return Err(NotCanonical::Number(number.chars().take(40).collect()));
        }
        self.at = end;
        Ok(())
    }
}
