//! `/livez`, `/readyz`, `/metrics`: for whoever runs the service. Nothing in them tells about callers.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::RawQuery;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chancery_api::health::{Health, ReportLine};
use chancery_core::message::{self, Call, Reply};
use chancery_gateway::gateway::Gateway;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Shared, overview};
use crate::fault::Fault;
use crate::measures::{Kind, Measured};
use crate::metrics::Gauges;
use crate::query;
use crate::service::Service;

/// A report is made at most this often, however often it is asked for.
const FRESH: Duration = Duration::from_secs(1);
/// Open intents are counted at most this often.
const COUNTED: Duration = Duration::from_secs(5);
/// A dependency that takes longer is not ready.
const DEADLINE: Duration = Duration::from_secs(3);

/// The last report.
#[derive(Debug, Default)]
pub(crate) struct LastHealth(Mutex<Option<(Instant, Arc<Health>)>>);

/// The last count of open intents.
#[derive(Debug, Default)]
pub(crate) struct LastIntents(Mutex<Option<(Instant, Option<u64>)>>);

/// The process runs.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "It runs", body = String, content_type = "text/plain")))]
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Whether signatures can be made: the keyguard answers, a policy is in force, the ledger has a checkpoint.
#[utoipa::path(get, path = "/readyz", tag = "health",
    params(("verbose" = Option<bool>, Query, description = "One line per dependency")),
    responses(
        (status = 200, description = "Ready", body = Health),
        (status = 503, description = "Not ready", body = Health),
    ))]
pub(crate) async fn ready(service: Shared, RawQuery(text): RawQuery) -> Result<Response, Fault> {
    let is_verbose = query::flag(text.as_deref(), "verbose")?;
    let health = looked_at(&service).await;
    let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let shown =
        if is_verbose { health.as_ref().clone() } else { Health { ok: health.ok, report: Vec::new() } };
    let mut response = (status, Json(shown)).into_response();
    response.extensions_mut().insert(Answered);
    Ok(response)
}

/// The report, made at most once a second.
async fn looked_at(service: &Service) -> Arc<Health> {
    let mut last = service.health.0.lock().await;
    match last.as_ref() {
        Some((at, health)) if at.elapsed() < FRESH => Arc::clone(health),
        Some(_) | None => {
            let health = Arc::new(Health::new(report(&service.gateway).await));
            *last = Some((Instant::now(), Arc::clone(&health)));
            health
        }
    }
}

/// Marks an answer whose status is no success but whose body says so itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered;

/// Counters in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(service: Shared) -> Response {
    let gauges = Gauges {
        open_intents: open_intents(&service).await,
        ledger_size: service.gateway.parts().ledger.size(),
        busy: service.admission.busy(),
        policy_sequence: service.gateway.governance().map_or(0, |governance| governance.sequence),
    };
    let media = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let mut others: Vec<Measured> =
        service.measures.iter().flat_map(|measures| measures.measures()).collect();
    let health = looked_at(&service).await;
    let ready = health.report.iter().map(|line| (format!("part=\"{}\"", line.item), u64::from(line.ok)));
    others.push(Measured {
        name: "chancery_ready",
        kind: Kind::Gauge,
        help: "1 where a part that signatures need answers as it should.",
        values: ready.collect(),
    });
    others.extend(overview::measures(&service).await);
    (media, service.metrics.render(gauges, &others)).into_response()
}

/// Counted in storage, so not at every scrape; unknown where storage does not answer.
async fn open_intents(service: &Shared) -> Option<u64> {
    let mut last = service.intents.0.lock().await;
    if let Some((at, count)) = *last
        && at.elapsed() < COUNTED
    {
        return count;
    }
    let found = tokio::time::timeout(DEADLINE, service.gateway.parts().state.open_intents()).await;
    let count = match found {
        Ok(Ok(open)) => u64::try_from(open.len()).ok(),
        Ok(Err(_)) | Err(_) => None,
    };
    *last = Some((Instant::now(), count));
    count
}

/// One line per dependency.
pub(crate) async fn report(gateway: &Gateway) -> Vec<ReportLine> {
    let line = |item: &str, outcome: Result<String, String>| {
        let (ok, detail) = match outcome {
            Ok(detail) => (true, detail),
            Err(detail) => (false, detail),
        };
        ReportLine { item: item.to_owned(), ok, detail }
    };
    let policy = gateway.governance();
    let policy =
        policy.map(|now| format!("sequence {}", now.sequence)).map_err(|failure| failure.to_string());
    let keyguard = match keyguard(gateway).await {
        Ok(lines) => match lines.iter().find(|line| !line.ok) {
            None => Ok("answers".to_owned()),
            Some(line) => Err(format!("`{}` is not as it should be", line.item)),
        },
        Err(why) => Err(why),
    };
    vec![line("keyguard", keyguard), line("ledger", ledger(gateway).await), line("policy", policy)]
}

/// The keyguard's own report.
pub(crate) async fn keyguard(gateway: &Gateway) -> Result<Vec<message::ReportLine>, String> {
    match tokio::time::timeout(DEADLINE, gateway.parts().keyguard.call(Call::Health)).await {
        Ok(Ok(Reply::Healthy(lines))) => Ok(lines),
        Ok(Ok(_)) => Err("answers, but not with its health".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("does not answer".to_owned()),
    }
}

async fn ledger(gateway: &Gateway) -> Result<String, String> {
    let ledger = &gateway.parts().ledger;
    match tokio::time::timeout(DEADLINE, ledger.file("checkpoint")).await {
        Ok(Ok(Some(_))) => Ok(format!("{} entries", ledger.size())),
        Ok(Ok(None)) => Err("has no checkpoint".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("does not answer".to_owned()),
    }
}
