//! A failed command as people and programs see it: code, what, actual, expected, what to do, request id.
//!
//! ```text
//! error[CH4012]: policy `release` refused dist/app.jar
//!   ✗ ref  actual refs/heads/feature-x  expected refs/tags/v*
//!   ✓ repository acme/app
//!   what to do:  run this job from a tag
//!   request r-7f3a · chancery help CH4012
//! ```

use std::fmt::Display;

use chancery_api::problem::Missing;
use chancery_core::decision::{Trace, TraceLine};
use chancery_core::refusal::Refusal;
use serde_json::{Value, json};

use crate::catalogue::Code;
use crate::exit::Exit;
use crate::terminal::printable;

/// Schema of the JSON form.
pub const SCHEMA: &str = "chancery.error/1";

/// Why a command did not do it. Holds no secret and no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The stable code: `CH4012`.
    pub code: String,
    /// One line, lower case, no full stop.
    pub what: String,
    /// What was found; may be empty.
    pub actual: String,
    /// What was expected; may be empty.
    pub expected: String,
    /// What to do; may be empty.
    pub hint: String,
    /// What a pending request waits for.
    pub missing: Vec<Missing>,
    /// What policy evaluated, where it came to that.
    pub trace: Trace,
    /// The server's id of the exchange.
    pub request_id: Option<String>,
    /// How the process ends.
    pub exit: Exit,
}

impl Failure {
    /// A failure of the command line's own.
    #[must_use]
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self {
            code: code.code().to_owned(),
            what: what.into(),
            actual: String::new(),
            expected: String::new(),
            hint: String::new(),
            missing: Vec::new(),
            trace: Vec::new(),
            request_id: None,
            exit: code.exit(),
        }
    }
    /// Something that broke and should not have; `what` is for people.
    #[must_use]
    pub fn error(what: impl Into<String>) -> Self {
        Self::new(Code::Unexpected, what)
    }
    /// A file that cannot be read or written.
    #[must_use]
    pub fn file(verb: &str, path: &std::path::Path, error: &dyn Display) -> Self {
        Self::new(Code::File, format!("cannot {verb} `{}`: {error}", path.display()))
    }
    /// Adds what was found and what was expected.
    #[must_use]
    pub fn because(mut self, actual: impl Into<String>, expected: impl Into<String>) -> Self {
        self.actual = actual.into();
        self.expected = expected.into();
        self
    }
    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The text form, styled only by its marks; ends with a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("error[{}]: {}\n", self.code, printable(&self.what));
        let told = |line: &&TraceLine| (&line.actual, &line.expected) == (&self.actual, &self.expected);
        let says = !self.actual.is_empty() || !self.expected.is_empty();
        // The line of the trace that failed says the same, and names the attribute.
        if says && !self.trace.iter().any(|line| told(&line)) {
            out.push_str(&compared("", &self.actual, &self.expected));
        }
        for line in self.trace.iter().filter(|line| !line.ok) {
            out.push_str(&compared(&line.attribute, &line.actual, &line.expected));
        }
        out.push_str(&held(&self.trace));
        if !self.hint.is_empty() {
            out.push_str(&format!("  what to do:  {}\n", printable(&self.hint)));
        }
        let request = self.request_id.as_deref().map(|id| format!("request {} · ", printable(id)));
        out.push_str(&format!("  {}chancery help {}\n", request.unwrap_or_default(), self.code));
        out
    }

    /// The JSON form.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "code": self.code,
            "what": self.what,
            "actual": self.actual,
            "expected": self.expected,
            "hint": self.hint,
            "missing": self.missing,
            "trace": self.trace,
            "request_id": self.request_id,
            "exit_code": self.exit.code(),
        })
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code.code().to_owned(),
            exit: Exit::of_refusal(refusal.code.class()),
            what: refusal.what,
            actual: refusal.actual,
            expected: refusal.expected,
            hint: refusal.hint,
            missing: Vec::new(),
            trace: refusal.trace,
            request_id: None,
        }
    }
}

fn compared(name: &str, actual: &str, expected: &str) -> String {
    let actual = if actual.is_empty() { "(absent)".to_owned() } else { printable(actual) };
    let name = if name.is_empty() { String::new() } else { format!("{}  ", printable(name)) };
    let expected =
        if expected.is_empty() { String::new() } else { format!("  expected {}", printable(expected)) };
    format!("  ✗ {name}actual {actual}{expected}\n")
}

fn held(trace: &[TraceLine]) -> String {
    let lines = trace.iter().filter(|line| line.ok);
    lines.map(|line| format!("  ✓ {} {}\n", printable(&line.attribute), printable(&line.actual))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::refusal::RefusalCode;

    #[test]
    fn a_refusal_reads_like_the_reference() {
        let trace = |attribute: &str, actual: &str, expected: &str| TraceLine {
            rule: "acme".into(),
            attribute: attribute.into(),
            actual: actual.into(),
            expected: expected.into(),
            ok: actual == expected,
        };
        let refusal = Refusal::new(RefusalCode::GrantMismatch, "policy `release` refused dist/app.jar")
            .hint("run this job from a tag")
            .with_trace(vec![
                trace("ref", "refs/heads/\u{1b}[2Jx", "refs/tags/v*"),
                trace("repository", "acme/app", "acme/app"),
            ]);
        let mut failure = Failure::from(refusal);
        failure.request_id = Some("r-7f3a".into());
        assert_eq!(failure.exit, Exit::Denied);
        assert_eq!(
            failure.text(),
            "error[CH4012]: policy `release` refused dist/app.jar\n  ✗ ref  actual refs/heads/\\u{1b}[2Jx  expected refs/tags/v*\n  \
             ✓ repository acme/app\n  what to do:  run this job from a tag\n  request r-7f3a · chancery help CH4012\n"
        );
        assert_eq!(failure.json()["exit_code"], 4);
    }
}
