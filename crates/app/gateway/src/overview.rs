//! What an operator watches: requests that wait, stops, exceptions, certificates, limits. Numbers and names of the
//! installation's own, nothing about callers.

use chancery_core::id::ProfileName;
use chancery_core::port::ledger_reader::Query;
use chancery_ledger::act::Verdict;
use chancery_ledger::event::{Body, Event};

use crate::approval;
use crate::expiry::{self, Expiry};
use crate::failure::Failure;
use crate::gateway::Gateway;

/// Most waiting requests that are looked at.
const MOST: u32 = 200;
/// Newest leaves about a request that are looked at.
const LEAVES: u32 = 16;

/// How much of a limit is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// The profile.
    pub profile: ProfileName,
    /// The window: `10m`.
    pub window: String,
    /// Signatures in it.
    pub used: u64,
    /// Signatures that it allows.
    pub count: u64,
}

/// The overview.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// Requests that wait, at most 200.
    pub waiting: u64,
    /// How long the oldest of them has waited, in seconds.
    pub oldest_seconds: u64,
    /// Stops in force.
    pub freezes: u64,
    /// Exceptions in force.
    pub exceptions: u64,
    /// Exceptions whose review is overdue.
    pub overdue: u64,
    /// Certificates and when they end.
    pub certificates: Vec<Expiry>,
    /// Limits and how far they are used.
    pub limits: Vec<Spent>,
}

/// Looks.
pub async fn overview(gateway: &Gateway) -> Result<Overview, Failure> {
    let now = gateway.parts.clock.now();
    let (waiting, oldest_seconds) = waiting(gateway).await?;
    let book = gateway.book();
    let is_frozen = |freeze: &&chancery_policy::act::book::Freeze| {
        freeze.from.is_none_or(|from| from <= now) && freeze.until.is_none_or(|until| now < until)
    };
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let exceptions = book.exceptions().values();
    Ok(Overview {
        waiting,
        oldest_seconds,
        freezes: count(book.freezes().values().filter(is_frozen).count()),
        exceptions: count(exceptions.clone().filter(|open| now < open.until).count()),
        overdue: count(exceptions.filter(|open| open.reviewed.is_none() && open.review <= now).count()),
        certificates: expiry::expiries(gateway).await?,
        limits: limits(gateway)?,
    })
}

fn limits(gateway: &Gateway) -> Result<Vec<Spent>, Failure> {
    let governance = gateway.governance()?;
    let now = gateway.parts.clock.now();
    let mut all = Vec::new();
    for profile in governance.policy.profiles() {
        let counts = gateway.limits.counts(profile.name(), profile.limits(), now);
        for limit in profile.limits() {
            all.push(Spent {
                profile: profile.name().clone(),
                window: limit.window.to_string(),
                used: counts.of(limit.window).unwrap_or(0),
                count: u64::from(limit.count),
            });
        }
    }
    Ok(all)
}

/// How many requests wait, and the oldest's seconds. What was released or rejected does not wait any more.
async fn waiting(gateway: &Gateway) -> Result<(u64, u64), Failure> {
    let now = gateway.parts.clock.now();
    let (mut count, mut oldest) = (0_u64, 0_u64);
    for document in approval::waiting(gateway, MOST).await? {
        if is_settled(gateway, &document).await? {
            continue;
        }
        count = count.saturating_add(1);
        oldest = oldest.max(u64::try_from(now.seconds_since(document.at)).unwrap_or(0));
    }
    Ok((count, oldest))
}

async fn is_settled(
    gateway: &Gateway,
    document: &chancery_policy::approval::document::ApprovalDocument,
) -> Result<bool, Failure> {
    let ledger = &gateway.parts.ledger;
    for index in ledger.search(Query::Request(document.request.digest()), LEAVES).await? {
        let leaf = ledger.leaf(index).await?.unwrap_or_default();
        let Ok(event) = Event::decode(&leaf) else { continue };
        if event.time < document.at {
            break;
        }
        let settles = matches!(&event.body, Body::Result(_))
            || matches!(&event.body, Body::Approval(approval) if approval.verdict != Verdict::Approve);
        if settles {
            return Ok(true);
        }
    }
    Ok(false)
}
