//! The public trust material. Whoever fetches it here vouches for where it came from.

use std::time::Duration;

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chancery_api::problem::Problem;
use chancery_api::trust::{Named, TrustInForce};
use chancery_core::digest::Sha256;
use chancery_core::id::PolicyVersion;
use chancery_core::instance::InstanceKind;
use chancery_gateway::trust::trust_json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Shared;
use crate::fault::Fault;

/// `trust.json` is signed by the keyguard; it is made anew at most this often, and whenever policy or list change.
const FRESH: Duration = Duration::from_secs(60);

/// What `trust.json` was made for: the policy, and the list that people signed.
type Made = (PolicyVersion, Option<Sha256>);

/// The last `trust.json`, with its moment.
#[derive(Debug, Default)]
pub(crate) struct LastTrust(Mutex<Option<(Instant, Made, String)>>);

const JSON: &str = "application/json";
const PEM: &str = "application/x-pem-file";

/// Everything that a verdict depends on beside the artifact, with the verification policies in force.
#[utoipa::path(get, path = "/v1/trust.json", tag = "trust",
    responses(
        (status = 200, description = "The trust snapshot", body = String, content_type = "application/json"),
        (status = 503, description = "Not ready", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn json(service: Shared) -> Result<Response, Fault> {
    let listed = service.gateway.trust()?.authorities.listed.as_ref().map(|listed| listed.act);
    let version = (service.gateway.governance()?.version, listed);
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

/// Whom verifiers are told to believe, as the root's people signed it, and what was made to take over.
#[utoipa::path(get, path = "/v1/trust/instances", tag = "trust",
    responses(
        (status = 200, description = "The list in force", body = TrustInForce),
        (status = 503, description = "Not ready", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn instances(service: Shared) -> Result<Json<TrustInForce>, Fault> {
    let trust = service.gateway.trust()?;
    let remote = trust.lineage.unlisted_stampers().into_iter().map(|id| (InstanceKind::Tsa, id));
    let waiting = trust.lineage.waiting().into_iter().chain(remote).map(|(kind, id)| Named { kind, id });
    let used = trust.lineage.used_at(service.gateway.parts().clock.now()).into_iter();
    let used = used.map(|(kind, id)| Named { kind, id }).collect();
    let act = trust.authorities.listed.as_ref().map(|listed| listed.act);
    Ok(Json(TrustInForce { list: trust.lineage.list().clone(), act, used, waiting: waiting.collect() }))
}

fn document(media: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}
