//! The overview as metrics: looked at now and then, so that a scrape costs nothing.

use std::time::Duration;

use chancery_gateway::overview::{Overview, overview};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::measures::{Kind, Measured};
use crate::service::Service;

/// It is made at most this often.
const FRESH: Duration = Duration::from_secs(10);
/// Storage that takes longer is not waited for.
const DEADLINE: Duration = Duration::from_secs(3);

/// The last overview.
#[derive(Debug, Default)]
pub(crate) struct LastOverview(Mutex<Option<(Instant, Option<Overview>)>>);

/// What it says; nothing where it cannot be had.
pub(crate) async fn measures(service: &Service) -> Vec<Measured> {
    let mut last = service.overview.0.lock().await;
    if last.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH) {
        let made = tokio::time::timeout(DEADLINE, overview(&service.gateway)).await;
        *last = Some((Instant::now(), made.ok().and_then(Result::ok)));
    }
    last.as_ref().and_then(|(_, made)| made.as_ref()).map(measured).unwrap_or_default()
}

fn measured(overview: &Overview) -> Vec<Measured> {
    let one = |name, help, value| Measured::one(name, Kind::Gauge, help, value);
    let certificate = |expiry: &chancery_gateway::expiry::Expiry| {
        let ends = u64::try_from(expiry.not_after.seconds()).unwrap_or(0);
        (format!("certificate=\"{}\"", expiry.name), ends)
    };
    let label = |spent: &chancery_gateway::overview::Spent| {
        format!("profile=\"{}\",window=\"{}\"", spent.profile, spent.window)
    };
    let many = |name, help, values| Measured { name, kind: Kind::Gauge, help, values };
    let limits = &overview.limits;
    vec![
        one(
            "chancery_requests_waiting",
            "Requests that wait for people, builders or time.",
            overview.waiting,
        ),
        one(
            "chancery_requests_waiting_oldest_seconds",
            "How long the oldest has waited.",
            overview.oldest_seconds,
        ),
        one("chancery_freezes_in_force", "Stops in force.", overview.freezes),
        one("chancery_exceptions_open", "Exceptions in force.", overview.exceptions),
        one("chancery_reviews_overdue", "Exceptions whose review is overdue.", overview.overdue),
        many(
            "chancery_certificate_not_after_seconds",
            "When a certificate ends, seconds since the epoch.",
            overview.certificates.iter().map(certificate).collect(),
        ),
        many(
            "chancery_limit_used",
            "Signatures in the window of a limit.",
            limits.iter().map(|spent| (label(spent), spent.used)).collect(),
        ),
        many(
            "chancery_limit_count",
            "Signatures that a limit allows in its window.",
            limits.iter().map(|spent| (label(spent), spent.count)).collect(),
        ),
    ]
}
