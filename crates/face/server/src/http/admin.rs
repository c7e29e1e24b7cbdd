//! The operator's door. On a Unix socket only: who may open the file may do this. Every act is in the ledger before it
//! is answered; nothing here signs, and no private key has a way out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use chancery_api::admin::{CertificateChain, CertificateWish, KeyWish};
use chancery_api::code::Code;
use chancery_api::health::{Health, ReportLine};
use chancery_api::key::Key;
use chancery_api::policy::{PolicyInForce, SignedPolicy};
use chancery_api::problem::Problem;
use chancery_api::trust::Named;
use chancery_core::id::KeyId;
use chancery_core::instance::InstanceKind;
use chancery_core::message::CertificateIssue;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_gateway::failure::Failure;
use chancery_gateway::governance::{self, Rules};
use chancery_gateway::{keys, successor};
use chancery_policy::documents::Documents;
use chancery_policy::governance::signed::SignatureSet;
use chancery_x509::certificate::write_pem;

use super::{Shared, health, policy};
use crate::body;
use crate::fault::Fault;
use crate::heavy;

const JSON: &str = "application/json";

/// Makes a key.
#[utoipa::path(post, path = "/admin/keys", tag = "admin", request_body = KeyWish,
    responses(
        (status = 201, description = "Made and logged", body = Key),
        (status = 403, description = "It exists, or may not be like this", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn key_create(service: Shared, request: Request) -> Result<(StatusCode, Json<Key>), Fault> {
    let wish: KeyWish = body::receive(&service, request, JSON).await?.json()?;
    if service.gateway.key(&wish.id).is_some() {
        let refusal = Refusal::new(RefusalCode::KeyUnusable, format!("key `{}` exists already", wish.id));
        return Err(refusal.hint("choose another name; names are never used again").into());
    }
    if !wish.family.is_for_artifacts() {
        return Err(own(&wish.id).into());
    }
    let made = keys::create(&service.gateway, wish.into()).await?;
    tracing::info!(key = %made.id, "key made");
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Stops a key. What it signed stays valid.
#[utoipa::path(post, path = "/admin/keys/{id}/disable", tag = "admin", params(("id" = String, Path)),
    responses(
        (status = 200, description = "Stopped and logged", body = Key),
        (status = 404, description = "No such key", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn key_disable(service: Shared, Path(id): Path<String>) -> Result<Json<Key>, Fault> {
    let id = known(&service, &id)?;
    let stopped = keys::disable(&service.gateway, id).await?;
    tracing::warn!(key = %stopped.id, "key stopped");
    Ok(Json(stopped.into()))
}

/// Makes what takes over from an instance, unless it was made already. No verifier believes it before it is listed.
#[utoipa::path(post, path = "/admin/successors/{kind}", tag = "admin", params(("kind" = String, Path, description = "`ca`, `ct` or `tsa`")),
    responses(
        (status = 201, description = "Made and logged", body = Named),
        (status = 403, description = "This kind has no successors", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such kind", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn successor_make(
    service: Shared,
    Path(kind): Path<String>,
) -> Result<(StatusCode, Json<Named>), Fault> {
    let unknown = || Fault::new(Code::Unknown, "no kind of instance has this name");
    let kind = InstanceKind::from_name(&kind).ok_or_else(unknown)?;
    let id = successor::make(&service.gateway, kind).await?;
    tracing::warn!(kind = kind.name(), %id, "successor made");
    Ok((StatusCode::CREATED, Json(Named { kind, id })))
}

/// Issues a long-lived code-signing certificate for a key of family `cms` or `notary`.
#[utoipa::path(post, path = "/admin/keys/{id}/certificate", tag = "admin", params(("id" = String, Path)),
    request_body = CertificateWish,
    responses(
        (status = 201, description = "Issued and logged", body = CertificateChain),
        (status = 403, description = "Not for this key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such key", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn key_certify(
    service: Shared,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<CertificateChain>), Fault> {
    let key = known(&service, &id)?;
    let wish: CertificateWish = body::receive(&service, request, JSON).await?.json()?;
    let mut serial = service.gateway.parts().entropy.sixteen().to_vec();
    if let Some(first) = serial.first_mut() {
        // RFC 5280 §4.1.2.2: positive, and of one length.
        *first = (*first & 0x3f) | 0x40;
    }
    let CertificateWish { common_name, country, state, crl, days } = wish;
    let issue = CertificateIssue { key, common_name, country, state, crl, days, serial };
    let chain = keys::certify(&service.gateway, issue).await?;
    let pem = chain.iter().map(|der| write_pem("CERTIFICATE", &der.0)).collect();
    Ok((StatusCode::CREATED, Json(CertificateChain { pem })))
}

/// Shows the governance in force with its signatures.
#[utoipa::path(get, path = "/admin/policy", tag = "admin",
    responses((status = 200, description = "Documents and signatures", body = SignedPolicy)))]
pub(crate) async fn policy_show(service: Shared) -> Result<Json<SignedPolicy>, Fault> {
    let current = service.gateway.parts().state.policy_current().await.map_err(Failure::from)?;
    let current = current.ok_or_else(|| Fault::new(Code::Unknown, "no policy is in force"))?;
    Ok(Json(SignedPolicy { documents: current.documents, signatures: current.signatures }))
}

/// Takes governance documents into force that enough people of the root signed: kept, logged, given to the keyguard,
/// used. Opening this door is no authority; the signatures are.
#[utoipa::path(post, path = "/admin/policy", tag = "admin", request_body = SignedPolicy,
    responses(
        (status = 200, description = "In force", body = PolicyInForce),
        (status = 422, description = "They hold errors, or signatures are wanting; nothing changed", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn policy_apply(service: Shared, request: Request) -> Result<Json<PolicyInForce>, Fault> {
    let received = body::receive(&service, request, JSON).await?;
    let gateway = Arc::clone(&service.gateway);
    let (documents, set) = heavy::compute(move || checked(received.json()?)).await??;
    heavy::drive(async move { governance::apply(&gateway, documents, set).await }).await??;
    let governance = service.gateway.governance()?;
    tracing::warn!(version = %governance.version, sequence = governance.sequence, "policy in force");
    Ok(Json(policy::in_force(&governance)))
}

/// What keyguard and gateway say of themselves.
#[utoipa::path(get, path = "/admin/health", tag = "admin", responses((status = 200, description = "The report", body = Health)))]
pub(crate) async fn health(service: Shared) -> Json<Health> {
    let mut report = health::report(&service.gateway).await;
    let own = health::keyguard(&service.gateway).await.unwrap_or_default();
    report.extend(own.into_iter().map(ReportLine::from));
    Json(Health::new(report))
}

/// A key for artifacts. The service's own keys are made once and never stopped from here: without them nothing can be
/// logged, not even that they were stopped.
fn known(service: &Shared, id: &str) -> Result<KeyId, Fault> {
    let key = KeyId::parse(id).ok().and_then(|id| service.gateway.key(&id));
    let key = key.ok_or_else(|| Fault::new(Code::Unknown, "no key of that name"))?;
    if key.family.is_for_artifacts() { Ok(key.id) } else { Err(own(&key.id).into()) }
}

fn own(id: &KeyId) -> Refusal {
    let what = format!("key `{id}` is of a family that only the service itself has");
    Refusal::new(RefusalCode::KeyUnusable, what).because("", "claimed-dsse, cms, message or provenance-dsse")
}

/// Loads the documents once before anything is changed, so that errors are the operator's to read.
fn checked(policy: SignedPolicy) -> Result<(Documents, SignatureSet), Fault> {
    let invalid = |error: &dyn std::fmt::Display| {
        Fault::new(Code::Governance, "the governance documents hold errors")
            .because(error.to_string(), "")
            .hint("chancery policy check DIR")
    };
    let documents = Documents::parse(&policy.documents).map_err(|error| invalid(&error))?;
    Rules::load(&documents).map_err(|error| invalid(&error))?;
    let set = SignatureSet::parse(&policy.signatures).map_err(|error| {
        Refusal::new(RefusalCode::PolicyUnsigned, error.to_string()).hint("chancery policy sign DIR")
    })?;
    Ok((documents, set))
}
