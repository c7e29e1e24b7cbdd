//! Fulcio: `POST /api/v2/signingCert` and what clients read beside it.
//!
//! ```json
//! {"credentials":{"oidcIdentityToken":"eyJ…"},
//!  "publicKeyRequest":{"publicKey":{"algorithm":"ECDSA","content":"-----BEGIN PUBLIC KEY-----…"},"proofOfPossession":"MEQC…"}}
//! {"certificateSigningRequest":"<base64 of PEM>"}                            with `Authorization: Bearer`
//! {"signedCertificateEmbeddedSct":{"chain":{"certificates":["<leaf, PEM>","<issuing>","<root>"]}}}
//! ```

use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_core::statement::Statement;
use chancery_format::fulcio::statement as wish;
use chancery_gateway::facade::certificate::{Wanted, certificate};
use chancery_identity::audience::SIGSTORE;
use chancery_identity::issuer::AudienceMode;
use chancery_policy::profile::Profile;
use chancery_x509::certificate::Certificate;
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

use super::{bytes, json, on, receive};
use crate::bearer;
use crate::fault::Fault;
use crate::http::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    credentials: Option<Credentials>,
    public_key_request: Option<PublicKeyRequest>,
    certificate_signing_request: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    oidc_identity_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequest {
    public_key: PublicKey,
    proof_of_possession: String,
}

#[derive(Debug, Deserialize)]
struct PublicKey {
    content: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SigningCertificate {
    signed_certificate_embedded_sct: Certificates,
}

#[derive(Debug, Serialize)]
struct Certificates {
    chain: Chain,
}

#[derive(Debug, Serialize)]
struct Chain {
    certificates: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TrustBundle {
    chains: [Chain; 1],
}

#[derive(Debug, Serialize)]
struct Configuration {
    issuers: Vec<Issuer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Issuer {
    issuer_url: String,
    audience: &'static str,
    challenge_claim: &'static str,
}

/// Issues a certificate over the client's key, as policy decides: Fulcio's own protocol.
#[utoipa::path(post, path = "/api/v2/signingCert", tag = "sigstore", security(("token" = [])),
    request_body(content = String, content_type = "application/json", description = "Fulcio's CreateSigningCertificateRequest: a public key with proof of possession, or a certificate request"),
    responses(
        (status = 200, description = "Fulcio's SigningCertificate: leaf with embedded SCT, issuing CA, root", body = String, content_type = "application/json"),
        (status = 400, description = "Not such a request", body = Problem, content_type = "application/json"),
        (status = 401, description = "Not authenticated", body = Problem, content_type = "application/json"),
        (status = 403, description = "Refused by policy", body = Problem, content_type = "application/json"),
        (status = 404, description = "No profile has `[facade]`", body = Problem, content_type = "application/json"),
        (status = 422, description = "No proof that the key is held", body = Problem, content_type = "application/json"),
        (status = 429, description = "A limit is spent", body = Problem, content_type = "application/json"),
    ))]
pub(crate) async fn post(service: Shared, request: Request) -> Result<Response, Fault> {
    on(&service)?;
    let header = bearer::token(request.headers())?.map(str::to_owned);
    let received = receive(&service, request).await?;
    let wire: Wire = received.json()?;
    let named = wire.credentials.as_ref().and_then(|credentials| credentials.oidc_identity_token.clone());
    let token = one_token(header, named)?;
    let statement = statement(wire)?;
    let gateway = Arc::clone(&service.gateway);
    // A client that goes away must not leave an intent half done.
    let work = async move { certificate(&gateway, Wanted { token, statement }).await };
    let issued = tokio::spawn(work.in_current_span()).await;
    let leaf = issued.map_err(|error| Fault::internal(&format!("issuing task: {error}")))??;
    let mut certificates = vec![leaf];
    certificates.extend(authorities(&service)?);
    let chain = Chain { certificates };
    json(StatusCode::OK, &SigningCertificate { signed_certificate_embedded_sct: Certificates { chain } })
}

/// Tokens come in the header or in the body. Two that differ would be two callers.
fn one_token(header: Option<String>, named: Option<String>) -> Result<Option<String>, Fault> {
    match (header, named.filter(|token| !token.is_empty())) {
        (Some(header), Some(named)) if header != named => {
            Err(Fault::new(Code::Malformed, "the tokens in header and body differ"))
        }
        (header, named) => Ok(named.or(header)),
    }
}

fn statement(wire: Wire) -> Result<Statement, Fault> {
    let malformed = |what: &str| Fault::new(Code::Malformed, what);
    match (wire.public_key_request, wire.certificate_signing_request) {
        (Some(wished), None) => {
            let key = der("PUBLIC KEY", wished.public_key.content.as_bytes())
                .ok_or_else(|| malformed("`publicKey.content` is not one public key in PEM"))?;
            let proof = bytes("proofOfPossession", &wished.proof_of_possession)?;
            Ok(wish::of_key(&key, &proof))
        }
        (None, Some(request)) => {
            let pem = bytes("certificateSigningRequest", &request)?;
            let der = der("CERTIFICATE REQUEST", &pem).ok_or_else(|| {
                malformed("`certificateSigningRequest` is not one certificate request in PEM")
            })?;
            wish::of_request(&der).map_err(|error| {
                Fault::new(Code::Malformed, "the certificate request proves nothing")
                    .because(error.to_string(), "")
            })
        }
        (None, None) | (Some(_), Some(_)) => {
            Err(malformed("expected one of `publicKeyRequest` and `certificateSigningRequest`"))
        }
    }
}

/// The one PEM block with this label, and nothing beside it.
fn der(label: &str, pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?.trim();
    let inner = text.strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let inner = inner.strip_suffix(&format!("-----END {label}-----"))?;
    let body: String = inner.split_ascii_whitespace().collect();
    bytes("pem", &body).ok()
}

/// Issuing CA and root, PEM.
fn authorities(service: &Shared) -> Result<[String; 2], Fault> {
    let trust = service.gateway.trust()?;
    let issuing = trust.issuing_at(service.gateway.parts().clock.now())?;
    Ok([&issuing.value, trust.lineage.root()].map(Certificate::to_pem))
}

/// The authorities behind these certificates: Fulcio's own protocol.
#[utoipa::path(get, path = "/api/v2/trustBundle", tag = "sigstore",
    responses(
        (status = 200, description = "Fulcio's TrustBundle", body = String, content_type = "application/json"),
        (status = 404, description = "No profile has `[facade]`", body = Problem, content_type = "application/json"),
    ))]
pub(crate) async fn trust_bundle(service: Shared) -> Result<Response, Fault> {
    on(&service)?;
    let chain = Chain { certificates: authorities(&service)?.to_vec() };
    json(StatusCode::OK, &TrustBundle { chains: [chain] })
}

/// Whose tokens are taken: Fulcio's own protocol.
#[utoipa::path(get, path = "/api/v2/configuration", tag = "sigstore",
    responses(
        (status = 200, description = "Fulcio's Configuration", body = String, content_type = "application/json"),
        (status = 404, description = "No profile has `[facade]`", body = Problem, content_type = "application/json"),
    ))]
pub(crate) async fn configuration(service: Shared) -> Result<Response, Fault> {
    on(&service)?;
    let governance = service.gateway.governance()?;
    let takes = |profile: &&Profile| profile.facade().is_some();
    let named: std::collections::BTreeSet<_> = governance
        .policy
        .profiles()
        .filter(takes)
        .flat_map(|profile| profile.grants().iter().map(|grant| grant.issuer().clone()))
        .collect();
    let issuers = named.iter().filter_map(|name| governance.issuers.named(name));
    let issuers = issuers.filter(|issuer| issuer.audiences().contains(&AudienceMode::Sigstore));
    let issuers = issuers.map(|issuer| Issuer {
        issuer_url: issuer.url().as_str().to_owned(),
        audience: SIGSTORE,
        challenge_claim: "sub",
    });
    json(StatusCode::OK, &Configuration { issuers: issuers.collect() })
}
