//! `POST /v1/sign`: the body is the canonical request itself, byte for byte as it is hashed, or a document that holds it
//! beside the attestations that it brings.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{RawQuery, Request as HttpRequest};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use chancery_api::ask::{self, Attested};
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_api::rehearsal::{self, Rehearsal, RehearsedStatement};
use chancery_api::signed::Signed;
use chancery_core::request::Request;
use chancery_core::warrant::ToBeSigned;
use chancery_gateway::attach;
use chancery_gateway::failure::Failure;
use chancery_gateway::rehearse::{Rehearsed, rehearse};
use chancery_gateway::sign::{Answer, Ask, sign};
use tracing::Instrument as _;

use super::signed::Places;
use super::{Shared, signed};
use crate::admission::Place;
use crate::body::{self, LARGE, Received};
use crate::fault::Fault;
use crate::service::Service;
use crate::{bearer, heavy, possession, query};

/// A request of more statements is worked on beside the runtime.
const FEW: usize = 4;

/// Signs everything in a request, or rehearses it.
#[utoipa::path(post, path = "/v1/sign", tag = "sign",
    params(("dry_run" = Option<bool>, Query, description = "Decide and show the bytes that would be signed; change nothing"),
        ("attach" = Option<bool>, Query, description = "Put signatures of images beside them in their registry")),
    request_body(content((String = "application/json"), (Attested = "application/vnd.chancery.ask+json")),
        description = "The canonical request (RFC 8785), `chancery.request/1`, alone or beside attestations"),
    security(("token" = [])),
    responses(
        (status = 200, description = "Signed, verified, logged; with `dry_run` a Rehearsal", body = Signed),
        (status = 202, description = "Waits for approvals", body = Problem, content_type = "application/problem+json"),
        (status = 400, description = "Not a canonical request", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not authenticated", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Refused by policy", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not what it claims to be", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "A limit is spent", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Try again later", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn post(
    service: Shared,
    Extension(place): Extension<Place>,
    RawQuery(query): RawQuery,
    request: HttpRequest,
) -> Result<Response, Fault> {
    let started = Instant::now();
    let flags = query::flags(query.as_deref(), ["dry_run", "attach"])?;
    let [is_rehearsal, attaches] = flags;
    let images = if attaches { Images::Attached } else { Images::Left };
    let token = bearer::token(request.headers())?.map(str::to_owned);
    let possession = possession::proof(request.headers())?;
    let media = media(&request);
    let received = body::receive(&service, request, media.name()).await?;
    let (request, attestations) = parse(received, media).await?;
    let ask = Ask { request, token, possession, attestations };
    if is_rehearsal {
        return rehearsed(Arc::clone(&service), ask).await;
    }
    let summary = Summary::of(&service, &ask.request);
    let (outcome, places) = detached(Arc::clone(&service), ask, place, images).await?;
    service.metrics.sign(&summary.profile, &summary.statements, result_of(&outcome));
    service.metrics.sign_took(started.elapsed());
    signed::respond(outcome?, places).await
}

/// What the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Media {
    /// The request alone.
    Request,
    /// The request beside attestations.
    Attested,
}

impl Media {
    const fn name(self) -> &'static str {
        match self {
            Self::Request => "application/json",
            Self::Attested => ask::MEDIA_TYPE,
        }
    }
}

fn media(request: &HttpRequest) -> Media {
    let named = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let named = named.and_then(|named| named.split(';').next()).unwrap_or_default();
    let is_attested = named.trim().eq_ignore_ascii_case(ask::MEDIA_TYPE);
    if is_attested { Media::Attested } else { Media::Request }
}

/// What becomes of signatures of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Images {
    /// They are put beside the images.
    Attached,
    /// They are answered, and that is all.
    Left,
}

/// What came of a request, and of its signatures in registries.
type Done = (Result<Answer, Failure>, Places);

/// A caller that goes away must not stop a signature half-way: the work goes on by itself and keeps its place.
async fn detached(service: Arc<Service>, ask: Ask, place: Place, images: Images) -> Result<Done, Fault> {
    let many = ask.request.statements().len() > FEW;
    let work = async move {
        let outcome = sign(&service.gateway, ask).await;
        let places = match &outcome {
            Ok(answer) if images == Images::Attached => {
                attach::attach(&service.gateway, &answer.results).await
            }
            Ok(_) | Err(_) => Ok(Places::new()),
        };
        drop(place);
        match places {
            Ok(places) => (outcome, places),
            Err(failure) => (Err(failure), Places::new()),
        }
    };
    if many {
        return heavy::drive(work).await;
    }
    let outcome = tokio::spawn(work.in_current_span()).await;
    outcome.map_err(|error| Fault::internal(&format!("signing task: {error}")))
}

async fn rehearsed(service: Arc<Service>, ask: Ask) -> Result<Response, Fault> {
    let work = async move {
        let rehearsed = rehearse(&service.gateway, &ask).await?;
        Ok::<_, Failure>(Json(rehearsal_of(&ask, rehearsed)).into_response())
    };
    Ok(heavy::drive(work).await??)
}

/// Large bodies are parsed beside the runtime.
async fn parse(received: Received, media: Media) -> Result<(Request, Vec<String>), Fault> {
    if received.bytes.len() < LARGE {
        parse_now(&received, media)
    } else {
        heavy::compute(move || parse_now(&received, media)).await?
    }
}

fn parse_now(received: &Received, media: Media) -> Result<(Request, Vec<String>), Fault> {
    match media {
        Media::Request => Ok((parse_request(received.text()?)?, Vec::new())),
        Media::Attested => {
            let Attested { schema, request, attestations } = received.json()?;
            if schema != ask::SCHEMA {
                let fault = Fault::new(Code::Malformed, "the body is of another schema");
                return Err(fault.because(schema, ask::SCHEMA));
            }
            Ok((parse_request(&request)?, attestations))
        }
    }
}

fn parse_request(text: &str) -> Result<Request, Fault> {
    Request::parse(text).map_err(|error| {
        let why = std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        Fault::new(Code::Malformed, "the body is not a canonical request")
            .because(why, "`chancery.request/1` as RFC 8785 writes it")
    })
}

/// What is counted of a request: a profile that exists (else nothing, so that names stay few), formats and depths.
struct Summary {
    profile: String,
    statements: Vec<(&'static str, &'static str)>,
}

impl Summary {
    fn of(service: &Service, request: &Request) -> Self {
        let governance = service.gateway.governance().ok();
        let is_known = governance.is_some_and(|now| now.policy.profile(request.profile()).is_some());
        let profile = if is_known { request.profile().to_string() } else { String::new() };
        let statements =
            request.statements().iter().map(|(_, s)| (s.format.name(), s.depth.name())).collect();
        Self { profile, statements }
    }
}

const fn result_of(outcome: &Result<Answer, Failure>) -> &'static str {
    match outcome {
        Ok(_) => "signed",
        Err(Failure::Internal(_)) => "failed",
        Err(Failure::Pending { .. }) => "pending",
        Err(Failure::Refused(_)) => "refused",
        Err(Failure::Temporary(_)) => "temporary",
    }
}

fn rehearsal_of(ask: &Ask, rehearsed: chancery_gateway::rehearse::Rehearsal) -> Rehearsal {
    Rehearsal {
        schema: rehearsal::SCHEMA.to_owned(),
        request_id: ask.request.id(),
        policy: rehearsed.policy,
        statements: rehearsed.statements.into_iter().map(statement_of).collect(),
    }
}

fn statement_of(rehearsed: Rehearsed) -> RehearsedStatement {
    let (digest_algorithm, to_be_signed) = match rehearsed.to_be_signed {
        ToBeSigned::Message(bytes) => (None, bytes),
        ToBeSigned::Prehashed(algorithm, digest) => (Some(algorithm), digest),
    };
    RehearsedStatement {
        statement: rehearsed.statement,
        key: rehearsed.key,
        to_be_signed,
        digest_algorithm,
        trace: rehearsed.trace.into_iter().map(Into::into).collect(),
    }
}
