//! Everything that is no success, as `application/problem+json`. Internal failures go to the log, never to a caller.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chancery_api::code::Code;
use chancery_api::problem::{MEDIA_TYPE, Problem};
use chancery_core::decision::{Missing, Trace, in_words};
use chancery_core::refusal::{Refusal, RefusalClass, RefusalCode};
use chancery_gateway::failure::Failure;

/// Seconds after which a caller may try again.
const RETRY_AFTER: &str = "2";

/// A problem on its way out; [`crate::exchange`] adds the request id and writes it.
#[derive(Debug, Clone)]
pub(crate) struct Fault(pub(crate) Box<Problem>);

impl Fault {
    /// A fault at the door.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            type_uri: type_uri(code.code()),
            title: code.meaning().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code: code.code().to_owned(),
            ..Problem::default()
        }))
    }
    /// Our fault: what it was goes to the log.
    pub(crate) fn internal(why: &str) -> Self {
        tracing::error!(why, "internal failure");
        Self::new(Code::Internal, "the service failed; its log has more under this request id")
    }
    /// Adds what was found and what was expected.
    pub(crate) fn because(mut self, actual: impl Into<String>, expected: impl Into<String>) -> Self {
        self.0.actual = actual.into();
        self.0.expected = expected.into();
        self
    }
    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = hint.into();
        self
    }
    /// The fault of a bare status, for answers that the framework makes itself.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            404 => Code::Unknown,
            405 => Code::Method,
            408 => Code::Slow,
            413 | 431 => Code::TooLarge,
            415 => Code::MediaType,
            400..=499 => Code::Malformed,
            _ => return Self::internal(&format!("bare status {status}")),
        };
        Self::new(code, code.meaning())
    }
}

fn type_uri(code: &str) -> String {
    format!("urn:chancery:problem:{code}")
}

/// The status of a class of refusals.
const fn status(class: RefusalClass) -> u16 {
    match class {
        RefusalClass::Unauthenticated => 401,
        RefusalClass::Denied => 403,
        RefusalClass::Limited => 429,
        RefusalClass::Invalid => 422,
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, what, actual, expected, hint, trace } = refusal;
        let title = RefusalCode::ALL.into_iter().find(|(known, _)| *known == code);
        Self(Box::new(Problem {
            type_uri: type_uri(code.code()),
            title: title.map_or("", |(_, meaning)| meaning).to_owned(),
            status: status(code.class()),
            detail: what,
            code: code.code().to_owned(),
            actual,
            expected,
            hint,
            missing: Vec::new(),
            trace: trace.into_iter().map(Into::into).collect(),
            request_id: String::new(),
        }))
    }
}

fn pending(missing: Vec<Missing>, trace: Trace) -> Fault {
    let mut fault = Fault::new(Code::Pending, format!("the request waits: {}", in_words(&missing)))
        .hint("it goes on once the rest is there: chancery request wait ID");
    fault.0.missing = missing.into_iter().map(Into::into).collect();
    fault.0.trace = trace.into_iter().map(Into::into).collect();
    fault
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Internal(why) => Self::internal(&why),
            Failure::Pending { missing, trace } => pending(missing, trace),
            Failure::Refused(refusal) => (*refusal).into(),
            Failure::Temporary(why) => {
                tracing::warn!(why, "temporary failure");
                Self::new(Code::Temporary, "something that the service needs does not answer now")
                    .hint("try again; nothing was released")
            }
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response.extensions_mut().insert(self);
        response
    }
}
