//! Ports that count what goes through them, and the ledger's own counters, for `/metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::message::{Call, Reply};
use chancery_core::port::Boxed;
use chancery_core::port::keyguard::{Keyguard, KeyguardUnavailable};
use chancery_core::port::sequencer::{Append, AppendError, Sequencer};
use chancery_core::receipt::Receipt;
use chancery_server::measures::{Kind, Measured, Measures};
use chancery_store::ledger::Ledger;

/// One that is under way; also when whoever waits for it goes away.
struct UnderWay<'a>(&'a AtomicU64);

impl<'a> UnderWay<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The keyguard, counted by kind of call and by what became of it.
#[derive(Debug)]
pub(crate) struct CountedKeyguard {
    inner: Arc<dyn Keyguard>,
    calls: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    under_way: AtomicU64,
}

impl CountedKeyguard {
    /// Passes on to `inner`.
    pub(crate) fn new(inner: Arc<dyn Keyguard>) -> Arc<Self> {
        Arc::new(Self { inner, calls: Mutex::default(), under_way: AtomicU64::new(0) })
    }
}

impl Keyguard for CountedKeyguard {
    fn call(&self, call: Call) -> Boxed<'_, Result<Reply, KeyguardUnavailable>> {
        Box::pin(async move {
            let _under_way = UnderWay::new(&self.under_way);
            let kind = kind(&call);
            let reply = self.inner.call(call).await;
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let count = calls.entry((kind, result(&reply))).or_default();
            *count = count.saturating_add(1);
            drop(calls);
            reply
        })
    }
}

impl Measures for CountedKeyguard {
    fn measures(&self) -> Vec<Measured> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let lines =
            calls.iter().map(|((kind, result), n)| (format!("kind=\"{kind}\",result=\"{result}\""), *n));
        let calls = Measured {
            name: "chancery_keyguard_calls_total",
            kind: Kind::Counter,
            help: "Calls to the keyguard by kind and by what became of them.",
            values: lines.collect(),
        };
        let under_way = self.under_way.load(Ordering::Relaxed);
        let help = "Calls to the keyguard that are not answered yet.";
        vec![calls, Measured::one("chancery_keyguard_calls_under_way", Kind::Gauge, help, under_way)]
    }
}

const fn kind(call: &Call) -> &'static str {
    match call {
        Call::Hello { .. } => "hello",
        Call::Initialise(_) => "initialise",
        Call::Follow(_) => "follow",
        Call::IssuerKeys(_) => "issuer-keys",
        Call::Tunnel(_) => "tunnel",
        Call::Policy { .. } => "policy",
        Call::Act { .. } => "act",
        Call::Book => "book",
        Call::Witness(_) => "witness",
        Call::Sign(_) => "sign",
        Call::Stamp(_) => "stamp",
        Call::KeyCreate(_) => "key-create",
        Call::KeyDisable(_) => "key-disable",
        Call::KeyList => "key-list",
        Call::CertificateIssue(_) => "certificate-issue",
        Call::CertificateShow(_) => "certificate-show",
        Call::Authorities => "authorities",
        Call::Successor(_) | Call::LedgerSuccessor { .. } => "successor",
        Call::TrustSign { .. } => "trust-sign",
        Call::Tuf => "tuf",
        Call::Health => "health",
    }
}

const fn result(reply: &Result<Reply, KeyguardUnavailable>) -> &'static str {
    match reply {
        Err(_) | Ok(Reply::Unavailable(_)) => "unavailable",
        Ok(Reply::Failed(_)) => "failed",
        Ok(Reply::Refused(_) | Reply::NotCosigned(_)) => "refused",
        Ok(
            Reply::Hello(_)
            | Reply::Authorities(_)
            | Reply::Cosigned(_)
            | Reply::IssuerKeys(_)
            | Reply::Tunnel(_)
            | Reply::Policy(_)
            | Reply::Book(_)
            | Reply::Ordered(_)
            | Reply::Stamped(_)
            | Reply::Key(_)
            | Reply::Keys(_)
            | Reply::Chain(_)
            | Reply::TrustSigned(_)
            | Reply::Tuf(_)
            | Reply::Healthy(_)
            | Reply::Witnessed(_),
        ) => "answered",
    }
}

/// The ledger, with the appends that wait for their checkpoint.
#[derive(Debug)]
pub(crate) struct CountedLedger {
    ledger: Arc<Ledger>,
    waiting: AtomicU64,
}

impl CountedLedger {
    /// Passes on to this ledger.
    pub(crate) fn new(ledger: Arc<Ledger>) -> Arc<Self> {
        Arc::new(Self { ledger, waiting: AtomicU64::new(0) })
    }
}

impl Sequencer for CountedLedger {
    fn append(&self, append: Append) -> Boxed<'_, Result<Vec<Receipt>, AppendError>> {
        Box::pin(async move {
            let _waiting = UnderWay::new(&self.waiting);
            Sequencer::append(self.ledger.as_ref(), append).await
        })
    }
}

impl Measures for CountedLedger {
    fn measures(&self) -> Vec<Measured> {
        let counters = self.ledger.counters();
        let total = |name, help, count: &AtomicU64| {
            Measured::one(name, Kind::Counter, help, count.load(Ordering::Relaxed))
        };
        let (free, reserve) = self.ledger.disk();
        let waiting = self.waiting.load(Ordering::Relaxed);
        let help = "Appends that wait for their cosigned checkpoint.";
        vec![
            total("chancery_ledger_batches_total", "Batches that were committed.", &counters.commits),
            total("chancery_ledger_appends_total", "Appends in those batches.", &counters.appends),
            total("chancery_ledger_leaves_total", "Entries in those appends.", &counters.leaves),
            total(
                "chancery_ledger_checkpoints_total",
                "Checkpoints that were cosigned.",
                &counters.checkpoints,
            ),
            total("chancery_ledger_file_syncs_total", "Syncs of published files.", &counters.file_syncs),
            Measured::one("chancery_ledger_appends_under_way", Kind::Gauge, help, waiting),
            Measured::one(
                "chancery_disk_free_bytes",
                Kind::Gauge,
                "Room on the disk of the ledger; 0 where unknown.",
                free,
            ),
            Measured::one("chancery_disk_reserve_bytes", Kind::Gauge, "Intake stops at this much.", reserve),
        ]
    }
}
