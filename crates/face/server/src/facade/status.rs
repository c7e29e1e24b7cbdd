//! Problems as Sigstore clients show them: the JSON of a gRPC status, with everything that a person needs in `message`,
//! because clients print that alone.
//!
//! ```json
//! {"code":7,"message":"CH4012: grant `main` of profile `cosign` does not hold: ref; found `refs/heads/x`, expected
//!   `refs/heads/main`; run this job from main; request r-5f0c…","details":[]}
//! ```

use chancery_api::problem::Problem;
use serde::Serialize;

/// A gRPC status (google.rpc.Status) in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    code: u8,
    message: String,
    details: [(); 0],
}

/// Longest text of a problem that is repeated, in characters.
const LONGEST: usize = 400;

/// The status that a problem becomes.
pub(crate) fn of(problem: &Problem) -> Status {
    Status { code: code(problem.status), message: message(problem), details: [] }
}

/// The canonical codes of gRPC, as its gateway maps them from and to HTTP.
const fn code(status: u16) -> u8 {
    match status {
        400 | 413 | 415 | 422 => 3,
        401 => 16,
        403 => 7,
        404 => 5,
        405 => 12,
        408 => 4,
        409 => 6,
        429 => 8,
        503 => 14,
        _ => 13,
    }
}

/// Code, what, found and expected, what to do, under which id to ask: one line.
pub(crate) fn message(problem: &Problem) -> String {
    let mut text = format!("{}: {}", problem.code, problem.detail);
    let found = match (problem.actual.is_empty(), problem.expected.is_empty()) {
        (true, true) => String::new(),
        (true, false) => format!("; expected {}", quoted(&problem.expected)),
        (false, true) => format!("; found {}", quoted(&problem.actual)),
        (false, false) => {
            format!("; found {}, expected {}", quoted(&problem.actual), quoted(&problem.expected))
        }
    };
    text.push_str(&found);
    for (before, more) in [("; ", &problem.hint), ("; request ", &problem.request_id)] {
        if !more.is_empty() {
            text.push_str(before);
            text.push_str(more);
        }
    }
    text.chars().filter(|c| !c.is_control()).collect()
}

/// The same for the status line of HTTP/1.1: sigstore-python shows that line and not the body. Visible ASCII only.
pub(crate) fn reason(problem: &Problem) -> String {
    message(problem).chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

fn quoted(text: &str) -> String {
    format!("`{}`", text.chars().take(LONGEST).collect::<String>())
}
