//! The authorities of one installation through all their generations: who is used at a moment, and the trusted root that
//! they make. Gateway and keyguard each build it from the same facts, so that one can check what the other shows.
//!
//! ```text
//! first of each kind ─┐
//! successors ─────────┼─▶ Lineage ─▶ issuing_at · ct_at · stamping_at      what signs now
//! list that people    │        └───▶ trusted_root                          what verifiers believe
//! signed last ────────┘
//! ```
//! Where nobody signed a list yet, the first instances are listed as they were made.

use chancery_core::digest::Sha256;
use chancery_core::id::{InvalidId, KeyId};
use chancery_core::instance::{Instance, InstanceKind, InvalidTrustList, TrustList};
use chancery_core::message::{Authorities, Use};
use chancery_core::time::Time;
use chancery_ledger::note::KeyName;
use chancery_ledger::vkey::VerifierKey;
use chancery_x509::certificate::{Certificate, CertificateError};
use chancery_x509::key::{KeyError, VerifyingKey};

use crate::trusted_root::{Authority, CtLog, InvalidRoot, Ledger, TrustedRoot};
use crate::window::Window;

/// The first instances count from this many seconds before they were made, for verifiers whose clocks are behind.
const BEFORE: i64 = 600;
/// Gateway and keyguard change over this many seconds after a list was accepted, so that nothing that is under way is lost.
const CHANGE_OVER: i64 = 5;
/// The key that the keyguard pinned; the gateway has it, and no custodian.
const FIRST_LEDGER_KEY: &str = "chancery-ledger";

/// Why there is no lineage.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLineage {
    /// A certificate that cannot be read.
    #[error("certificate cannot be used")]
    Certificate(#[from] CertificateError),
    /// A key's name.
    #[error("name of a key cannot be used")]
    Id(#[from] InvalidId),
    /// A key that cannot be read.
    #[error("key cannot be used")]
    Key(#[from] KeyError),
    /// The list.
    #[error("list of trusted instances cannot be used")]
    List(#[from] InvalidTrustList),
    /// What would be told to verifiers.
    #[error("trusted root cannot be made")]
    Root(#[from] InvalidRoot),
    /// A listed instance that is neither ours nor a configured time stamping authority.
    #[error("listed `{}` {id} is neither ours nor configured", kind.name())]
    Unknown {
        /// What it does.
        kind: InstanceKind,
        /// Which.
        id: Sha256,
    },
    /// A window that cannot be.
    #[error("window of an instance cannot be")]
    Window,
}

/// What a lineage depends on beside the authorities.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The ledger's first key, as the keyguard pinned it.
    pub ledger: &'a VerifierKey,
    /// Remote time stamping authorities: address and chain, own certificate first.
    pub stampers: &'a [(String, Vec<Certificate>)],
    /// Address of the service where no list names it.
    pub url: &'a str,
}

/// One of our own instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own<T> {
    /// Its name in lists.
    pub id: Sha256,
    /// Its key.
    pub key: KeyId,
    /// Certificate or public key.
    pub value: T,
}

/// All generations.
#[derive(Debug)]
pub struct Lineage {
    issuing: Vec<Own<Certificate>>,
    ct: Vec<Own<VerifyingKey>>,
    ledgers: Vec<Own<VerifierKey>>,
    stamping: Vec<Own<Certificate>>,
    list: TrustList,
    is_signed: bool,
    uses: Vec<Use>,
    trusted_root: TrustedRoot,
    materials: Materials,
}

/// Everything that a list may name.
#[derive(Debug)]
struct Materials {
    origin: KeyName,
    organisation: String,
    root: Certificate,
    tsa_root: Certificate,
    stampers: Vec<(String, Vec<Certificate>)>,
}

impl Lineage {
    /// Reads all of it or nothing.
    pub fn new(shown: &Authorities, around: &Around<'_>) -> Result<Self, InvalidLineage> {
        let issuing = vec![certificate("chancery-issuing", &shown.issuing.0)?];
        let stamping = vec![certificate("chancery-tsa", &shown.tsa.0)?];
        let ct = vec![public("chancery-ct", &shown.ct_key.0)?];
        let ledgers = vec![ledger(FIRST_LEDGER_KEY, around.ledger.clone())?];
        let materials = Materials {
            origin: around.ledger.name().clone(),
            organisation: shown.organisation.clone(),
            root: Certificate::parse(&shown.root.0)?,
            tsa_root: Certificate::parse(&shown.tsa_root.0)?,
            stampers: around.stampers.to_vec(),
        };
        let list = TrustList { instances: Vec::new(), url: String::new() };
        let (uses, trusted_root) = (Vec::new(), TrustedRoot::default());
        let mut lineage =
            Self { issuing, ct, ledgers, stamping, list, is_signed: false, uses, trusted_root, materials };
        lineage.succeed(shown)?;
        (lineage.list, lineage.uses) = match &shown.listed {
            Some(listed) => (listed.list.clone(), listed.uses.clone()),
            None => lineage.first(shown.created, around.url)?,
        };
        lineage.is_signed = shown.listed.is_some();
        lineage.trusted_root = lineage.root_of(&lineage.list)?;
        Ok(lineage)
    }

    fn succeed(&mut self, shown: &Authorities) -> Result<(), InvalidLineage> {
        for successor in &shown.successors {
            let (key, der) = (successor.key.as_str(), &successor.der.0);
            match successor.kind {
                InstanceKind::Ca => self.issuing.push(certificate(key, der)?),
                InstanceKind::Ct => self.ct.push(public(key, der)?),
                InstanceKind::Tsa => self.stamping.push(certificate(key, der)?),
                InstanceKind::Ledger => {
                    let unusable = InvalidLineage::Unknown { kind: successor.kind, id: Sha256::of(der) };
                    let name = self.materials.origin.clone();
                    self.ledgers.push(ledger(key, VerifierKey::from_spki(name, der).ok_or(unusable)?)?);
                }
            }
        }
        Ok(())
    }

    /// The first list: what was made at the beginning, and the remote authorities that are configured.
    fn first(&self, created: Time, url: &str) -> Result<(TrustList, Vec<Use>), InvalidLineage> {
        let start = Time::from_seconds(created.plus_seconds(-BEFORE).seconds());
        let one = |kind, id| Instance { kind, id, start, end: None };
        let mut instances = Vec::new();
        instances.extend(self.ledgers.first().map(|own| one(InstanceKind::Ledger, own.id)));
        instances.extend(self.issuing.first().map(|own| one(InstanceKind::Ca, own.id)));
        instances.extend(self.ct.first().map(|own| one(InstanceKind::Ct, own.id)));
        instances.extend(self.stamping.first().map(|own| one(InstanceKind::Tsa, own.id)));
        let remote = self.materials.stampers.iter().filter_map(|(_, chain)| chain.first());
        instances.extend(remote.map(|own| one(InstanceKind::Tsa, own.fingerprint())));
        let uses = instances.iter().map(|one| Use { id: one.id, from: start }).collect();
        Ok((TrustList::new(instances, url.to_owned())?, uses))
    }

    /// The list in force, or the first one where nobody signed any.
    #[must_use]
    pub const fn list(&self) -> &TrustList {
        &self.list
    }
    /// Whether people signed the list.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.is_signed
    }
    /// What verifiers believe.
    #[must_use]
    pub const fn trusted_root(&self) -> &TrustedRoot {
        &self.trusted_root
    }
    /// Root of code signing.
    #[must_use]
    pub const fn root(&self) -> &Certificate {
        &self.materials.root
    }
    /// Root of time stamping.
    #[must_use]
    pub const fn tsa_root(&self) -> &Certificate {
        &self.materials.tsa_root
    }
    /// All issuing certificates that were ever made, the first first.
    #[must_use]
    pub fn issuing(&self) -> &[Own<Certificate>] {
        &self.issuing
    }
    /// All keys that ever promised precertificates.
    #[must_use]
    pub fn ct(&self) -> &[Own<VerifyingKey>] {
        &self.ct
    }
    /// All keys that ever signed checkpoints, the pinned one first.
    #[must_use]
    pub fn ledgers(&self) -> &[Own<VerifierKey>] {
        &self.ledgers
    }
    /// All own time stamping certificates that were ever made.
    #[must_use]
    pub fn stamping(&self) -> &[Own<Certificate>] {
        &self.stamping
    }
    /// The issuing certificate that is used at a moment.
    #[must_use]
    pub fn issuing_at(&self, at: Time) -> Option<&Own<Certificate>> {
        self.used(&self.issuing, InstanceKind::Ca, at)
    }
    /// The CT key that is used at a moment.
    #[must_use]
    pub fn ct_at(&self, at: Time) -> Option<&Own<VerifyingKey>> {
        self.used(&self.ct, InstanceKind::Ct, at)
    }
    /// The ledger's key that is used at a moment.
    #[must_use]
    pub fn ledger_at(&self, at: Time) -> Option<&Own<VerifierKey>> {
        self.used(&self.ledgers, InstanceKind::Ledger, at)
    }
    /// Keys by which a checkpoint may be signed at a moment, give or take what two clocks may differ.
    #[must_use]
    pub fn ledgers_around(&self, at: Time) -> Vec<VerifierKey> {
        let (before, after) = (at.plus_seconds(-CHANGE_OVER), at.plus_seconds(CHANGE_OVER));
        let counts = |own: &&Own<VerifierKey>| {
            let listed = self.list.find(InstanceKind::Ledger, own.id);
            listed.is_some_and(|one| one.counts(at) || one.counts(before) || one.counts(after))
        };
        self.ledgers.iter().filter(counts).map(|own| own.value.clone()).collect()
    }
    /// The own time stamping certificate that is used at a moment.
    #[must_use]
    pub fn stamping_at(&self, at: Time) -> Option<&Own<Certificate>> {
        self.used(&self.stamping, InstanceKind::Tsa, at)
    }
    /// Our own instances that work at a moment.
    #[must_use]
    pub fn used_at(&self, at: Time) -> Vec<(InstanceKind, Sha256)> {
        let issuing = self.issuing_at(at).map(|own| (InstanceKind::Ca, own.id));
        let ct = self.ct_at(at).map(|own| (InstanceKind::Ct, own.id));
        let ledger = self.ledger_at(at).map(|own| (InstanceKind::Ledger, own.id));
        let stamping = self.stamping_at(at).map(|own| (InstanceKind::Tsa, own.id));
        [issuing, ct, ledger, stamping].into_iter().flatten().collect()
    }
    /// What was made and is not listed: with its kind, in the order in which it was made.
    #[must_use]
    pub fn waiting(&self) -> Vec<(InstanceKind, Sha256)> {
        let issuing = self.issuing.iter().map(|own| (InstanceKind::Ca, own.id));
        let ct = self.ct.iter().map(|own| (InstanceKind::Ct, own.id));
        let ledgers = self.ledgers.iter().map(|own| (InstanceKind::Ledger, own.id));
        let stamping = self.stamping.iter().map(|own| (InstanceKind::Tsa, own.id));
        let own = issuing.chain(ct).chain(ledgers).chain(stamping);
        own.filter(|(kind, id)| self.list.find(*kind, *id).is_none()).collect()
    }

    /// Remote time stamping authorities that are configured and not listed.
    #[must_use]
    pub fn unlisted_stampers(&self) -> Vec<Sha256> {
        let remote = self.materials.stampers.iter().filter_map(|(_, chain)| chain.first());
        let names = remote.map(Certificate::fingerprint);
        names.filter(|id| self.list.find(InstanceKind::Tsa, *id).is_none()).collect()
    }

    /// The newest of those that count and are in use by then.
    fn used<'a, T>(&self, own: &'a [Own<T>], kind: InstanceKind, at: Time) -> Option<&'a Own<T>> {
        let from = |one: &Own<T>| {
            let counts = self.list.find(kind, one.id).is_some_and(|listed| listed.counts(at));
            let begun = self.uses.iter().find(|used| used.id == one.id && used.from <= at);
            begun.filter(|_| counts).map(|used| used.from)
        };
        let usable = own.iter().filter_map(|one| from(one).map(|from| (from, one)));
        usable.max_by_key(|(from, one)| (*from, one.id)).map(|(_, one)| one)
    }

    /// Whether a list can take the place of the one in force, and what verifiers would believe then.
    pub fn check(&self, list: &TrustList) -> Result<TrustedRoot, InvalidLineage> {
        list.check()?;
        list.follows(&self.list)?;
        self.root_of(list)
    }

    /// From when on each instance is used, where a list is accepted at a moment.
    #[must_use]
    pub fn uses(&self, list: &TrustList, at: Time) -> Vec<Use> {
        let use_of = |one: &Instance| {
            let known = self.uses.iter().find(|used| used.id == one.id);
            known.copied().unwrap_or_else(|| {
                // Where the one before does not count any more nothing is left to be awaited.
                let before = list.of(one.kind).any(|other| other.id != one.id && other.counts(at));
                // Whole seconds, as certificates and timestamps have them.
                let soon =
                    Time::from_seconds(at.seconds()).plus_seconds(if before { CHANGE_OVER } else { 0 });
                Use { id: one.id, from: one.start.max(soon) }
            })
        };
        list.instances.iter().map(use_of).collect()
    }

    /// Lists stay in their order; so the document is the same bytes wherever it is made.
    fn root_of(&self, list: &TrustList) -> Result<TrustedRoot, InvalidLineage> {
        let mut made = TrustedRoot::default();
        for one in &list.instances {
            let window = Window::new(one.start, one.end).ok_or(InvalidLineage::Window)?;
            let unknown = InvalidLineage::Unknown { kind: one.kind, id: one.id };
            match one.kind {
                InstanceKind::Ca => made.authorities.push(self.signing(one, window)?.ok_or(unknown)?),
                InstanceKind::Ct => made.ct_logs.push(self.ct_log(one, window)?.ok_or(unknown)?),
                InstanceKind::Ledger => made.ledgers.push(self.ledger(one, window)?.ok_or(unknown)?),
                InstanceKind::Tsa => {
                    made.timestamp_authorities.push(self.stamper(one, window)?.ok_or(unknown)?);
                }
            }
        }
        Ok(made)
    }

    fn base(&self) -> String {
        format!("https://{}", self.materials.origin)
    }
    fn ledger(&self, one: &Instance, window: Window) -> Result<Option<Ledger>, InvalidRoot> {
        let Some(own) = self.ledgers.iter().find(|own| own.id == one.id) else { return Ok(None) };
        Ledger::new(&self.base(), own.value.clone(), window).map(Some)
    }
    fn signing(&self, one: &Instance, window: Window) -> Result<Option<Authority>, InvalidRoot> {
        let Some(own) = self.issuing.iter().find(|own| own.id == one.id) else { return Ok(None) };
        let chain = vec![own.value.clone(), self.materials.root.clone()];
        let name = (self.materials.organisation.as_str(), "Code Signing");
        Authority::new(name, &self.base(), chain, window).map(Some)
    }
    fn ct_log(&self, one: &Instance, window: Window) -> Result<Option<CtLog>, InvalidRoot> {
        let Some(own) = self.ct.iter().find(|own| own.id == one.id) else { return Ok(None) };
        CtLog::new(&self.base(), own.value.clone(), window).map(Some)
    }
    fn stamper(&self, one: &Instance, window: Window) -> Result<Option<Authority>, InvalidRoot> {
        if let Some(own) = self.stamping.iter().find(|own| own.id == one.id) {
            let chain = vec![own.value.clone(), self.materials.tsa_root.clone()];
            let name = (self.materials.organisation.as_str(), "Time Stamping");
            return Authority::new(name, &self.base(), chain, window).map(Some);
        }
        let is_it = |chain: &Vec<Certificate>| chain.first().is_some_and(|own| own.fingerprint() == one.id);
        let Some((url, chain)) = self.materials.stampers.iter().find(|(_, chain)| is_it(chain)) else {
            return Ok(None);
        };
        Authority::new(("", url), url, chain.clone(), window).map(Some)
    }
}

fn ledger(key: &str, value: VerifierKey) -> Result<Own<VerifierKey>, InvalidLineage> {
    Ok(Own { id: value.log_id(), key: KeyId::parse(key)?, value })
}

fn certificate(key: &str, der: &[u8]) -> Result<Own<Certificate>, InvalidLineage> {
    let value = Certificate::parse(der)?;
    Ok(Own { id: value.fingerprint(), key: KeyId::parse(key)?, value })
}

fn public(key: &str, spki: &[u8]) -> Result<Own<VerifyingKey>, InvalidLineage> {
    let value = VerifyingKey::parse(spki)?;
    Ok(Own { id: value.fingerprint(), key: KeyId::parse(key)?, value })
}
