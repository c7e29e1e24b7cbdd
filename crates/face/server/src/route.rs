//! The table of routes: what answers where. The routers are made from it, tests and the OpenAPI document are compared
//! with it, and nothing answers that is not in it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use chancery_api::code::Code;

use crate::exchange;
use crate::facade::{fulcio, rekor};
use crate::fault::Fault;
use crate::http::{
    act, admin, audience, dev, health, key, ledger, policy, profile, request, session, sign, tile, timestamp,
    trust, tuf, webhook, whoami,
};
use crate::openapi;
use crate::service::Service;

/// At which door a route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// On the operator's socket.
    Admin,
    /// On TCP, only in development, only for this machine.
    Dev,
    /// On TCP, for Sigstore clients, where a profile has `[facade]`: else 404. Tokens and certificates are in what they send.
    Facade,
    /// On TCP, for everyone: nothing secret is said, nothing is changed.
    Public,
    /// On TCP, for people: what they send carries their own signatures.
    Signed,
    /// On TCP, for callers with a token.
    Token,
}

/// A route's place in the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// Who is answered.
    pub access: Access,
}

/// Which route answered; in the extensions of every answer of a route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matched(pub(crate) &'static str);

type Handler = MethodRouter<Arc<Service>>;

const fn route(method: &'static str, path: &'static str, access: Access) -> Route {
    Route { method, path, access }
}

/// Every route.
#[must_use]
pub fn routes() -> Vec<Route> {
    [public_routes(), dev_routes(), admin_routes()].into_iter().flatten().map(|(route, _)| route).collect()
}

fn public_routes() -> Vec<(Route, Handler)> {
    use Access::{Facade, Public, Signed, Token};
    vec![
        (route("POST", "/v1/sign", Token), post(sign::post)),
        (route("POST", "/v1/sessions", Token), post(session::post)),
        (route("GET", "/v1/whoami", Token), get(whoami::get)),
        (route("GET", "/v1/requests", Public), get(request::list)),
        (route("GET", "/v1/requests/{id}", Public), get(request::get)),
        (route("POST", "/v1/requests/{id}/approvals", Signed), post(request::say)),
        (route("POST", "/v1/requests/{id}/cancel", Token), post(request::cancel)),
        (route("POST", "/v1/acts", Signed), post(act::post)),
        (route("GET", "/v1/freezes", Public), get(act::freezes)),
        (route("GET", "/v1/exceptions", Public), get(act::exceptions)),
        (route("GET", "/v1/audience", Public), get(audience::get)),
        (route("GET", "/v1/profiles/{name}", Public), get(profile::get)),
        (route("GET", "/v1/keys", Public), get(key::list)),
        (route("GET", "/v1/keys/{id}", Public), get(key::get)),
        (route("GET", "/v1/policy", Public), get(policy::get)),
        (route("GET", "/v1/trust.json", Public), get(trust::json)),
        (route("GET", "/v1/trusted_root.json", Public), get(trust::trusted_root)),
        (route("GET", "/v1/trust/instances", Public), get(trust::instances)),
        (route("GET", "/tuf/{*path}", Public), get(tuf::get)),
        (route("GET", "/v1/roots.pem", Public), get(trust::roots)),
        (route("GET", "/v1/ledger/entries/{index}", Public), get(ledger::entry)),
        (route("GET", "/v1/ledger/search", Public), get(ledger::search)),
        (route("POST", "/v1/timestamp", Public), post(timestamp::post)),
        (route("GET", "/ledger/checkpoint", Public), get(tile::checkpoint)),
        (route("GET", "/ledger/tile/{*path}", Public), get(tile::get)),
        (route("POST", "/api/v2/signingCert", Facade), post(fulcio::post)),
        (route("GET", "/api/v2/trustBundle", Facade), get(fulcio::trust_bundle)),
        (route("GET", "/api/v2/configuration", Facade), get(fulcio::configuration)),
        (route("POST", "/api/v2/log/entries", Facade), post(rekor::post)),
        (route("GET", "/api/v2/checkpoint", Facade), get(rekor::checkpoint)),
        (route("GET", "/api/v2/tile/{*path}", Facade), get(rekor::tile)),
        (route("GET", "/livez", Public), get(health::live)),
        (route("GET", "/readyz", Public), get(health::ready)),
        (route("GET", "/metrics", Public), get(health::metrics)),
        (route("GET", "/openapi.json", Public), get(openapi::get)),
    ]
}

fn dev_routes() -> Vec<(Route, Handler)> {
    use Access::Dev;
    vec![
        (route("GET", "/dev/actions/token", Dev), get(dev::actions_token)),
        (route("POST", "/dev/token", Dev), post(dev::token)),
        (route("GET", "/dev/.well-known/openid-configuration", Dev), get(dev::discovery)),
        (route("GET", "/dev/jwks", Dev), get(dev::jwks)),
    ]
}

fn admin_routes() -> Vec<(Route, Handler)> {
    use Access::Admin;
    vec![
        (route("POST", "/admin/keys", Admin), post(admin::key_create)),
        (route("POST", "/admin/keys/{id}/disable", Admin), post(admin::key_disable)),
        (route("POST", "/admin/keys/{id}/certificate", Admin), post(admin::key_certify)),
        (route("POST", "/admin/successors/{kind}", Admin), post(admin::successor_make)),
        (route("GET", "/admin/policy", Admin), get(admin::policy_show)),
        (route("POST", "/admin/policy", Admin), post(admin::policy_apply)),
        (route("GET", "/admin/health", Admin), get(admin::health)),
        (route("GET", "/admin/webhooks", Admin), get(webhook::list)),
        (route("POST", "/admin/webhooks/{name}/test", Admin), post(webhook::test)),
        (route("GET", "/admin/webhooks/{name}/dead", Admin), get(webhook::dead)),
        (route("POST", "/admin/webhooks/{name}/redeliver", Admin), post(webhook::redeliver)),
    ]
}

/// The router of the door on TCP.
pub(crate) fn public(service: &Arc<Service>) -> Router {
    let mut routes = public_routes();
    if service.dev.is_some() {
        let local = dev_routes().into_iter();
        routes.extend(
            local.map(|(route, handler)| (route, handler.layer(middleware::from_fn(dev::local_only)))),
        );
    }
    router(service, routes)
}

/// The router of the operator's door.
pub(crate) fn admin(service: &Arc<Service>) -> Router {
    router(service, admin_routes())
}

fn router(service: &Arc<Service>, routes: Vec<(Route, Handler)>) -> Router {
    let add = |router: Router<Arc<Service>>, (at, handler): (Route, Handler)| {
        router.route(at.path, handler.layer(middleware::map_response_with_state(Matched(at.path), mark)))
    };
    routes
        .into_iter()
        .fold(Router::new(), add)
        .fallback(|| async { Fault::new(Code::Unknown, "nothing answers at this path") })
        .method_not_allowed_fallback(|| async { Fault::new(Code::Method, Code::Method.meaning()) })
        .layer(middleware::from_fn_with_state(Arc::clone(service), exchange::surround))
        .with_state(Arc::clone(service))
}

async fn mark(State(matched): State<Matched>, mut response: Response) -> Response {
    response.extensions_mut().insert(matched);
    response
}
