//! The TUF repository: four roles under one key of this process, which signs what it derives by itself and nothing else.
//!
//! ```text
//! act `trust` in the ledger, M of N people ─▶ list ─▶ trusted_root.json · signing_config… ─▶ targets ─▶ snapshot ─▶ timestamp
//! ```
//! ATTACK: whoever could have any targets signed would tell every client whom to believe. So nothing of them is told to
//! this process: the files are written here from the list that people signed, and roles are signed over facts (role,
//! version, end) that are checked against what was signed before. Without a signed list there is no repository.
//!
//! Versions come from the clock, and always grow: a keyguard that was restored from a backup never signs a version again
//! that clients have seen. Roots alone count one by one, as the specification demands; all of them are kept for good.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chancery_core::port::memory::{Memory, MemoryError, Piece};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_core::tuf::{Metadata, Repository, Role, Target};
use chancery_core::warrant::Duty;
use chancery_verify::signing_config::{self, Recording};
use chancery_verify::tuf::role::{self, Common};
use chancery_verify::tuf::{canonical, envelope, key};
use serde_json::Value;

use crate::authority::{ensure, failed};
use crate::duty::{fulfil, service_key};
use crate::established::Established;
use crate::keyguard::{CallError, Keyguard};
use crate::names::ServiceKey;

const DAY: i64 = 86_400;
/// How far the end of metadata may lie beyond its life, in seconds: the time between two lines of code.
const MAX_DRIFT: i64 = 2;

/// What was signed last.
#[derive(Debug, Default)]
pub struct TufBook {
    kept: Mutex<Option<Repository>>,
    alone: Mutex<()>,
}

impl TufBook {
    /// What was signed before this process started.
    pub fn recall(memory: &dyn Memory) -> Result<Self, MemoryError> {
        let kept = memory.read(Piece::Tuf)?;
        let kept = kept.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        let kept = kept.map_err(|error| MemoryError(format!("tuf: {error}")))?;
        Ok(Self { kept: Mutex::new(kept), alone: Mutex::new(()) })
    }
    /// Changes of authorities and repository come one at a time.
    pub(crate) fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn last(&self) -> Option<Repository> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn keep(&self, repository: &Repository, memory: &dyn Memory) -> Result<(), CallError> {
        let bytes = serde_json::to_vec(repository).map_err(failed)?;
        memory.write(Piece::Tuf, &bytes).map_err(failed)?;
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(repository.clone());
        Ok(())
    }
}

/// Facts about metadata to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Which role.
    pub role: Role,
    /// Its version.
    pub version: u64,
    /// Version of the role that it names.
    pub names: u64,
    /// When it ends.
    pub expires: Time,
}

/// The repository as it stands: what is older than half its life, or says something else than people signed, is signed anew.
pub fn repository(keyguard: &Keyguard) -> Result<Repository, CallError> {
    let _alone = keyguard.tuf.alone();
    let established = keyguard.established().ok_or_else(|| failed("not initialised"))?;
    let files = files(&established)?;
    let now = keyguard.parts.clock.now();
    let last = keyguard.tuf.last();
    let mut signing =
        Signing { keyguard, established: &established, now, key: public(keyguard, &established)? };
    let due = |role, metadata: &Metadata| is_due(role, metadata, now);
    let mut roots = last.as_ref().map(|last| last.roots.clone()).unwrap_or_default();
    if roots.last().is_none_or(|newest| due(Role::Root, newest)) {
        let version = roots.last().map_or(0, |newest| newest.version).saturating_add(1);
        roots.push(signing.metadata(Role::Root, version, 0)?);
    }
    let kept = |role, pick: fn(&Repository) -> &Metadata| {
        last.as_ref().map(pick).filter(|metadata| !due(role, metadata)).cloned()
    };
    let same = last.as_ref().is_some_and(|last| last.files == files);
    let targets = match kept(Role::Targets, |last| &last.targets).filter(|_| same) {
        Some(targets) => targets,
        None => signing.next(Role::Targets, last.as_ref().map(|last| &last.targets), 0)?,
    };
    let names_them = last.as_ref().is_some_and(|last| last.targets == targets);
    let snapshot = match kept(Role::Snapshot, |last| &last.snapshot).filter(|_| names_them) {
        Some(snapshot) => snapshot,
        None => signing.next(Role::Snapshot, last.as_ref().map(|last| &last.snapshot), targets.version)?,
    };
    let names_it = last.as_ref().is_some_and(|last| last.snapshot == snapshot);
    let timestamp = match kept(Role::Timestamp, |last| &last.timestamp).filter(|_| names_it) {
        Some(timestamp) => timestamp,
        None => signing.next(Role::Timestamp, last.as_ref().map(|last| &last.timestamp), snapshot.version)?,
    };
    let made = Repository { roots, targets, snapshot, timestamp, files };
    if last.as_ref() != Some(&made) {
        keyguard.tuf.keep(&made, &keyguard.memory)?;
    }
    Ok(made)
}

/// The canonical form of metadata that this process would write now.
pub fn to_be_signed(keyguard: &Keyguard, wish: &Wish) -> Result<Vec<u8>, Refusal> {
    let refuse = |why: &str| {
        Refusal::new(RefusalCode::StatementInvalid, format!("metadata is not this keyguard's: {why}"))
    };
    let established = keyguard.established().ok_or_else(|| refuse("not initialised"))?;
    let life = wish.expires.seconds_since(keyguard.parts.clock.now());
    if life > wish.role.life_days().saturating_mul(DAY).saturating_add(MAX_DRIFT) {
        return Err(refuse("it lives too long"));
    }
    let last = keyguard.tuf.last();
    let known = last.as_ref().map_or(0, |last| match wish.role {
        Role::Root => last.roots.last().map_or(0, |newest| newest.version),
        Role::Snapshot => last.snapshot.version,
        Role::Targets => last.targets.version,
        Role::Timestamp => last.timestamp.version,
    });
    let is_next = match wish.role {
        Role::Root => wish.version == known.saturating_add(1),
        Role::Snapshot | Role::Targets | Role::Timestamp => wish.version > known,
    };
    if !is_next {
        return Err(refuse("its version does not follow the last one"));
    }
    let public = public(keyguard, &established).map_err(|error| refuse(&error.to_string()))?;
    let signed = document(&established, &public, wish).map_err(|error| refuse(&error.to_string()))?;
    canonical::encode(&signed).map_err(|error| refuse(&error.to_string()))
}

/// What metadata says: made here, from the list that people signed.
fn document(established: &Established, public: &[u8], wish: &Wish) -> Result<Value, CallError> {
    let common = Common { version: wish.version, expires: wish.expires };
    let files = files(established)?;
    Ok(match wish.role {
        Role::Root => role::root(&common, public),
        Role::Targets => role::targets(&common, &files),
        Role::Snapshot => role::naming(Role::Snapshot, &common, (Role::Targets, wish.names)),
        Role::Timestamp => role::naming(Role::Timestamp, &common, (Role::Snapshot, wish.names)),
    })
}

/// The files that clients read. Errors where people have not signed a list: then there is nothing to hand out.
fn files(established: &Established) -> Result<Vec<Target>, CallError> {
    let lineage = &established.lineage;
    if !lineage.is_signed() {
        let refusal =
            Refusal::new(RefusalCode::TrustUnsigned, "nobody signed yet whom verifiers shall believe");
        return Err(refusal.hint("the root's people sign it: chancery trust publish").into());
    }
    let list = lineage.list();
    let file = |name: &str, text: String| Target { name: name.to_owned(), text };
    Ok(vec![
        file("signing_config.no-log.v0.2.json", signing_config::to_json(list, Recording::WithoutLog)),
        file("signing_config.v0.2.json", signing_config::to_json(list, Recording::WithLog)),
        file("trusted_root.json", lineage.trusted_root().to_json()),
    ])
}

/// The repository's public key; made where an installation is older than its repository.
fn public(keyguard: &Keyguard, established: &Established) -> Result<Vec<u8>, CallError> {
    use chancery_core::environment::Environment::{Development, Production};
    let environment = if established.shown.dev { Development } else { Production };
    ensure(keyguard, &ServiceKey::Tuf.spec(environment).map_err(failed)?)?;
    Ok(keyguard.parts.custodians.describe(&service_key(ServiceKey::Tuf)?)?.public_key.spki)
}

/// Whether half of its life is over. What cannot be read is due.
fn is_due(role: Role, metadata: &Metadata, now: Time) -> bool {
    let read = serde_json::from_str::<Value>(&metadata.text).ok();
    let expires =
        read.and_then(|value| Common::read(role, value.get("signed")?).ok()).map(|common| common.expires);
    let half = role.life_days().saturating_mul(DAY).div_euclid(2);
    expires.is_none_or(|expires| expires.seconds_since(now) < half)
}

/// One round of signing.
struct Signing<'a> {
    keyguard: &'a Keyguard,
    established: &'a Established,
    now: Time,
    key: Vec<u8>,
}

impl Signing<'_> {
    /// The next version of a role other than root: seconds since the authorities were made, and more than the last.
    fn next(&mut self, role: Role, last: Option<&Metadata>, names: u64) -> Result<Metadata, CallError> {
        let age = self.now.seconds_since(self.established.shown.created).saturating_add(1);
        let version = u64::try_from(age).unwrap_or(1);
        let after = last.map_or(1, |last| last.version.saturating_add(1));
        self.metadata(role, version.max(after), names)
    }
    fn metadata(&mut self, role: Role, version: u64, names: u64) -> Result<Metadata, CallError> {
        let expires = self.now.plus_seconds(role.life_days().saturating_mul(DAY));
        let expires = Time::from_seconds(expires.seconds());
        let key = service_key(ServiceKey::Tuf)?;
        let signature = fulfil(self.keyguard, &Duty::Tuf { key, role, version, names, expires })?;
        let signed = document(self.established, &self.key, &Wish { role, version, names, expires })?;
        let (id, _) = key::own(&self.key);
        Ok(Metadata { version, text: envelope::seal(&signed, &id, &signature.0) })
    }
}
