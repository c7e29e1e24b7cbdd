//! `GET /v1/requests/{id}`: how far a request is, as the ledger tells it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, StatusCode};
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_api::request::{
    Noted, Previous, RequestState, Said, StatementStanding, StatementState, Waiting, WaitingRequests,
};
use chancery_core::id::{RequestId, StatementId};
use chancery_core::port::ledger_reader::Query;
use chancery_gateway::approval;
use chancery_gateway::failure::Failure;
use chancery_ledger::act::Verdict;
use chancery_ledger::event::{Body, Event};

use super::Shared;
use crate::bearer;
use crate::body;
use crate::fault::Fault;

/// Leaves that are looked at, newest first.
const MOST: u32 = 1000;
/// Waiting requests that are listed.
const LISTED: u32 = 200;

/// Tells how far a request is. The search index runs a moment behind the ledger.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "sign", params(("id" = String, Path)),
    responses(
        (status = 200, description = "How far it is", body = RequestState),
        (status = 400, description = "Not the id of a request", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(service: Shared, Path(id): Path<String>) -> Result<Json<RequestState>, Fault> {
    let id = RequestId::parse(&id).map_err(|error| Fault::new(Code::Malformed, error.to_string()))?;
    let ledger = &service.gateway.parts().ledger;
    let indices = ledger.search(Query::Request(id.digest()), MOST).await.map_err(Failure::from)?;
    let mut known = BTreeMap::new();
    for index in indices {
        let leaf = ledger.leaf(index).await.map_err(Failure::from)?;
        if let Some((statement, state)) = leaf.as_deref().and_then(|leaf| standing(leaf, id)) {
            // Newest first: what is known already is newer.
            known.entry(statement).or_insert((state, index));
        }
    }
    let waiting = waiting(&service, id).await?;
    let state = match (whole(&known), waiting.first()) {
        (StatementState::Unknown, Some(first)) if first.cancelled => StatementState::Unknown,
        (StatementState::Unknown, Some(first)) if first.rejected.is_some() => StatementState::Rejected,
        (StatementState::Unknown, Some(_)) => StatementState::Pending,
        (state, _) => state,
    };
    Ok(Json(RequestState { request_id: id, state, statements: listed(known), waiting }))
}

async fn waiting(service: &Shared, id: RequestId) -> Result<Vec<Waiting>, Fault> {
    let gateway = &service.gateway;
    let governance = gateway.governance()?;
    let mut shown = Vec::new();
    for one in approval::of_request(gateway, id).await? {
        let profile = governance.policy.profile(&one.document.profile);
        let previous = approval::previous(gateway, &one.document).await?;
        shown.push(Waiting {
            approval: one.id(),
            approvals: one.count(),
            need: profile.map_or(0, |profile| profile.approvals().need),
            trace: one.trace.iter().cloned().map(Into::into).collect(),
            cancelled: one.cancelled,
            rejected: one.rejected.as_ref().map(|(_, reason)| reason.clone()),
            document: one.text,
            request: one.request,
            previous: previous.map(|(document, request)| Previous { document, request }),
        });
    }
    Ok(shown)
}

/// Lists the requests that wait now. What their artifacts are called is told to who knows a request's id.
#[utoipa::path(get, path = "/v1/requests", tag = "sign",
    responses((status = 200, description = "Their documents, newest first", body = WaitingRequests)))]
pub(crate) async fn list(service: Shared) -> Result<Json<WaitingRequests>, Fault> {
    let waiting = approval::waiting(&service.gateway, LISTED).await?;
    let documents = waiting.iter().filter_map(|document| document.canonical().ok()).collect();
    Ok(Json(WaitingRequests { documents }))
}

/// Takes an approval or a rejection. Nobody is asked who they are: the signature says it.
#[utoipa::path(post, path = "/v1/requests/{id}/approvals", tag = "sign", params(("id" = String, Path)), request_body = Said,
    responses(
        (status = 201, description = "Verified and logged", body = Noted),
        (status = 403, description = "It does not count", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn say(
    service: Shared,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Noted>), Fault> {
    let id = RequestId::parse(&id).map_err(|error| Fault::new(Code::Malformed, error.to_string()))?;
    let said: Said = body::receive(&service, request, "application/json").await?.json()?;
    let said = approval::Said { document: said.document, signature: said.signature };
    let noted = approval::say(&service.gateway, id, said).await?;
    Ok((StatusCode::CREATED, Json(told(noted))))
}

fn told(noted: approval::Noted) -> Noted {
    let verdict = match noted.verdict {
        Verdict::Approve => "approve",
        Verdict::Cancel => "cancel",
        Verdict::Reject => "reject",
    };
    let person = noted.person.map(|person| person.to_string());
    Noted { verdict: verdict.to_owned(), person, index: noted.index }
}

/// Takes a request back: a job like the one that asked, with a token for this very request.
#[utoipa::path(post, path = "/v1/requests/{id}/cancel", tag = "sign", params(("id" = String, Path)), security(("token" = [])),
    responses(
        (status = 201, description = "Taken back and logged", body = Noted),
        (status = 401, description = "Not authenticated", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "No request of this job waits", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn cancel(
    service: Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Noted>), Fault> {
    let id = RequestId::parse(&id).map_err(|error| Fault::new(Code::Malformed, error.to_string()))?;
    let noted = approval::cancel(&service.gateway, id, bearer::token(&headers)?).await?;
    Ok((StatusCode::CREATED, Json(told(noted))))
}

/// What one leaf says about a statement of the request. An abandoned or withdrawn one is as if it had never been.
fn standing(leaf: &str, request: RequestId) -> Option<(StatementId, StatementState)> {
    let event = Event::decode(leaf).ok()?;
    let (found, statement, state) = match event.body {
        Body::Abandoned(closed) | Body::Withdrawn(closed) => {
            (closed.request, closed.statement, StatementState::Unknown)
        }
        Body::Intent(intent) => (intent.request, intent.statement, StatementState::Open),
        Body::Result(outcome) => (outcome.request, outcome.statement, StatementState::Released),
        Body::Approval(_)
        | Body::Certificate(_)
        | Body::Denied(_)
        | Body::DeniedCount(_)
        | Body::Entry(_)
        | Body::Exception(_)
        | Body::Freeze(_)
        | Body::IssuerKeys(_)
        | Body::Key(_)
        | Body::Pending(_)
        | Body::Policy(_)
        | Body::Reanchor(_)
        | Body::Review(_)
        | Body::Root(_)
        | Body::Session(_)
        | Body::Trust(_)
        | Body::Unfreeze(_) => return None,
    };
    (found == request).then_some((statement, state))
}

fn whole(known: &BTreeMap<StatementId, (StatementState, u64)>) -> StatementState {
    let has = |wanted| known.values().any(|(state, _)| *state == wanted);
    if has(StatementState::Open) {
        StatementState::Open
    } else if has(StatementState::Unknown) || known.is_empty() {
        StatementState::Unknown
    } else {
        StatementState::Released
    }
}

fn listed(known: BTreeMap<StatementId, (StatementState, u64)>) -> Vec<StatementStanding> {
    let standing = |(statement, (state, index))| {
        let index = match state {
            StatementState::Open | StatementState::Released => Some(index),
            StatementState::Pending | StatementState::Rejected | StatementState::Unknown => None,
        };
        StatementStanding { statement, state, index }
    };
    known.into_iter().map(standing).collect()
}
