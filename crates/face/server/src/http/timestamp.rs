//! `POST /v1/timestamp`: RFC 3161 over HTTP (§3.4), by the built-in authority. Open to everyone, as authorities are.

use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_gateway::stampers::request_builtin;

use super::Shared;
use crate::body;
use crate::fault::Fault;

const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";
/// A TimeStampReq with SHA-512, nonce and policy has fewer than 200 bytes.
const LARGEST: usize = 4096;

/// Stamps a digest. A request that the authority does not understand gets a TimeStampResp that rejects it.
#[utoipa::path(post, path = "/v1/timestamp", tag = "timestamp",
    request_body(content = String, content_type = "application/timestamp-query", description = "TimeStampReq, DER"),
    responses(
        (status = 200, description = "TimeStampResp, DER", body = String, content_type = "application/timestamp-reply"),
        (status = 415, description = "Not a timestamp query", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Try again later", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn post(service: Shared, request: Request) -> Result<Response, Fault> {
    let received = body::receive(&service, request, QUERY).await?;
    if received.bytes.len() > LARGEST {
        return Err(Fault::new(Code::TooLarge, "no timestamp query is that large"));
    }
    let answer = request_builtin(&service.gateway, received.bytes).await?;
    Ok(([(header::CONTENT_TYPE, REPLY)], answer).into_response())
}
