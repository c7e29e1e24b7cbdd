//! The telling itself: each webhook reads the ledger from where it stands, one notice after the other.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::port::courier::{Courier, Notice};
use chancery_core::port::outbox::{DeadLetter, Outbox, Settled};
use chancery_core::port::state::StateError;
use chancery_core::time::Time;
use futures_util::future::join_all;

use super::date;
use super::kind::Kind;
use super::notice;
use super::schedule::Schedule;
use crate::gateway::Gateway;

/// Most leaves that are read at once.
const CHUNK: u64 = 256;
/// How often the calendar is looked at, in seconds.
const DATES: i64 = 600;

/// Who is told about what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The webhook's name.
    pub name: String,
    /// The receiver's host, for people. Path and query may hold a secret and are not here.
    pub host: String,
    /// What it is told about.
    pub kinds: BTreeSet<Kind>,
    /// How often a notice is tried; as the schedule says unless given.
    pub attempts: Option<u32>,
}

/// What the telling is made of.
#[derive(Debug)]
pub struct Parts {
    /// Ledger, time, chance.
    pub gateway: Arc<Gateway>,
    /// Takes notices away.
    pub courier: Arc<dyn Courier>,
    /// Remembers.
    pub outbox: Arc<dyn Outbox>,
    /// When to try again.
    pub schedule: Schedule,
}

/// How a webhook stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Leaves that were looked at; nothing before the first look.
    pub next: Option<u64>,
    /// Notices taken since the start.
    pub delivered: u64,
    /// Attempts that failed since the start.
    pub failed: u64,
    /// Dead letters.
    pub dead: u64,
    /// The last failure, and when.
    pub last_failure: Option<(Time, String)>,
}

/// One webhook.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) subscription: Subscription,
    standing: Mutex<Standing>,
}

impl Hook {
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Standing) -> T) -> T {
        work(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner))
    }
    pub(super) fn name(&self) -> String {
        self.subscription.name.clone()
    }
}

/// All webhooks.
#[derive(Debug)]
pub struct Webhooks {
    pub(super) parts: Option<Parts>,
    pub(super) hooks: Vec<Hook>,
}

impl Webhooks {
    /// None: nothing is told, nothing is kept.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Arc::new(Self { parts: None, hooks: Vec::new() })
    }
    /// These; [`Webhooks::run`] does the telling.
    #[must_use]
    pub fn new(parts: Parts, subscriptions: Vec<Subscription>) -> Arc<Self> {
        let hook = |subscription| Hook { subscription, standing: Mutex::default() };
        let hooks = subscriptions.into_iter().map(hook).collect();
        Arc::new(Self { parts: Some(parts), hooks })
    }
    /// Each webhook and how it stands.
    #[must_use]
    pub fn standings(&self) -> Vec<(Subscription, Standing)> {
        let standing = |hook: &Hook| (hook.subscription.clone(), hook.with(|standing| standing.clone()));
        self.hooks.iter().map(standing).collect()
    }
    /// Tells until it is dropped: whatever it is doing then is done again after the next start.
    pub async fn run(&self) {
        let Some(parts) = &self.parts else { return };
        join_all(self.hooks.iter().map(|hook| follow(parts, hook))).await;
    }
}

async fn follow(parts: &Parts, hook: &Hook) {
    let mut dates = None;
    loop {
        if let Err(error) = round(parts, hook).await {
            tracing::warn!(webhook = hook.subscription.name, %error, "webhook waits");
        }
        dates = look_at_dates(parts, hook, dates).await;
        tokio::time::sleep(parts.schedule.look).await;
    }
}

/// Looks at the calendar now and then; answers with when it was looked at last.
async fn look_at_dates(parts: &Parts, hook: &Hook, last: Option<Time>) -> Option<Time> {
    let now = parts.gateway.parts().clock.now();
    let is_due = last.is_none_or(|last| now.seconds_since(last) >= DATES);
    let Some(next) = hook.with(|standing| standing.next).filter(|_| is_due) else { return last };
    if let Err(error) = date::tell_dates(parts, hook, next).await {
        tracing::warn!(webhook = hook.subscription.name, %error, "dates were not told");
        return last;
    }
    Some(now)
}

/// Everything that is in the ledger now.
async fn round(parts: &Parts, hook: &Hook) -> Result<(), StateError> {
    let ledger = &parts.gateway.parts().ledger;
    let size = ledger.size();
    // A ledger without a checkpoint shows nothing yet; it is not one that shrank.
    if size == 0 {
        return Ok(());
    }
    let mut next = match hook.with(|standing| standing.next) {
        Some(next) => next,
        None => begin(parts, hook, size).await?,
    };
    while next < size {
        let leaves = ledger.leaves(next, size.min(next.saturating_add(CHUNK))).await?;
        if leaves.is_empty() {
            return Err(StateError(format!("leaf {next} cannot be read")));
        }
        next = tell_leaves(parts, hook, (next, leaves)).await?;
    }
    Ok(())
}

async fn begin(parts: &Parts, hook: &Hook, size: u64) -> Result<u64, StateError> {
    let next = parts.outbox.next(hook.name(), size).await?;
    let dead = parts.outbox.dead_count(hook.name()).await?;
    hook.with(|standing| (standing.next, standing.dead) = (Some(next), dead));
    Ok(next)
}

/// Tells what these leaves say; answers with the index after them.
async fn tell_leaves(
    parts: &Parts,
    hook: &Hook,
    (first, leaves): (u64, Vec<String>),
) -> Result<u64, StateError> {
    let source = &parts.gateway.parts().builder;
    let (mut next, mut kept) = (first, first);
    for leaf in leaves {
        let told = notice::of_leaf(source, next, &leaf);
        next = next.saturating_add(1);
        if let Some((_, notice)) = told.filter(|(kind, _)| hook.subscription.kinds.contains(kind)) {
            let dead = tell(parts, hook, notice).await;
            settle(parts, hook, Settled { next, told: None, dead }).await?;
            kept = next;
        }
    }
    if kept < next {
        settle(parts, hook, Settled { next, told: None, dead: None }).await?;
    }
    Ok(next)
}

pub(super) async fn settle(parts: &Parts, hook: &Hook, settled: Settled) -> Result<(), StateError> {
    let (next, died) = (settled.next, u64::from(settled.dead.is_some()));
    parts.outbox.settle(hook.name(), settled).await?;
    hook.with(|standing| {
        standing.next = Some(next);
        standing.dead = standing.dead.saturating_add(died);
    });
    Ok(())
}

/// Tries until it is taken or given up.
pub(super) async fn tell(parts: &Parts, hook: &Hook, notice: Notice) -> Option<DeadLetter> {
    let attempts = hook.subscription.attempts.unwrap_or(parts.schedule.attempts).max(1);
    let mut attempt = 1;
    loop {
        let Err(why) = attempt_once(parts, hook, &notice).await else { return None };
        if attempt >= attempts {
            let webhook = &hook.subscription.name;
            tracing::error!(
                webhook,
                notice = notice.id,
                kind = notice.kind,
                why,
                attempts,
                "notice given up"
            );
            let at = parts.gateway.parts().clock.now();
            return Some(DeadLetter { number: 0, notice, attempts, why, at });
        }
        let random = parts.gateway.parts().entropy.sixteen();
        tokio::time::sleep(parts.schedule.pause(attempt, random)).await;
        attempt = attempt.saturating_add(1);
    }
}

/// One attempt, counted.
pub(super) async fn attempt_once(parts: &Parts, hook: &Hook, notice: &Notice) -> Result<(), String> {
    let now = parts.gateway.parts().clock.now();
    let outcome = parts.courier.deliver(&hook.subscription.name, notice, now).await;
    hook.with(|standing| match &outcome {
        Ok(()) => standing.delivered = standing.delivered.saturating_add(1),
        Err(why) => {
            standing.failed = standing.failed.saturating_add(1);
            standing.last_failure = Some((now, why.to_string()));
        }
    });
    outcome.map_err(|why| why.to_string())
}
