//! The one pass: every leaf in order, what it changes, and what of it must be checked at leisure.
//!
//! ```text
//! leaf ─▶ tree (hashes, tiles) ─▶ event ─▶ policy · keys · certificates · open intents · token uses · volumes
//!                                            └─ an intent that ends ─▶ Job ─▶ Done
//! ```
//! Memory is bounded by open intents, the tokens of a day, and the intents of 31 days (8 bytes each).

use std::collections::BTreeMap;
use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::id::KeyId;
use chancery_core::time::Time;
use chancery_ledger::event::{Body, Certificate as CertificateEvent, CertificatePurpose, Event, Intent};
use chancery_ledger::hashedrekord::HashedRekord;
use chancery_ledger::merkle::Head;
use chancery_x509::certificate::Certificate;

use crate::acts::{Acts, Named};
use crate::authorities::Authorities;
use crate::budget::Budget;
use crate::closing::{Closing, none};
use crate::facade::{Issued, custodied};
use crate::finding::{Code, Finding};
use crate::governance::Versions;
use crate::intent::{IssuerKeySets, Open};
use crate::job::{Content, Done, Job, Requests, Shared};
use crate::keys::Keys;
use crate::pins::{Pins, trusted};
use crate::report::{Counts, Findings, Report};
use crate::rows::{self, Expected, Rows};
use crate::source::{Evidence, Ledger, Part, Unreadable, Wanted};
use crate::token_use::TokenUses;
use crate::tree::Tree;
use crate::waiting::Waiting;

/// How far the time of an event may lie before that of the newest event before it, in seconds.
const MAX_BACK: i64 = 300;

/// An audit cannot begin with what it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("trust holds no {0}")]
pub struct NoTrust(&'static str);

/// An audit under way.
#[derive(Debug)]
pub struct Auditor<'a> {
    pub(crate) pins: Pins,
    pub(crate) shared: Arc<Shared>,
    pub(crate) ledger: &'a dyn Ledger,
    pub(crate) evidence: &'a dyn Evidence,
    pub(crate) rows: Option<&'a dyn Rows>,
    pub(crate) covered: Option<Head>,
    pub(crate) tree: Tree,
    pub(crate) versions: Versions,
    pub(crate) keys: Keys,
    pub(crate) authorities: Authorities,
    pub(crate) open: BTreeMap<u64, Open>,
    pub(crate) tokens: TokenUses,
    pub(crate) budget: Budget,
    pub(crate) acts: Acts,
    pub(crate) issuer_keys: Arc<IssuerKeySets>,
    pub(crate) waiting: Waiting,
    pub(crate) issued: Issued,
    pub(crate) newest: Time,
    /// The leaf just before, where its event must follow: an entry, or a planned leaf.
    pub(crate) before: Before,
    pub(crate) counts: Counts,
    pub(crate) findings: Findings,
}

/// What the next leaf has to name.
#[derive(Debug)]
pub(crate) enum Before {
    Nothing,
    Entry(Vec<u8>),
    Planned(Vec<u8>),
}

impl<'a> Auditor<'a> {
    /// Begins an audit with what the auditor brings along.
    pub fn new(pins: Pins, ledger: &'a dyn Ledger, evidence: &'a dyn Evidence) -> Result<Self, NoTrust> {
        let authorities = &pins.trust.roots.authorities;
        let issuing: Vec<Certificate> =
            authorities.iter().filter_map(|authority| authority.chain().first().cloned()).collect();
        if issuing.is_empty() {
            return Err(NoTrust("certificate authority"));
        }
        let below_root = authorities.iter().flat_map(|authority| authority.below_root().to_vec()).collect();
        let ledger_key = pins.trust.roots.ledgers.first().ok_or(NoTrust("ledger"))?;
        let ledger_name = ledger_key.key().name().to_string();
        let shared = Shared {
            trust: pins.ageless(),
            issuing,
            below_root,
            host: pins.host.clone(),
            ledger: ledger_name.clone(),
            builder: pins.builder(),
            requests: Requests::default(),
        };
        let authorities = Authorities::new(&pins.trust);
        Ok(Self {
            pins,
            shared: Arc::new(shared),
            ledger,
            evidence,
            rows: None,
            covered: None,
            tree: Tree::default(),
            versions: Versions::new(ledger_name),
            keys: Keys::default(),
            authorities,
            open: BTreeMap::new(),
            tokens: TokenUses::default(),
            budget: Budget::default(),
            acts: Acts::default(),
            issuer_keys: Arc::default(),
            waiting: Waiting::default(),
            issued: Issued::default(),
            newest: Time::from_millis(0),
            before: Before::Nothing,
            counts: Counts::default(),
            findings: Findings::default(),
        })
    }

    /// Compares the rows of the service's database too.
    pub const fn with_rows(&mut self, rows: &'a dyn Rows) {
        self.rows = Some(rows);
    }

    /// Checks the checkpoint: signed by the ledger, cosigned by the keyguard. Comes first.
    pub fn checkpoint(&mut self, note: &str) {
        match self.open_checkpoint(note) {
            Ok(head) => self.covered = Some(head),
            Err(why) => self.findings.found(0, Code::Checkpoint, why),
        }
    }

    fn open_checkpoint(&self, note: &str) -> Result<Head, String> {
        Ok(*self.pins.trust.open(note).map_err(|error| in_full(&error))?.head())
    }

    /// Takes the next leaf; answers with what is to be checked beside the pass.
    pub fn leaf(&mut self, leaf: Option<&[u8]>) -> Result<Option<Job>, Unreadable> {
        let index = self.tree.head().size;
        self.counts.entries = index.saturating_add(1);
        let bytes = leaf.unwrap_or_default();
        self.tree.append(bytes, self.ledger, &mut self.findings)?;
        self.compare_heads();
        let Some(bytes) = leaf else {
            self.findings.found(index, Code::Leaf, "the leaf is missing");
            self.before = Before::Nothing;
            return Ok(None);
        };
        let before = std::mem::replace(&mut self.before, Before::Nothing);
        match std::str::from_utf8(bytes).ok().map(Event::decode) {
            Some(Ok(event)) => {
                self.check_time(index, event.time);
                self.event(index, event, before)
            }
            _other => {
                self.nothing_before(index, &before);
                self.entry(index, bytes);
                Ok(None)
            }
        }
    }

    /// A leaf that is no event: the entry of the result that must come next.
    fn entry(&mut self, index: u64, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        if let Err(error) = HashedRekord::parse(text) {
            let what = format!("the leaf is neither an event nor a hashedrekord: {error}");
            self.findings.found(index, Code::Leaf, what);
        }
        self.before = Before::Entry(bytes.to_vec());
    }

    fn compare_heads(&mut self) {
        let head = self.tree.head();
        let known = [(self.covered, Code::Root), (self.pins.earlier, Code::Earlier)];
        for (claimed, code) in known {
            if let Some(claimed) = claimed
                && claimed.size == head.size
                && claimed.root != head.root
            {
                let index = head.size.saturating_sub(1);
                let finding =
                    Finding::new(index, code, format!("the leaves give another root at size {}", head.size));
                self.findings.add(finding.because(claimed.root, head.root));
            }
        }
    }

    fn check_time(&mut self, index: u64, time: Time) {
        if self.newest.seconds_since(time) > MAX_BACK {
            let finding =
                Finding::new(index, Code::Clock, "the event is dated before others that came before it");
            self.findings.add(finding.because(time, self.newest));
        }
        self.newest = self.newest.max(time);
    }

    /// An entry that no result names, a planned leaf that no intent names.
    fn nothing_before(&mut self, index: u64, before: &Before) {
        let last = index.saturating_sub(1);
        match before {
            Before::Nothing => {}
            Before::Entry(_) => self.findings.found(last, Code::Leaf, "no result names this entry"),
            Before::Planned(_) => {
                self.findings.found(last, Code::Precertificate, "no intent names this planned certificate");
            }
        }
    }

    fn event(&mut self, index: u64, event: Event, before: Before) -> Result<Option<Job>, Unreadable> {
        let time = event.time;
        let named = match (&event.body, &before) {
            (Body::Intent(_), Before::Planned(_)) | (Body::Result(_) | Body::Entry(_), Before::Entry(_)) => {
                true
            }
            (_, Before::Nothing | Before::Entry(_) | Before::Planned(_)) => false,
        };
        if !named {
            self.nothing_before(index, &before);
        }
        self.check_beginning(index, &event.body);
        match event.body {
            Body::Intent(intent) => self.intent((index, time), intent, before)?,
            Body::Result(outcome) => {
                return self.result((index, time), outcome, before).map(Some).or_else(none);
            }
            Body::Abandoned(closed) | Body::Withdrawn(closed) => return self.closed(index, &closed),
            Body::Policy(policy) => {
                self.counts.policies = self.counts.policies.saturating_add(1);
                let found = self.versions.record(index, &policy, self.evidence)?;
                self.findings.extend(found);
            }
            Body::Key(key) => self.findings.extend(self.keys.record(index, &key)),
            Body::Certificate(certificate) => self.certificate(index, certificate),
            Body::Denied(_) => self.counts.denied = self.counts.denied.saturating_add(1),
            Body::Freeze(freeze) => {
                self.acts.freeze(&freeze, time);
                self.act((index, time), (freeze.act, freeze.signatures))?;
            }
            Body::Exception(exception) => {
                self.act((index, time), (exception.act, exception.signatures))?;
            }
            Body::Reanchor(reanchor) => self.act((index, time), (reanchor.act, reanchor.signatures))?,
            Body::Review(review) => self.act((index, time), (review.act, review.signatures))?,
            Body::Trust(trust) => self.act((index, time), (trust.act, trust.signatures))?,
            Body::Unfreeze(unfreeze) => self.act((index, time), (unfreeze.act, unfreeze.signatures))?,
            Body::IssuerKeys(keys) => {
                Arc::make_mut(&mut self.issuer_keys).insert((keys.issuer, keys.sha256));
            }
            Body::Pending(pending) => {
                self.counts.records = self.counts.records.saturating_add(1);
                self.waiting.add(pending.request, time);
            }
            Body::Session(session) => self.waiting.sessions.add((session.token_use, session.key), time),
            Body::Entry(entry) => self.taken((index, time), &entry, &before),
            Body::Approval(_) => self.counts.records = self.counts.records.saturating_add(1),
            Body::DeniedCount(_) | Body::Root(_) => {}
        }
        Ok(None)
    }

    fn act(
        &mut self,
        (index, time): (u64, Time),
        (act, signatures): (Sha256, Sha256),
    ) -> Result<(), Unreadable> {
        self.counts.acts = self.counts.acts.saturating_add(1);
        self.counts.records = self.counts.records.saturating_add(1);
        let signed = self.content(Wanted { part: Part::Record, index, digest: signatures })?;
        let named = Named { index, time, act, signed };
        let bench = (self.versions.current(), self.versions.ledger());
        self.findings.extend(self.acts.perform(&named, bench));
        Ok(())
    }

    /// Entry 0 is the root document, entry 1 the first policy; neither comes a second time in that place.
    fn check_beginning(&mut self, index: u64, body: &Body) {
        match (index, body) {
            (0, Body::Root(root)) => {
                self.versions.begin(root.sha256);
                if let Some(pinned) = self.pins.root.filter(|pinned| *pinned != root.sha256) {
                    let finding = Finding::new(0, Code::Beginning, "entry 0 names another root document");
                    self.findings.add(finding.because(root.sha256, pinned));
                }
            }
            (0, _) => self.findings.found(0, Code::Beginning, "entry 0 is not the root document"),
            (1, Body::Policy(_)) => {}
            (1, _) => self.findings.found(1, Code::Beginning, "entry 1 is not the first policy"),
            (_, Body::Root(_)) => self.findings.found(index, Code::Beginning, "a second root document"),
            (_, _) => {}
        }
    }

    fn certificate(&mut self, index: u64, certificate: CertificateEvent) {
        if certificate.purpose == CertificatePurpose::Precertificate {
            self.before = Before::Planned(certificate.tbs);
        } else {
            self.findings.extend(self.authorities.record(index, &certificate, &self.keys));
        }
    }

    fn intent(
        &mut self,
        (index, time): (u64, Time),
        intent: Box<Intent>,
        before: Before,
    ) -> Result<(), Unreadable> {
        if let Some(rows) = self.rows {
            let expected = Expected {
                index,
                table: "intent",
                request: intent.request,
                statement: intent.statement,
                profile: intent.profile.as_str(),
                number: rows::moment(time),
            };
            self.findings.extend(expected.compare(rows.intent(index)?));
            self.counts.rows = self.counts.rows.saturating_add(1);
        }
        self.counts.intents = self.counts.intents.saturating_add(1);
        let governance = self.versions.find(intent.policy);
        let profile = governance.as_ref().and_then(|known| known.policy.profile(&intent.profile));
        let limits = profile.map(|profile| profile.limits()).unwrap_or_default();
        let counts = self.budget.counts(&intent.profile, limits, time);
        self.budget.record(&intent.profile, time);
        let key = self.keys.find(&intent.key).cloned();
        let public = key.as_ref().and_then(|key| self.authorities.public(&key.spki)).cloned();
        let exception = intent.exception.map(|name| self.acts.take(&name, &intent.profile, time));
        let (granted, misused) = match exception {
            None => (None, None),
            Some(Ok(granted)) => (Some(granted), None),
            Some(Err(why)) => (None, Some(why)),
        };
        let issuing = KeyId::parse("chancery-issuing").ok();
        let precertificate = match before {
            Before::Planned(tbs) => Some(tbs),
            Before::Nothing | Before::Entry(_) => None,
        };
        if precertificate.is_some() && intent.precertificate.is_none() {
            self.findings.found(
                index,
                Code::Precertificate,
                "the intent does not name its planned certificate",
            );
        }
        let open = Open {
            index,
            time,
            custodied: custodied(&self.keys, &intent),
            precertificate,
            is_in_force: self.versions.in_force() == Some(intent.policy),
            governance,
            counts,
            key,
            public,
            issuer: issuing.and_then(|issuing| self.keys.find(&issuing)).cloned(),
            book: self.acts.book(),
            granted,
            misused,
            first_seen: self.waiting.first(&intent.request),
            session: self.waiting.sessions.of(intent.token_use),
            issuer_keys: Arc::clone(&self.issuer_keys),
            replayed: self.tokens.bind(intent.token_use, intent.request, time),
            intent,
        };
        self.open.insert(index, open);
        Ok(())
    }

    pub(crate) fn content(&self, wanted: Wanted) -> Result<Content, Unreadable> {
        Ok(Content { digest: wanted.digest, found: self.evidence.content(wanted)? })
    }

    pub(crate) fn job(&self, open: Open, closing: Option<Box<Closing>>) -> Result<Job, Unreadable> {
        let of = |part, digest: Sha256| self.content(Wanted { part, index: open.index, digest });
        let evidence = of(Part::Evidence, open.intent.evidence)?;
        let request = of(Part::Request, open.intent.request.digest())?;
        Ok(Job { open, evidence, request, closing, shared: Arc::clone(&self.shared) })
    }

    /// Takes back what came of a job.
    pub fn take(&mut self, done: Done) {
        self.findings.extend(done.findings);
        self.counts.tokens = self.counts.tokens.saturating_add(done.tokens);
        self.counts.decisions = self.counts.decisions.saturating_add(done.decisions);
        self.counts.signatures = self.counts.signatures.saturating_add(done.signatures);
        self.counts.witnessed = self.counts.witnessed.saturating_add(done.witnessed);
        self.counts.stopped = self.counts.stopped.saturating_add(done.stopped);
    }

    /// After the last leaf: the intents that are still open.
    pub fn rest(&mut self) -> Result<Vec<Job>, Unreadable> {
        let size = self.tree.head().size;
        let before = std::mem::replace(&mut self.before, Before::Nothing);
        self.nothing_before(size, &before);
        self.tree.finish(self.ledger, &mut self.findings)?;
        self.counts.open = u64::try_from(self.open.len()).unwrap_or(u64::MAX);
        if let Some(rows) = self.rows {
            let found = rows::totals(rows, &self.counts)?;
            self.findings.extend(found);
        }
        std::mem::take(&mut self.open).into_values().map(|open| self.job(open, None)).collect()
    }

    /// Ends the audit, once every job was taken back.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let head = self.tree.head();
        if let Some(covered) = self.covered {
            if covered.size > head.size {
                let finding = Finding::new(head.size, Code::Leaf, "the ledger ends before its checkpoint");
                self.findings.add(finding.because(head.size, covered.size));
            }
            self.counts.uncosigned = head.size.saturating_sub(covered.size);
        }
        if let Some(earlier) = self.pins.earlier.filter(|earlier| earlier.size > head.size) {
            let finding = Finding::new(head.size, Code::Earlier, "the ledger is shorter than it was");
            self.findings.add(finding.because(head.size, earlier.size));
        }
        self.counts.tiles = self.tree.compared;
        let (missing, outside) = self.authorities.finish();
        self.findings.extend(missing);
        let trusted = trusted(&self.pins, &outside);
        let (findings, total) = self.findings.finish();
        Report { counts: self.counts, findings, total, trusted, head: self.covered }
    }
}

fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
