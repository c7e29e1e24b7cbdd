//! The public trust material. Whoever fetches it here vouches for where it came from.

use std::time::Duration;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use chancery_api::problem::Problem;
use chancery_core::id::PolicyVersion;
use chancery_gateway::trust::trust_json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Shared;
use crate::fault::Fault;

/// `trust.json` is signed by the keyguard; it is made anew at most this often, and whenever the policy changes.
const FRESH: Duration = Duration::from_secs(60);

/// The last `trust.json`, with its moment and its policy.
#[derive(Debug, Default)]
pub(crate) struct LastTrust(Mutex<Option<(Instant, PolicyVersion, String)>>);

const JSON: &str = "application/json";
const PEM: &str = "application/x-pem-file";

/// Everything that a verdict depends on beside the artifact, with the verification policies in force.
#[utoipa::path(get, path = "/v1/trust.json", tag = "trust",
    responses(
        (status = 200, description = "The trust snapshot", body = String, content_type = "application/json"),
        (status = 503, description = "Not ready", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn json(service: Shared) -> Result<Response, Fault> {
    let version = service.gateway.governance()?.version;
    let mut last = service.trust.0.lock().await;
    if let Some((at, made_for, text)) = last.as_ref()
        && at.elapsed() < FRESH
        && *made_for == version
    {
        return Ok(document(JSON, text.clone()));
    }
    let text = trust_json(&service.gateway).await?;
    *last = Some((Instant::now(), version, text.clone()));
    drop(last);
    Ok(document(JSON, text))
}

/// Sigstore's `trusted_root.json`.
#[utoipa::path(get, path = "/v1/trusted_root.json", tag = "trust",
    responses(
        (status = 200, description = "TrustedRoot", body = String, content_type = "application/json"),
        (status = 503, description = "Not ready", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn trusted_root(service: Shared) -> Result<Response, Fault> {
    Ok(document(JSON, service.gateway.trust()?.trusted_root_json()))
}

/// The authorities' certificates for X.509 tools.
#[utoipa::path(get, path = "/v1/roots.pem", tag = "trust",
    responses(
        (status = 200, description = "Certificates", body = String, content_type = "application/x-pem-file"),
        (status = 503, description = "Not ready", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn roots(service: Shared) -> Result<Response, Fault> {
    Ok(document(PEM, service.gateway.trust()?.roots_pem()))
}

fn document(media: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}
