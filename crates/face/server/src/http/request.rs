//! `GET /v1/requests/{id}`: how far a request is, as the ledger tells it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_api::request::{RequestState, StatementStanding, StatementState};
use chancery_core::id::{RequestId, StatementId};
use chancery_core::port::ledger_reader::Query;
use chancery_gateway::failure::Failure;
use chancery_ledger::event::{Body, Event};

use super::Shared;
use crate::fault::Fault;

/// Leaves that are looked at, newest first.
const MOST: u32 = 1000;

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
    Ok(Json(RequestState { request_id: id, state: whole(&known), statements: listed(known) }))
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
        | Body::Exception(_)
        | Body::Freeze(_)
        | Body::IssuerKeys(_)
        | Body::Key(_)
        | Body::Pending(_)
        | Body::Policy(_)
        | Body::Reanchor(_)
        | Body::Review(_)
        | Body::Root(_)
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
            StatementState::Unknown => None,
        };
        StatementStanding { statement, state, index }
    };
    known.into_iter().map(standing).collect()
}
