//! The instances of the trust services that verifiers believe, each with its window: what people sign in an act `trust`.
//!
//! ```json
//! {"instances":[{"end":null,"id":"9f86…","kind":"ca","start":1795209423000},…],"url":"https://sign.example"}
//! ```
//! `trust.json`, `trusted_root.json` and the TUF repository are made from this list and from nothing else.

use crate::digest::Sha256;
use crate::time::Time;

/// Most instances of a list, retired ones included: they stay for as long as their signatures do.
pub const MAX_INSTANCES: usize = 64;
/// Longest address of the service, in bytes.
const MAX_URL: usize = 256;

/// What an instance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceKind {
    /// Issues identity leaves.
    Ca,
    /// Promises that precertificates are in the ledger.
    Ct,
    /// Signs checkpoints.
    Ledger,
    /// Stamps.
    Tsa,
}

impl InstanceKind {
    /// All kinds, in the order of their names.
    pub const ALL: [Self; 4] = [Self::Ca, Self::Ct, Self::Ledger, Self::Tsa];

    /// The stable name: `ca`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Ct => "ct",
            Self::Ledger => "ledger",
            Self::Tsa => "tsa",
        }
    }
    /// Finds a kind by its stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One instance and when its work counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// What it does.
    pub kind: InstanceKind,
    /// SHA-256 of its own certificate (`ca`: the issuing one), DER; of its SubjectPublicKeyInfo (`ct`); its log id (`ledger`).
    pub id: Sha256,
    /// First moment of its window, whole seconds.
    pub start: Time,
    /// Last moment; null while it is in use. Before the moment of a compromise everything still counts.
    pub end: Option<Time>,
}

impl Instance {
    /// Whether its work at a moment counts; both ends are inside.
    #[must_use]
    pub fn counts(&self, at: Time) -> bool {
        self.start <= at && self.end.is_none_or(|end| at <= end)
    }
}

/// Everything that verifiers shall believe, and where the service is that they ask.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustList {
    /// Sorted by kind, start and id.
    pub instances: Vec<Instance>,
    /// Address of the service, without a path: clients are sent there to sign.
    pub url: String,
}

/// A list that cannot be, or cannot follow the one in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTrustList {
    /// An instance that was listed is not any more: what it signed would have no verifier.
    #[error("an instance that was listed is missing")]
    Forgotten,
    /// A kind without an instance in use.
    #[error("a kind has no instance without an end")]
    Idle,
    /// A window that ends before it starts, or has fractions of a second.
    #[error("a window ends before it starts, or does not consist of whole seconds")]
    Moment,
    /// Not sorted, or an instance twice.
    #[error("instances are not sorted, or one is listed twice")]
    Order,
    /// More than 64 instances.
    #[error("more than 64 instances")]
    Size,
    /// Not the address of a service.
    #[error("the address is not `https://host` with an optional port")]
    Url,
    /// A window was widened: what was distrusted once stays distrusted.
    #[error("a window was moved or widened")]
    Widened,
}

impl TrustList {
    /// Sorts a list and checks it.
    pub fn new(mut instances: Vec<Instance>, url: String) -> Result<Self, InvalidTrustList> {
        instances.sort_by_key(|one| (one.kind, one.start, one.id));
        let list = Self { instances, url };
        list.check()?;
        Ok(list)
    }
    /// Whether the list can be.
    pub fn check(&self) -> Result<(), InvalidTrustList> {
        if self.instances.len() > MAX_INSTANCES {
            return Err(InvalidTrustList::Size);
        }
        if !is_origin(&self.url) {
            return Err(InvalidTrustList::Url);
        }
        let is_sorted = self.instances.is_sorted_by_key(|one| (one.kind, one.start, one.id));
        let mut names: Vec<_> = self.instances.iter().map(|one| (one.kind, one.id)).collect();
        names.sort_unstable();
        names.dedup();
        if !is_sorted || names.len() != self.instances.len() {
            return Err(InvalidTrustList::Order);
        }
        let is_whole = |at: Time| at == Time::from_seconds(at.seconds());
        let is_window = |one: &Instance| {
            is_whole(one.start) && one.end.is_none_or(|end| is_whole(end) && one.start <= end)
        };
        if !self.instances.iter().all(is_window) {
            return Err(InvalidTrustList::Moment);
        }
        let in_use =
            |kind: InstanceKind| self.instances.iter().any(|one| one.kind == kind && one.end.is_none());
        if InstanceKind::ALL.into_iter().all(in_use) { Ok(()) } else { Err(InvalidTrustList::Idle) }
    }
    /// Whether the list can follow another: nothing is forgotten, and ends only come nearer.
    pub fn follows(&self, before: &Self) -> Result<(), InvalidTrustList> {
        for known in &before.instances {
            let found = self.find(known.kind, known.id).ok_or(InvalidTrustList::Forgotten)?;
            let is_nearer = match (known.end, found.end) {
                (None, _) => true,
                (Some(was), Some(is)) => is <= was,
                (Some(_), None) => false,
            };
            if found.start != known.start || !is_nearer {
                return Err(InvalidTrustList::Widened);
            }
        }
        Ok(())
    }
    /// An instance by its name.
    #[must_use]
    pub fn find(&self, kind: InstanceKind, id: Sha256) -> Option<&Instance> {
        self.instances.iter().find(|one| (one.kind, one.id) == (kind, id))
    }
    /// The instances of a kind.
    pub fn of(&self, kind: InstanceKind) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(move |one| one.kind == kind)
    }
}

fn is_origin(url: &str) -> bool {
    let Some(authority) = url.strip_prefix("https://") else { return false };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let is_host =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    url.len() <= MAX_URL && is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: InstanceKind, name: u8, start: i64, end: Option<i64>) -> Instance {
        let (start, end) = (Time::from_seconds(start), end.map(Time::from_seconds));
        Instance { kind, id: Sha256::of(&[name]), start, end }
    }

    fn list(extra: &[Instance]) -> Result<TrustList, InvalidTrustList> {
        let mut instances: Vec<_> =
            InstanceKind::ALL.into_iter().map(|kind| one(kind, 0, 100, None)).collect();
        for new in extra {
            instances.retain(|known| (known.kind, known.id) != (new.kind, new.id));
        }
        instances.extend_from_slice(extra);
        TrustList::new(instances, "https://sign.example:8443".to_owned())
    }

    #[test]
    fn a_list_that_cannot_be_is_refused() {
        use InstanceKind::{Ca, Tsa};
        let good = list(&[]).unwrap();
        let ended = one(Ca, 0, 100, Some(200));
        assert_eq!(list(&[ended]), Err(InvalidTrustList::Idle));
        list(&[ended, one(Ca, 1, 150, None)]).unwrap();
        assert_eq!(list(&[one(Tsa, 1, 150, Some(149))]), Err(InvalidTrustList::Moment));
        let fraction = Instance { start: Time::from_millis(1), ..one(Tsa, 1, 1, None) };
        assert_eq!(list(&[fraction]), Err(InvalidTrustList::Moment));
        assert_eq!(
            list(&[one(Tsa, 1, 1, None), one(Tsa, 1, 1, Some(9))]).map(drop),
            Err(InvalidTrustList::Order)
        );
        let many: Vec<_> = (1..=61).map(|name| one(Tsa, name, 1, None)).collect();
        assert_eq!(list(&many), Err(InvalidTrustList::Size));
        for url in
            ["http://sign.example", "https://", "https://a/b", "https://a:0", "https://u@h", "https://a:x"]
        {
            let wrong = TrustList { url: url.to_owned(), ..good.clone() };
            assert_eq!(wrong.check(), Err(InvalidTrustList::Url), "{url}");
        }
        let mut unsorted = good;
        unsorted.instances.reverse();
        assert_eq!(unsorted.check(), Err(InvalidTrustList::Order));
    }

    #[test]
    fn ends_only_come_nearer_and_nothing_is_forgotten() {
        use InstanceKind::Ca;
        let next = one(Ca, 1, 150, None);
        let at = |end| list(&[one(Ca, 0, 100, end), next]).unwrap();
        let first = list(&[]).unwrap();
        at(Some(200)).follows(&first).unwrap();
        at(Some(180)).follows(&at(Some(200))).unwrap();
        at(Some(180)).follows(&at(Some(180))).unwrap();
        assert_eq!(at(Some(201)).follows(&at(Some(200))), Err(InvalidTrustList::Widened));
        assert_eq!(at(None).follows(&at(Some(200))), Err(InvalidTrustList::Widened));
        let moved = list(&[one(Ca, 0, 101, None), next]).unwrap();
        assert_eq!(moved.follows(&first), Err(InvalidTrustList::Widened));
        let forgotten = TrustList {
            instances: at(None)
                .instances
                .into_iter()
                .filter(|i| i.id != Sha256::of(&[0]) || i.kind != Ca)
                .collect(),
            url: first.url.clone(),
        };
        assert_eq!(forgotten.follows(&first), Err(InvalidTrustList::Forgotten));
    }
}
