//! `application/problem+json` (RFC 9457) as a failure.

use chancery_api::problem::Problem;
use chancery_core::decision::TraceLine;
use chancery_core::refusal::RefusalCode;

use crate::catalogue::{self, Code};
use crate::exit::Exit;
use crate::failure::Failure;

/// Reads an answer with a status that is no success.
pub(super) fn read(status: u16, body: &[u8], request_id: Option<String>) -> Failure {
    // A proxy may answer in the service's place: what is not a problem says nothing.
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let code = Some(problem.code).filter(|code| is_code(code));
    let fallback = of_status(status);
    let exit = match &code {
        Some(code) => exit_of(code).unwrap_or_else(|| fallback.exit()),
        None => fallback.exit(),
    };
    let said = [problem.detail, problem.title].into_iter().find(|text| !text.is_empty());
    let trace = problem.trace.into_iter().map(|line| {
        let chancery_api::problem::TraceLine { rule, attribute, actual, expected, ok } = line;
        TraceLine { rule, attribute, actual, expected, ok }
    });
    Failure {
        code: code.unwrap_or_else(|| fallback.code().to_owned()),
        what: said.unwrap_or_else(|| format!("the service answered with status {status}")),
        actual: problem.actual,
        expected: problem.expected,
        hint: problem.hint,
        missing: problem.missing,
        trace: trace.collect(),
        request_id: Some(problem.request_id).filter(|id| !id.is_empty()).or(request_id),
        exit,
    }
}

/// Whether a body is a problem as our services write them.
pub(super) fn is_one(body: &[u8]) -> bool {
    serde_json::from_slice::<Problem>(body).is_ok_and(|problem| is_code(&problem.code))
}

fn is_code(code: &str) -> bool {
    code.strip_prefix("CH")
        .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn exit_of(code: &str) -> Option<Exit> {
    let refused = RefusalCode::ALL.into_iter().find(|(known, _)| known.code() == code);
    refused
        .map(|(known, _)| Exit::of_refusal(known.class()))
        .or_else(|| catalogue::find(code).map(|line| line.exit))
}

/// The class of a bare status.
const fn of_status(status: u16) -> Code {
    match status {
        202 => Code::Pending,
        404 => Code::Unknown,
        408 | 429 | 502..=504 => Code::Temporary,
        400..=499 => Code::Answer,
        _ => Code::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_and_statuses_are_the_fallback() {
        let cases: [(u16, &str, &str, u8); 11] = [
            (401, r#"{"code":"CH3008"}"#, "CH3008", 3),
            (403, r#"{"code":"CH4012"}"#, "CH4012", 4),
            (403, r#"{"code":"CH3007"}"#, "CH3007", 4),
            (429, r#"{"code":"CH4016"}"#, "CH4016", 4),
            (422, r#"{"code":"CH5004"}"#, "CH5004", 2),
            (503, r#"{"code":"CH7501"}"#, "CH7501", 75),
            (503, "<html>", "CH7501", 75),
            (202, "{}", "CH4020", 5),
            (404, "", "CH2008", 2),
            (500, r#"{"code":"\u001b[2J"}"#, "CH1001", 1),
            (500, r#"{"code":"CH1001"}"#, "CH1001", 1),
        ];
        for (status, body, code, exit) in cases {
            let failure = read(status, body.as_bytes(), Some("r".into()));
            assert_eq!((failure.code.as_str(), failure.exit.code()), (code, exit), "{status} {body}");
            assert_eq!(failure.request_id.as_deref(), Some("r"));
        }
    }
}
