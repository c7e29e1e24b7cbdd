//! What Sigstore clients speak: Fulcio and Rekor v2, in their own JSON (proto3 JSON: lowerCamelCase, bytes as base64, 64-bit
//! integers as text). Thin: a handler reads its input, calls one use case of `chancery_gateway::facade`, translates.
//!
//! ```text
//! POST /api/v2/signingCert      GET /api/v2/trustBundle      GET /api/v2/configuration        Fulcio
//! POST /api/v2/log/entries      GET /api/v2/checkpoint       GET /api/v2/tile/…               Rekor v2
//! ```
//! Nothing answers here but 404 while no profile has `[facade]`.

pub(crate) mod fulcio;
pub(crate) mod rekor;
pub(crate) mod status;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use chancery_api::code::Code;
use serde::Serialize;

use crate::body::{self, Received};
use crate::fault::Fault;
use crate::http::Shared;

/// Everything here lies under it.
pub(crate) const PREFIX: &str = "/api/v2/";

/// Largest body in bytes: a token, a key and a signature.
const LARGEST: usize = 64 << 10;

/// Says no while nothing is issued.
fn on(service: &Shared) -> Result<(), Fault> {
    if chancery_gateway::facade::is_on(&service.gateway) {
        return Ok(());
    }
    Err(Fault::new(
        Code::Unknown,
        "this service issues no certificates to Sigstore clients: no profile has `[facade]`",
    )
    .hint("sign with keys in custody: chancery sign"))
}

async fn receive(service: &Shared, request: axum::extract::Request) -> Result<Received, Fault> {
    let received = body::receive(service, request, "application/json").await?;
    if received.bytes.len() > LARGEST {
        return Err(Fault::new(Code::TooLarge, "no request of a Sigstore client is that large"));
    }
    Ok(received)
}

fn json(status: axum::http::StatusCode, body: &impl Serialize) -> Result<Response, Fault> {
    let text = serde_json::to_string(body).map_err(|error| Fault::internal(&error.to_string()))?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// Bytes in base64, standard alphabet, with or without padding as clients write it.
fn bytes(member: &str, text: &str) -> Result<Vec<u8>, Fault> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    STANDARD
        .decode(text)
        .or_else(|_| STANDARD_NO_PAD.decode(text))
        .map_err(|_| Fault::new(Code::Malformed, format!("`{member}` is not base64")))
}
