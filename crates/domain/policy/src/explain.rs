//! A decision in words, for terminals and job logs.
//!
//! ```text
//! refused[CH4012]: grant `acme-app-main` of profile `dev` does not hold: source_repository_ref
//!   ✗ acme-app-main source_repository_ref     actual refs/heads/x     expected refs/heads/main
//!   ✓ acme-app-main source_repository_identifier 42
//!   what to do: run this job from `refs/heads/main`
//! ```

use std::fmt::Write as _;

use chancery_core::decision::{Decision, TraceLine, in_words};

use crate::pattern::is_invisible;

/// Says what was decided and why; what failed comes first. Ends with a line feed.
#[must_use]
pub fn decision(decision: &Decision) -> String {
    let mut out = String::new();
    let (trace, hint) = match decision {
        Decision::Allowed(trace) => {
            out.push_str("allowed\n");
            (trace, "")
        }
        Decision::Pending { missing, trace } => {
            let _infallible = writeln!(out, "pending: {}", visible(&in_words(missing)));
            (trace, "")
        }
        Decision::Refused(refusal) => {
            let _infallible = writeln!(out, "refused[{}]: {}", refusal.code, visible(&refusal.what));
            (&refusal.trace, refusal.hint.as_str())
        }
    };
    for line in trace.iter().filter(|line| !line.ok) {
        failed(&mut out, line);
    }
    for line in trace.iter().filter(|line| line.ok) {
        let (rule, attribute, actual) =
            (visible(&line.rule), visible(&line.attribute), visible(&line.actual));
        let _infallible = writeln!(out, "  \u{2713} {rule} {attribute} {actual}");
    }
    if !hint.is_empty() {
        let _infallible = writeln!(out, "  what to do: {}", visible(hint));
    }
    out
}

fn failed(out: &mut String, line: &TraceLine) {
    let actual = if line.actual.is_empty() { "(absent)".to_owned() } else { visible(&line.actual) };
    let (rule, attribute, expected) =
        (visible(&line.rule), visible(&line.attribute), visible(&line.expected));
    let _infallible =
        writeln!(out, "  \u{2717} {rule} {attribute}     actual {actual}     expected {expected}");
}

/// Claims are chosen by whoever names a branch: nothing in them may steer a terminal or hide text.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            let _infallible = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
