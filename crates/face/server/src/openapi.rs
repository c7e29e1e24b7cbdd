//! The OpenAPI document, made from handlers and wire types; `openapi/chancery-v1.json` is its golden copy.

use std::sync::OnceLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use chancery_api::rehearsal::Rehearsal;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::facade::{fulcio, rekor};
use crate::http::{
    act, admin, audience, dev, health, key, ledger, policy, profile, request, session, sign, tile, timestamp,
    trust, tuf, webhook, whoami,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Chancery", description = "Code signing for pipelines. Paths under /admin answer on the operator's Unix socket only; paths under /dev only in development, only on this machine.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    paths(
        act::post, act::freezes, act::exceptions, sign::post, session::post, request::get, request::list, request::say, request::cancel, whoami::get, audience::get, profile::get, key::list, key::get, policy::get,
        trust::json, trust::trusted_root, trust::roots, trust::instances, tuf::get, ledger::entry, ledger::search, timestamp::post,
        tile::checkpoint, tile::get,
        fulcio::post, fulcio::trust_bundle, fulcio::configuration, rekor::post, rekor::checkpoint, rekor::tile, health::live, health::ready, health::metrics, get,
        dev::actions_token, dev::token, dev::discovery, dev::jwks,
        admin::key_create, admin::key_disable, admin::key_certify, admin::successor_make, admin::policy_show, admin::policy_apply, admin::health,
        webhook::list, webhook::test, webhook::dead, webhook::redeliver,
    ),
    components(schemas(Rehearsal)),
    modifiers(&Tokens),
)]
struct Document;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(
            Some("An OIDC token of a registered issuer, audience `chancery:<host>:sha256:<request id>`"),
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

/// The document, pretty-printed JSON with a newline at its end.
#[must_use]
pub fn document() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut document = Document::openapi();
        // The version of the API, not of the program: it changes when a client has to.
        document.info.version = "1".to_owned();
        let text = serde_json::to_string_pretty(&document).unwrap_or_default();
        format!("{text}\n")
    })
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "health",
    responses((status = 200, description = "OpenAPI 3.1", body = String, content_type = "application/json")))]
pub(crate) async fn get() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document()).into_response()
}
