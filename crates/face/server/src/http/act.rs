//! Acts: what people do with their own signatures. Nobody is asked who they are; the signatures say it.

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use chancery_api::act::{ActDone, Exception, Exceptions, Freeze, Freezes, SignedAct};
use chancery_api::problem::Problem;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_gateway::act;
use chancery_policy::act::document::{self, Waive};

use super::Shared;
use crate::body;
use crate::fault::Fault;

/// Does an act: freeze, unfreeze, exception, review.
#[utoipa::path(post, path = "/v1/acts", tag = "act", request_body = SignedAct,
    responses(
        (status = 201, description = "Done and logged", body = ActDone),
        (status = 403, description = "Not by those who signed, or not now", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn post(service: Shared, request: Request) -> Result<(StatusCode, Json<ActDone>), Fault> {
    let wire: SignedAct = body::receive(&service, request, "application/json").await?.json()?;
    let signed = document::SignedAct::new(wire.document, wire.signatures)
        .map_err(|error| Refusal::new(RefusalCode::ActRefused, format!("{} {error}", error.code())))?;
    let done = act::perform(&service.gateway, &signed).await?;
    Ok((StatusCode::CREATED, Json(ActDone { act: done.act, index: done.index })))
}

/// Shows what is stopped now or will be.
#[utoipa::path(get, path = "/v1/freezes", tag = "act", responses((status = 200, description = "The stops", body = Freezes)))]
pub(crate) async fn freezes(service: Shared) -> Json<Freezes> {
    let (book, now) = (service.gateway.book(), service.gateway.parts().clock.now());
    let in_force = book.freezes().iter().filter(|(_, freeze)| freeze.until.is_none_or(|until| now < until));
    let shown = in_force.map(|(name, freeze)| Freeze {
        freeze: *name,
        scope: freeze.scope.clone(),
        from: freeze.from.map(|from| from.to_string()),
        until: freeze.until.map(|until| until.to_string()),
    });
    Json(Freezes { freezes: shown.collect() })
}

/// Shows exceptions that are in force or wait for their review.
#[utoipa::path(get, path = "/v1/exceptions", tag = "act", responses((status = 200, description = "The exceptions", body = Exceptions)))]
pub(crate) async fn exceptions(service: Shared) -> Json<Exceptions> {
    let book = service.gateway.book();
    let shown = book.exceptions().iter().map(|(name, open)| Exception {
        exception: *name,
        profile: open.profile.clone(),
        waives: open.waives.iter().map(|waive| word(*waive).to_owned()).collect(),
        until: open.until.to_string(),
        count: open.count,
        used: open.used,
        review: open.review.to_string(),
        emergency: open.emergency,
        reviewed: open.reviewed.map(|reviewed| reviewed.to_string()),
    });
    Json(Exceptions { exceptions: shown.collect() })
}

const fn word(waive: Waive) -> &'static str {
    match waive {
        Waive::Approvals => "approvals",
        Waive::Hold => "hold",
        Waive::Limits => "limits",
    }
}
