//! Webhooks from the configuration: checked, and put together with the ledger that they tell about.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use chancery_gateway::gateway::Gateway;
use chancery_gateway::webhook::{Kind, Parts, Schedule, Subscription, Webhooks};
use chancery_remote::http::Limits;
use chancery_remote::webhook::{HttpCourier, Receiver, host};
use chancery_server::measures::{Kind as Moves, Measured, Measures};
use chancery_store::outbox::StoredOutbox;

use crate::config::{Config, WebhookSection};

/// Most webhooks of one installation.
const MAX_WEBHOOKS: usize = 32;
/// What stands for every kind.
const EVERYTHING: &str = "*";

/// What is wrong with the sections, one a line.
pub(crate) fn problems(sections: &[WebhookSection]) -> Vec<String> {
    let mut problems = Vec::new();
    if sections.len() > MAX_WEBHOOKS {
        problems.push(format!("{} `[[webhooks]]`; at most {MAX_WEBHOOKS}", sections.len()));
    }
    let mut names = BTreeSet::new();
    for section in sections {
        let name = &section.name;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            problems.push(format!("webhook `{name}`: a name is of lower-case letters, digits and hyphens"));
        }
        if !names.insert(name) {
            problems.push(format!("webhook `{name}` is there twice"));
        }
        if section.attempts == Some(0) {
            problems.push(format!("webhook `{name}`: `attempts` is 0"));
        }
        if let Err(unknown) = kinds(section) {
            problems.push(unknown);
        }
    }
    problems
}

fn kinds(section: &WebhookSection) -> Result<BTreeSet<Kind>, String> {
    let known = || Kind::ALL.map(|(_, name)| name).join(", ");
    if section.events.is_empty() {
        return Err(format!("webhook `{}`: `events` is empty; there are {}", section.name, known()));
    }
    if section.events == [EVERYTHING] {
        return Ok(Kind::ALL.into_iter().map(|(kind, _)| kind).collect());
    }
    let kind = |name: &String| {
        let unknown = || format!("webhook `{}`: no event `{name}`; there are {}", section.name, known());
        Kind::from_name(name).ok_or_else(unknown)
    };
    section.events.iter().map(kind).collect()
}

/// Puts them together. Nothing is opened where there are none.
pub(crate) async fn open(config: &Config, gateway: &Arc<Gateway>) -> anyhow::Result<Arc<Webhooks>> {
    let sections = &config.webhooks;
    if sections.is_empty() {
        return Ok(Webhooks::none());
    }
    let receivers: anyhow::Result<Vec<Receiver>> = sections.iter().map(receiver).collect();
    let courier = HttpCourier::new(receivers?, Limits::default())?;
    let path = config.gateway_dir().join("outbox.db");
    let outbox =
        StoredOutbox::open(&path).await.with_context(|| format!("cannot open `{}`", path.display()))?;
    let parts = Parts {
        gateway: Arc::clone(gateway),
        courier: Arc::new(courier),
        outbox: Arc::new(outbox),
        schedule: Schedule::default(),
    };
    let subscription = |section: &WebhookSection| {
        let kinds = kinds(section).map_err(anyhow::Error::msg)?;
        let attempts = section.attempts;
        let host = host(&section.url).unwrap_or_default();
        Ok(Subscription { name: section.name.clone(), host, kinds, attempts })
    };
    let subscriptions: anyhow::Result<Vec<Subscription>> = sections.iter().map(subscription).collect();
    Ok(Webhooks::new(parts, subscriptions?))
}

fn receiver(section: &WebhookSection) -> anyhow::Result<Receiver> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
    };
    Ok(Receiver {
        name: section.name.clone(),
        url: section.url.clone(),
        secret_file: section.secret_file.clone(),
        ca: section.ca.as_deref().map(read).transpose()?,
    })
}

/// How the telling goes, for `/metrics`.
#[derive(Debug)]
pub(crate) struct MeasuredWebhooks {
    webhooks: Arc<Webhooks>,
    gateway: Arc<Gateway>,
}

impl MeasuredWebhooks {
    /// Of these.
    pub(crate) fn new(webhooks: &Arc<Webhooks>, gateway: &Arc<Gateway>) -> Arc<Self> {
        Arc::new(Self { webhooks: Arc::clone(webhooks), gateway: Arc::clone(gateway) })
    }
}

impl Measures for MeasuredWebhooks {
    fn measures(&self) -> Vec<Measured> {
        let standings = self.webhooks.standings();
        if standings.is_empty() {
            return Vec::new();
        }
        let size = self.gateway.parts().ledger.size();
        let (mut attempts, mut dead, mut behind) = (Vec::new(), Vec::new(), Vec::new());
        for (Subscription { name, .. }, standing) in standings {
            let label = format!("webhook=\"{name}\"");
            attempts.push((format!("{label},result=\"taken\""), standing.delivered));
            attempts.push((format!("{label},result=\"failed\""), standing.failed));
            dead.push((label.clone(), standing.dead));
            behind.push((label, standing.next.map_or(0, |next| size.saturating_sub(next))));
        }
        let measured = |name, kind, help, values| Measured { name, kind, help, values };
        let attempted = "Attempts to tell a receiver, by what became of them.";
        vec![
            measured("chancery_webhook_attempts_total", Moves::Counter, attempted, attempts),
            measured("chancery_webhook_dead_letters", Moves::Gauge, "Notices that were given up.", dead),
            measured("chancery_webhook_behind", Moves::Gauge, "Entries not told about yet.", behind),
        ]
    }
}
