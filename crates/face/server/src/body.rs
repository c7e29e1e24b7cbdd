//! Bodies: media type, size, time and memory are bounded before anything reads them.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use chancery_api::code::Code;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::OwnedSemaphorePermit;

use crate::fault::Fault;
use crate::service::Service;

/// Largest body in bytes.
pub(crate) const MAX_BODY: usize = 4 << 20;
/// Bodies of this size and more are parsed beside the runtime.
pub(crate) const LARGE: usize = 32 << 10;

/// A whole body, with the memory that it was given.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    _memory: OwnedSemaphorePermit,
}

impl Received {
    /// The body as text.
    pub(crate) fn text(&self) -> Result<&str, Fault> {
        std::str::from_utf8(&self.bytes).map_err(|_| Fault::new(Code::Malformed, "the body is not utf-8"))
    }
    /// The body as a JSON object; serde alone would take an array for one whose members are all optional.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Fault> {
        let malformed = |why: &dyn std::fmt::Display| {
            Fault::new(Code::Malformed, "the body is not what this path takes").because(why.to_string(), "")
        };
        if self.bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(malformed(&"not a json object"));
        }
        serde_json::from_slice(&self.bytes).map_err(|error| malformed(&error))
    }
}

/// Receives a body of a media type.
pub(crate) async fn receive(service: &Service, request: Request, media: &str) -> Result<Received, Fault> {
    check_media(request.headers(), media)?;
    let announced = announced(request.headers())?;
    let memory = service.admission.body(announced.unwrap_or(MAX_BODY))?;
    let body: Limited<Body> = Limited::new(request.into_body(), MAX_BODY);
    let collected = tokio::time::timeout(service.patience.body, body.collect()).await;
    let collected = collected.map_err(|_| slow(service.patience.body))?;
    let bytes = collected.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => too_large(),
        None => Fault::new(Code::Malformed, "the body ended too early"),
    })?;
    Ok(Received { bytes: bytes.to_bytes().into(), _memory: memory })
}

fn announced(headers: &HeaderMap) -> Result<Option<usize>, Fault> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse::<usize>().ok());
    match length {
        Some(length) if length <= MAX_BODY => Ok(Some(length)),
        Some(_) => Err(too_large()),
        None => Err(Fault::new(Code::Malformed, "`content-length` is not a number")),
    }
}

/// The media type without parameters must be the expected one; the only parameter that may stand there is utf-8.
fn check_media(headers: &HeaderMap, expected: &str) -> Result<(), Fault> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (media, parameter) = found.split_once(';').unwrap_or((found, ""));
    let parameter = parameter.trim();
    let is_utf8 = parameter.is_empty() || parameter.eq_ignore_ascii_case("charset=utf-8");
    if media.trim().eq_ignore_ascii_case(expected) && is_utf8 {
        return Ok(());
    }
    let shown: String = found.chars().filter(|c| !c.is_control()).take(80).collect();
    Err(Fault::new(Code::MediaType, "the body has another media type").because(shown, expected))
}

fn too_large() -> Fault {
    Fault::new(Code::TooLarge, "the body is too large").because("", format!("at most {MAX_BODY} bytes"))
}

fn slow(deadline: Duration) -> Fault {
    Fault::new(Code::Slow, "the body did not arrive in time")
        .because("", format!("within {} s", deadline.as_secs()))
}
