//! The development issuer, for callers on this machine only. The routes exist only where a development issuer does.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, Request};
use axum::http::HeaderMap;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chancery_api::code::Code;
use chancery_api::dev::{DevToken, DevTokenWish, RunnerToken};
use chancery_api::problem::Problem;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_identity::dev_issuer;
use serde_json::{Map, Value, json};

use super::Shared;
use crate::connection::Peer;
use crate::dev_issuer::DevIssuer;
use crate::fault::Fault;
use crate::service::Service;
use crate::{bearer, body, query};

/// Everything that a token's wish may say, and `dev`, which lets clients append `&audience=…` to a URL.
const NAMES: [&str; 17] = [
    "dev",
    "audience",
    "repository",
    "repository_id",
    "repository_owner_id",
    "ref",
    "sha",
    "workflow",
    "event",
    "environment",
    "runner_environment",
    "actor",
    "actor_id",
    "run_id",
    "run_attempt",
    "lifetime",
    "iat_offset",
];
const NUMBERS: [&str; 4] = ["run_id", "run_attempt", "lifetime", "iat_offset"];

/// Refuses every peer that is not this machine, whatever the listener's address is.
pub(crate) async fn local_only(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    if is_local(peer) {
        return next.run(request).await;
    }
    Fault::new(Code::NotLocal, "the development issuer answers only callers on this machine").into_response()
}

fn is_local(peer: Option<IpAddr>) -> bool {
    peer.is_some_and(|ip| ip.to_canonical().is_loopback())
}

/// A token in the shape of GitHub's runner: `ACTIONS_ID_TOKEN_REQUEST_URL` points here.
#[utoipa::path(get, path = "/dev/actions/token", tag = "dev", params(DevTokenWish), security(("token" = [])),
    responses(
        (status = 200, description = "The token", body = RunnerToken),
        (status = 401, description = "Not the runner's credential", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn actions_token(
    service: Shared,
    headers: HeaderMap,
    RawQuery(text): RawQuery,
) -> Result<Response, Fault> {
    let issuer = issuer(&service)?;
    if !bearer::token(&headers)?.is_some_and(|token| issuer.knows(token)) {
        let refusal = Refusal::new(RefusalCode::TokenInvalid, "not the development runner's credential");
        return Err(refusal.hint("use ACTIONS_ID_TOKEN_REQUEST_TOKEN of client.env").into());
    }
    let wish = wish(text.as_deref())?;
    Ok(secret(RunnerToken { value: mint(&service, issuer, wish)? }))
}

/// A token that says what the body wishes.
#[utoipa::path(post, path = "/dev/token", tag = "dev", request_body = DevTokenWish,
    responses((status = 200, description = "The token", body = DevToken)))]
pub(crate) async fn token(service: Shared, request: Request) -> Result<Response, Fault> {
    let issuer = issuer(&service)?;
    // A page in a browser on this machine cannot send this media type without asking first, and nobody answers it.
    let wish = body::receive(&service, request, "application/json").await?.json()?;
    Ok(secret(DevToken { token: mint(&service, issuer, wish)? }))
}

/// OpenID Connect discovery of the development issuer.
#[utoipa::path(get, path = "/dev/.well-known/openid-configuration", tag = "dev",
    responses((status = 200, description = "Discovery document", body = String, content_type = "application/json")))]
pub(crate) async fn discovery(service: Shared) -> Result<Json<Value>, Fault> {
    let url = &issuer(&service)?.url;
    Ok(Json(json!({
        "issuer": url,
        "jwks_uri": format!("{url}/jwks"),
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
    })))
}

/// The development issuer's key.
#[utoipa::path(get, path = "/dev/jwks", tag = "dev",
    responses((status = 200, description = "JWK set", body = String, content_type = "application/json")))]
pub(crate) async fn jwks(service: Shared) -> Result<Response, Fault> {
    let text = issuer(&service)?.key.jwks();
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

fn issuer(service: &Arc<Service>) -> Result<&DevIssuer, Fault> {
    service.dev.as_ref().ok_or_else(|| Fault::new(Code::Unknown, "this is no development service"))
}

fn mint(service: &Shared, issuer: &DevIssuer, wish: DevTokenWish) -> Result<String, Fault> {
    let now = service.gateway.parts().clock.now();
    let minted = issuer.key.mint(&issuer.url, &completed(wish), now);
    minted.map_err(|error| Fault::internal(&format!("development token: {error}")))
}

fn completed(wish: DevTokenWish) -> dev_issuer::DevToken {
    let usual = dev_issuer::DevToken::default();
    dev_issuer::DevToken {
        audience: wish.audience.unwrap_or(usual.audience),
        repository: wish.repository.unwrap_or(usual.repository),
        repository_id: wish.repository_id.unwrap_or(usual.repository_id),
        repository_owner_id: wish.repository_owner_id.unwrap_or(usual.repository_owner_id),
        git_ref: wish.git_ref.unwrap_or(usual.git_ref),
        sha: wish.sha.unwrap_or(usual.sha),
        workflow: wish.workflow.unwrap_or(usual.workflow),
        event: wish.event.unwrap_or(usual.event),
        environment: wish.environment.or(usual.environment),
        runner_environment: wish.runner_environment.unwrap_or(usual.runner_environment),
        actor: wish.actor.unwrap_or(usual.actor),
        actor_id: wish.actor_id.unwrap_or(usual.actor_id),
        run_id: wish.run_id.unwrap_or(usual.run_id),
        run_attempt: wish.run_attempt.unwrap_or(usual.run_attempt),
        lifetime: wish.lifetime.unwrap_or(usual.lifetime),
        iat_offset: wish.iat_offset.unwrap_or(usual.iat_offset),
    }
}

fn wish(text: Option<&str>) -> Result<DevTokenWish, Fault> {
    let mut members = Map::new();
    for (name, value) in query::read(text, &NAMES)? {
        if name == "dev" {
            continue;
        }
        let number = value.parse::<i64>().ok().filter(|_| NUMBERS.contains(&name.as_str()));
        members.insert(name, number.map_or(Value::String(value), Value::from));
    }
    serde_json::from_value(Value::Object(members)).map_err(|error| {
        Fault::new(Code::Malformed, "the query is no wish for a token").because(error.to_string(), "")
    })
}

fn secret(body: impl serde::Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_wishes_and_knows_this_machine() {
        let read =
            wish(Some("dev=1&audience=chancery%3Adev.localhost&ref=refs/heads/x&run_id=7&lifetime=-1"))
                .unwrap();
        assert_eq!(read.audience.as_deref(), Some("chancery:dev.localhost"));
        assert_eq!(
            (read.git_ref.as_deref(), read.run_id, read.lifetime),
            (Some("refs/heads/x"), Some(7), Some(-1))
        );
        for bad in ["run_id=x", "run_id=-1", "other=1", "ref=a&ref=b"] {
            assert!(wish(Some(bad)).is_err(), "{bad}");
        }
        for (ip, expected) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("0.0.0.0", false),
        ] {
            assert_eq!(is_local(ip.parse().ok()), expected, "{ip}");
        }
        assert!(!is_local(None));
    }
}
