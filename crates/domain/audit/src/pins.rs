//! What an auditor brings along and does not take from the service.

use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_ledger::merkle::Head;
use chancery_verify::snapshot::TrustSnapshot;

/// The pins of one audit.
#[derive(Debug, Clone)]
pub struct Pins {
    /// Keys and authorities: the ledger's, the keyguard's cosigning key, certificate and time stamping roots.
    pub trust: TrustSnapshot,
    /// SHA-256 of the first root document; entry 0 must name it.
    pub root: Option<Sha256>,
    /// The service's host as it stands in audiences and, behind `https://`, in provenance.
    pub host: String,
    /// Size and root of a checkpoint that was seen earlier; the ledger must extend it.
    pub earlier: Option<Head>,
}

impl Pins {
    /// The snapshot for judging old signatures: who may sign is what counts here, not how old the snapshot is, and not what
    /// was retired or distrusted after it had signed: that is for `verify` to say.
    pub(crate) fn ageless(&self) -> TrustSnapshot {
        ageless(&self.trust)
    }
    /// This service as signed provenance names it.
    pub(crate) fn builder(&self) -> String {
        format!("https://{}", self.host)
    }
}

/// The same authorities for every moment, and nothing revoked.
pub(crate) fn ageless(trust: &TrustSnapshot) -> TrustSnapshot {
    let mut trust = trust.clone();
    trust.taken_at = Time::from_millis(0);
    trust.expires = Time::from_millis(i64::MAX);
    trust.roots = trust.roots.without_ends();
    trust.policies.clear();
    trust.revocations.clear();
    trust
}

/// What no audit of this ledger can check by itself.
pub(crate) fn trusted(pins: &Pins, outside: &[String]) -> Vec<String> {
    let mut trusted = vec![
        "issuer keys: where the governance documents pin none, those that the keyguard fetched and had logged".to_owned(),
        "builders, hold periods, habits: what the keyguard alone had seen (see the count of such decisions)".to_owned(),
        "times of events: the gateway's clock; times of signatures: the time stamping authority's".to_owned(),
        format!("host: tokens and provenance are checked for `{}`", pins.host),
    ];
    if pins.root.is_none() {
        trusted.push("root document: entry 0 was not compared with one that you brought (--root)".to_owned());
    }
    if pins.earlier.is_none() {
        trusted.push("history: no earlier checkpoint was given, so a ledger that was rolled back as a whole looks like this too (--since)".to_owned());
    }
    trusted
        .extend(outside.iter().map(|name| format!("time stamping authority outside of the ledger: {name}")));
    trusted
}
