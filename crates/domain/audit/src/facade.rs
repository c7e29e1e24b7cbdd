//! Certificates over keys of Sigstore clients, and the entries that were taken under them.
//!
//! ```text
//! precertificate · intent · … · result ─▶ certificate issued ─▶ entry (hashedrekord) · event `entry`
//! ```
//! Every entry that no result names must be followed by an event that names it with its certificate: one of an earlier
//! result, live then, whose key signed the digest. The key of such a certificate is never one in custody.

use std::collections::BTreeMap;

use chancery_core::algorithm::PublicKey;
use chancery_core::digest::Sha256;
use chancery_core::id::KeyId;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_ledger::event::{Entry, Intent, Outcome};
use chancery_ledger::hashedrekord::HashedRekord;
use chancery_ledger::merkle::leaf_hash;
use chancery_x509::certificate::Certificate;
use chancery_x509::key;
use chancery_x509::profile::identity_leaf::LIFE_SECONDS;

use crate::auditor::{Auditor, Before};
use crate::finding::{Code, Finding};
use crate::intent::Open;
use crate::keys::Keys;

/// How long a certificate is remembered beyond its life, in seconds: events may be dated a little back.
const GRACE: i64 = 600;

/// Certificates that entries may still be taken under.
#[derive(Debug, Default)]
pub(crate) struct Issued(BTreeMap<Sha256, Leaf>);

#[derive(Debug)]
struct Leaf {
    intent: u64,
    from: Time,
}

impl Issued {
    /// Remembers the certificate of a result, and forgets those that are long over.
    pub(crate) fn result(&mut self, outcome: &Outcome, open: &Open) {
        let Some(certificate) = outcome.certificate.filter(|_| outcome.format.is_certificate()) else {
            return;
        };
        let now = open.time;
        self.0.retain(|_, leaf| now.seconds_since(leaf.from) < LIFE_SECONDS.saturating_add(GRACE));
        self.0.insert(certificate, Leaf { intent: open.index, from: open.time });
    }
    /// Checks an entry that the event right after it names.
    pub(crate) fn entry(
        &self,
        (index, time): (u64, Time),
        event: &Entry,
        entry: Option<&[u8]>,
    ) -> Option<Finding> {
        self.check(time, event, entry).err().map(|what| Finding::new(index, Code::Entry, what))
    }

    fn check(&self, time: Time, event: &Entry, entry: Option<&[u8]>) -> Result<(), String> {
        let entry = entry.ok_or("no entry stands before its event")?;
        if leaf_hash(entry) != event.hashedrekord {
            return Err("the event names another entry than the one before it".to_owned());
        }
        let text = std::str::from_utf8(entry).map_err(|error| error.to_string())?;
        let record = HashedRekord::parse(text).map_err(|error| error.to_string())?;
        let certificate = Sha256::of(record.certificate());
        let issued = self.0.get(&certificate).filter(|leaf| leaf.intent == event.intent);
        if issued.is_none() || certificate != event.certificate {
            return Err("the entry is not under a certificate of the intent that it names".to_owned());
        }
        let leaf = Certificate::parse(record.certificate()).map_err(|error| error.to_string())?;
        if !leaf.validity().contains(time) {
            return Err("the entry was taken while its certificate was not valid".to_owned());
        }
        let key =
            leaf.key().ok().and_then(|key| key.signing_key()).ok_or("the certificate has no usable key")?;
        key::verify_prehashed(&key, record.digest(), record.signature())
            .map_err(|_| "the entry's signature is not one of its certificate's key".to_owned())
    }
}

impl Auditor<'_> {
    /// An entry that a Sigstore client made, with the event that names it.
    pub(crate) fn taken(&mut self, at: (u64, Time), event: &Entry, before: &Before) {
        self.counts.records = self.counts.records.saturating_add(1);
        self.counts.taken = self.counts.taken.saturating_add(1);
        let entry = match before {
            Before::Entry(bytes) => Some(bytes.as_slice()),
            Before::Nothing | Before::Planned(_) => None,
        };
        self.findings.extend(self.issued.entry(at, event, entry));
    }
}

/// The key in custody that an intent wants to give a Sigstore client a certificate over; there must be none.
pub(crate) fn custodied(keys: &Keys, intent: &Intent) -> Option<KeyId> {
    let asked = intent.format.is_certificate().then_some(&intent.artifact);
    asked.and_then(|spki| keys.holding(spki)).cloned()
}

/// The key that a planned certificate is over: the one that was asked for, and none in custody.
pub(crate) fn check_planned(
    open: &Open,
    statement: &Statement,
    planned: Option<&PublicKey>,
) -> Result<(), Finding> {
    let refuse = |what: &str| Finding::new(open.index, Code::Precertificate, what);
    let planned =
        planned.map(|key| Sha256::of(&key.spki)).ok_or_else(|| refuse("no certificate was planned"))?;
    if planned != statement.artifact.digest {
        let finding = refuse("the planned certificate is over another key than was asked for");
        return Err(finding.because(planned, statement.artifact.digest));
    }
    match &open.custodied {
        Some(key) => {
            let finding = refuse("the planned certificate of a client is over a key in custody");
            Err(finding.because(key, "a key that the client made"))
        }
        None => Ok(()),
    }
}
