//! What surrounds every exchange: request id, place, log line, metrics, security headers, problem bodies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chancery_api::code::Code;
use chancery_api::problem::MEDIA_TYPE;
use hyper::ext::ReasonPhrase;
use tracing::Instrument as _;

use crate::connection::MAX_HEAD;
use crate::facade::{self, status};
use crate::fault::Fault;
use crate::http::health::Answered;
use crate::route::Matched;
use crate::service::Service;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A handler must have answered by then; what it started goes on.
const DEADLINE: Duration = Duration::from_secs(90);

/// Runs a handler within its bounds.
pub(crate) async fn surround(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let id = request_id(&service, request.headers());
    let span = tracing::info_span!("exchange", request_id = id, method = %request.method(), path = shown(request.uri().path()));
    let started = Instant::now();
    let handled = handle(&service, request, next).instrument(span.clone()).await;
    let _entered = span.entered();
    let route = handled.extensions().get::<Matched>().map_or("other", |matched| matched.0);
    let response = finish(&service, handled, (&id, route));
    service.metrics.answered(route, response.status().as_u16());
    let (status, took) = (response.status().as_u16(), started.elapsed().as_micros());
    match status {
        500.. => say_failed(status, took),
        400.. => say_refused(status, took),
        _ => say_answered(status, took),
    }
    response
}

fn say_failed(status: u16, took_us: u128) {
    tracing::error!(status, took_us, "answered");
}

fn say_refused(status: u16, took_us: u128) {
    tracing::info!(status, took_us, "answered");
}

fn say_answered(status: u16, took_us: u128) {
    tracing::debug!(status, took_us, "answered");
}

async fn handle(service: &Service, mut request: Request, next: Next) -> Response {
    if let Err(fault) = check_head(&request) {
        return fault.into_response();
    }
    // Health must be told even when everything is busy.
    let is_health = matches!(request.uri().path(), "/livez" | "/readyz" | "/metrics");
    if !is_health {
        match service.admission.enter() {
            Ok(place) => request.extensions_mut().insert(place),
            Err(fault) => return fault.into_response(),
        };
    }
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Fault::new(Code::Temporary, "no answer in time")
            .hint("try again: the same request gets the same result once it is released")
            .into_response(),
    }
}

/// The connection bounds what it buffers, which may be a little more than one head; this is the exact limit.
fn check_head(request: &Request) -> Result<(), Fault> {
    let fields =
        request.headers().iter().map(|(name, value)| name.as_str().len().saturating_add(value.len()));
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if fields.fold(target, usize::saturating_add) <= MAX_HEAD {
        return Ok(());
    }
    let mut fault = Fault::new(Code::TooLarge, "the head of the request is too large");
    fault.0.status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.as_u16();
    Err(fault.because("", format!("at most {MAX_HEAD} bytes")))
}

/// Problems get their body here, whoever made them; everything gets its id.
fn finish(service: &Service, mut response: Response, (id, route): (&str, &str)) -> Response {
    let status = response.status();
    let fault = response.extensions_mut().remove::<Fault>();
    let speaks_itself = response.extensions_mut().remove::<Answered>().is_some();
    let is_failure = (status.is_client_error() || status.is_server_error()) && !speaks_itself;
    let fault = fault.or_else(|| is_failure.then(|| Fault::of_status(status)));
    if let Some(fault) = fault {
        service.metrics.problem(&fault.0.code);
        response = with_problem(&response, fault, (id, route));
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn with_problem(response: &Response, mut fault: Fault, (id, route): (&str, &str)) -> Response {
    id.clone_into(&mut fault.0.request_id);
    // A status that the framework chose stays; only its body becomes a problem.
    fault.0.status = response.status().as_u16();
    let (body, media, reason) = if route.starts_with(facade::PREFIX) {
        let reason = status::reason(&fault.0);
        (serde_json::to_vec(&status::of(&fault.0)), "application/json", Some(reason))
    } else {
        (serde_json::to_vec(&fault.0), MEDIA_TYPE, None)
    };
    let body = body.unwrap_or_default();
    let mut problem = fault.into_response();
    problem.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    let reason = reason.and_then(|reason| ReasonPhrase::try_from(reason.into_bytes()).ok());
    if let Some(reason) = reason {
        problem.extensions_mut().insert(reason);
    }
    if let Some(allow) = response.headers().get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    *problem.body_mut() = Body::from(body);
    problem
}

/// The id that the caller gave, if it is harmless, else a random one.
fn request_id(service: &Service, headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_harmless = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match given.filter(is_harmless) {
        Some(id) => id.to_owned(),
        None => format!("r-{}", hex::encode(service.gateway.parts().entropy.sixteen())),
    }
}

/// A path as it may stand in a log: short, no control characters (they cannot be in a URI, but escapes stay escapes).
fn shown(path: &str) -> &str {
    path.get(..path.len().min(200)).unwrap_or("?")
}
