//! Webhooks on the operator's socket: how they stand, a trial, what was given up, and once more.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, Request};
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_api::webhook::{
    DeadLetter, DeadLetters, LastFailure, RedeliverWish, Redelivered, Tested, Webhook, Webhooks,
};
use chancery_core::port::outbox;
use chancery_gateway::webhook::{Kind, NotRedelivered, Standing, Subscription};

use super::Shared;
use crate::fault::Fault;
use crate::{body, heavy, query};

const JSON: &str = "application/json";

/// Lists the webhooks of the configuration and how they stand.
#[utoipa::path(get, path = "/admin/webhooks", tag = "admin", responses((status = 200, description = "All webhooks", body = Webhooks)))]
pub(crate) async fn list(service: Shared) -> Json<Webhooks> {
    let size = service.gateway.parts().ledger.size();
    let shown = |(subscription, standing)| shown(subscription, standing, size);
    Json(Webhooks { webhooks: service.webhooks.standings().into_iter().map(shown).collect() })
}

/// Sends a notice that tells nothing, once.
#[utoipa::path(post, path = "/admin/webhooks/{name}/test", tag = "admin", params(("name" = String, Path)),
    responses(
        (status = 200, description = "The receiver took it", body = Tested),
        (status = 404, description = "No such webhook", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The receiver did not take it", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn test(service: Shared, Path(name): Path<String>) -> Result<Json<Tested>, Fault> {
    Ok(Json(Tested { notice: service.webhooks.test(&name).await? }))
}

/// Lists what was given up.
#[utoipa::path(get, path = "/admin/webhooks/{name}/dead", tag = "admin",
    params(("name" = String, Path), ("after" = Option<u64>, Query, description = "Only numbers above this")),
    responses(
        (status = 200, description = "Dead letters", body = DeadLetters),
        (status = 404, description = "No such webhook", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn dead(
    service: Shared,
    Path(name): Path<String>,
    RawQuery(text): RawQuery,
) -> Result<Json<DeadLetters>, Fault> {
    let after = query::number(text.as_deref(), "after")?.unwrap_or(0);
    let dead = service.webhooks.dead(&name, after).await?;
    Ok(Json(DeadLetters { dead: dead.into_iter().map(letter).collect() }))
}

/// Sends dead letters again, oldest first, until one is not taken.
#[utoipa::path(post, path = "/admin/webhooks/{name}/redeliver", tag = "admin", params(("name" = String, Path)),
    request_body = RedeliverWish,
    responses(
        (status = 200, description = "All of them were taken", body = Redelivered),
        (status = 404, description = "No such webhook or dead letter", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The receiver did not take one", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn redeliver(
    service: Shared,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Redelivered>, Fault> {
    let wish: RedeliverWish = body::receive(&service, request, JSON).await?.json()?;
    let webhooks = Arc::clone(&service.webhooks);
    // Many letters take longer than a client may wait: what was begun is finished without it.
    let done = heavy::drive(async move { webhooks.redeliver(&name, wish.number).await }).await??;
    Ok(Json(Redelivered { delivered: done.delivered, left: done.left }))
}

fn shown(subscription: Subscription, standing: Standing, size: u64) -> Webhook {
    let Standing { next, delivered, failed, dead, last_failure } = standing;
    Webhook {
        name: subscription.name,
        host: subscription.host,
        events: subscription.kinds.into_iter().map(|kind: Kind| kind.name().to_owned()).collect(),
        next,
        behind: next.map_or(0, |next| size.saturating_sub(next)),
        dead,
        delivered,
        failed,
        last_failure: last_failure.map(|(at, why)| LastFailure { at: at.to_string(), why }),
    }
}

fn letter(letter: outbox::DeadLetter) -> DeadLetter {
    let outbox::DeadLetter { number, notice, attempts, why, at } = letter;
    DeadLetter {
        number,
        notice: notice.id,
        event: notice.kind,
        attempts,
        why,
        at: at.to_string(),
        body: notice.body,
    }
}

impl From<NotRedelivered> for Fault {
    fn from(error: NotRedelivered) -> Self {
        match error {
            NotRedelivered::Failed(failure) => failure.into(),
            NotRedelivered::Unknown(unknown) => Self::new(Code::Unknown, unknown.to_string())
                .hint("chancery webhook list shows the webhooks of the configuration"),
            NotRedelivered::NotTaken { webhook, notice, why, before } => {
                let what = format!("the receiver of webhook `{webhook}` did not take notice `{notice}`");
                let hint = match before.delivered {
                    0 => "look at the receiver, then try again".to_owned(),
                    taken => format!(
                        "{taken} were taken before it, {} are left; look at the receiver",
                        before.left
                    ),
                };
                Self::new(Code::NotTaken, what).because(why, "a status from 200 to 299").hint(hint)
            }
        }
    }
}
