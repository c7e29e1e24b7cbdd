//! How an intent ends: by a result with what was kept of it, or without one.

use chancery_core::id::{RequestId, StatementId};
use chancery_core::time::Time;
use chancery_ledger::event::{Closed, Outcome};
use chancery_ledger::merkle::leaf_hash;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::VerifyingKey;

use crate::auditor::{Auditor, Before};
use crate::finding::{Code, Finding};
use crate::intent::Open;
use crate::job::{Content, Job};
use crate::rows::Expected;
use crate::source::{Part, Unreadable, Wanted};

/// A result with its evidence.
#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) index: u64,
    pub(crate) time: Time,
    pub(crate) outcome: Outcome,
    pub(crate) signature: Content,
    pub(crate) certificate: Option<Content>,
    pub(crate) token: Option<Content>,
    /// The leaf before the result, where it is no event.
    pub(crate) entry: Option<Vec<u8>>,
    /// Whether the ledger showed the long-lived certificate before.
    pub(crate) shown: Shown,
}

/// Certificates that the ledger has shown, as far as a result needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The signing certificate's TBSCertificate is in the ledger.
    Yes,
    /// It is not.
    No,
}

impl Auditor<'_> {
    pub(crate) fn result(
        &mut self,
        (index, time): (u64, Time),
        outcome: Outcome,
        before: Before,
    ) -> Result<Job, Stop> {
        self.counts.results = self.counts.results.saturating_add(1);
        let mut open =
            self.take_open(index, (outcome.intent, outcome.request, outcome.statement)).ok_or(Stop::No)?;
        self.bare_key(&mut open)?;
        if let Some(rows) = self.rows {
            let first = if matches!(before, Before::Entry(_)) { index.saturating_sub(1) } else { index };
            let expected = Expected {
                index,
                table: "release",
                request: outcome.request,
                statement: outcome.statement,
                profile: "",
                number: i64::try_from(first).unwrap_or(i64::MAX),
            };
            self.findings.extend(expected.compare(rows.result(outcome.intent)?));
            self.counts.rows = self.counts.rows.saturating_add(1);
        }
        if outcome.format.is_certificate() {
            self.counts.records = self.counts.records.saturating_add(1);
        }
        self.issued.result(&outcome, &open);
        let entry = match before {
            Before::Entry(bytes) => Some(bytes),
            Before::Nothing | Before::Planned(_) => None,
        };
        if let Some(entry) = &entry
            && outcome.hashedrekord != Some(leaf_hash(entry))
        {
            let last = index.saturating_sub(1);
            self.findings.found(last, Code::Leaf, "the result after this entry does not name it");
        }
        let of = |part, digest| self.content(Wanted { part, index: open.index, digest });
        let certificate = outcome.certificate.map(|digest| of(Part::Certificate, digest)).transpose()?;
        let tbs = certificate.as_ref().and_then(|content: &Content| content.found.as_deref());
        let tbs = tbs.and_then(|der| Certificate::parse(der).ok());
        let is_shown = tbs.is_some_and(|certificate| self.authorities.has_shown(certificate.tbs()));
        let closing = Closing {
            index,
            time,
            signature: of(Part::Signature, outcome.signature)?,
            token: outcome.token.map(|digest| of(Part::Timestamp, digest)).transpose()?,
            certificate,
            entry,
            shown: if is_shown { Shown::Yes } else { Shown::No },
            outcome,
        };
        Ok(self.job(open, Some(Box::new(closing)))?)
    }

    /// A key that no certificate was shown of: kept with the result, and named by the key's own event.
    fn bare_key(&self, open: &mut Open) -> Result<(), Unreadable> {
        let Some(key) = open.key.as_ref().filter(|_| open.intent.family.is_bare()) else { return Ok(()) };
        let kept = self.content(Wanted { part: Part::PublicKey, index: open.index, digest: key.spki })?;
        // Whatever was kept is hashed: another key than the ledger names is none.
        let spki = kept.bytes(open.index, "public key").ok();
        open.public = spki.and_then(|spki| VerifyingKey::parse(spki).ok()).and_then(|key| key.signing_key());
        Ok(())
    }

    pub(crate) fn closed(&mut self, index: u64, closed: &Closed) -> Result<Option<Job>, Unreadable> {
        self.counts.abandoned = self.counts.abandoned.saturating_add(1);
        let Some(open) = self.take_open(index, (closed.intent, closed.request, closed.statement)) else {
            return Ok(None);
        };
        self.job(open, None).map(Some)
    }

    /// The open intent that an end names; each ends once, and as what it began.
    fn take_open(
        &mut self,
        index: u64,
        (intent, request, statement): (u64, RequestId, StatementId),
    ) -> Option<Open> {
        let Some(open) = self.open.remove(&intent) else {
            let what = format!("it closes intent {intent}, which is not open");
            self.findings.found(index, Code::Closing, what);
            return None;
        };
        if (open.intent.request, open.intent.statement) != (request, statement) {
            let finding =
                Finding::new(index, Code::Closing, format!("it names another request than intent {intent}"));
            self.findings.add(finding.because(request, open.intent.request));
        }
        Some(open)
    }
}

/// Why a result gives no job.
#[derive(Debug)]
pub(crate) enum Stop {
    No,
    Unreadable(Unreadable),
}

impl From<Unreadable> for Stop {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error)
    }
}

pub(crate) fn none(stop: Stop) -> Result<Option<Job>, Unreadable> {
    match stop {
        Stop::No => Ok(None),
        Stop::Unreadable(error) => Err(error),
    }
}
