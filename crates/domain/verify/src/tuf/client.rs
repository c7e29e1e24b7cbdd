//! The client's workflow (specification, section 5) as a state machine without I/O: whoever fetches hands the bytes in.
//!
//! ```text
//! begin(root) ─▶ root(N+1)* ─▶ close_roots(now) ─▶ timestamp ─▶ snapshot ─▶ targets ─▶ target(name)
//! ```
//! What was trusted before is handed in first, by the same calls: it is judged again, and what it is refused for
//! (its age, say) only means that it is no lower bound. Nothing is taken twice from different readings: what was
//! verified is the parsed value that is used.

use std::collections::BTreeMap;

use chancery_core::time::Time;
use chancery_core::tuf::Role;

use super::envelope::Envelope;
use super::refused::TufRefused;
use super::role::{self, Common, Named, Root};

/// Most roots that are followed in one update (5.3.3).
pub const MAX_ROOTS: usize = 256;
/// Largest file of each role that is read, in bytes.
#[must_use]
pub const fn limit(role: Role) -> usize {
    match role {
        Role::Root => 512_000,
        Role::Timestamp => 16_384,
        Role::Snapshot => 2_000_000,
        Role::Targets => 5_000_000,
    }
}
/// Largest target that is read, in bytes.
pub const MAX_TARGET: usize = 4 << 20;

/// Metadata of a role that names others.
#[derive(Debug, Clone)]
struct Trusted {
    common: Common,
    files: BTreeMap<String, Named>,
}

/// What is trusted so far.
#[derive(Debug, Clone)]
pub struct Client {
    root: Root,
    /// The root with which this update began, whose keys decide what of earlier metadata still bounds (5.3.11).
    first: Root,
    closed: Option<Time>,
    timestamp: Option<Trusted>,
    snapshot: Option<Trusted>,
    targets: Option<Trusted>,
}

impl Client {
    /// Begins with a root that was trusted before, or brought along: signed by its own threshold; its age does not matter.
    pub fn begin(bytes: &[u8]) -> Result<Self, TufRefused> {
        let (envelope, root) = read_root(bytes)?;
        envelope.verify(Role::Root, root.keys(Role::Root)?)?;
        let first = root.clone();
        Ok(Self { root, first, closed: None, timestamp: None, snapshot: None, targets: None })
    }
    /// Version of the newest root.
    #[must_use]
    pub const fn root_version(&self) -> u64 {
        self.root.common.version
    }
    /// When the newest root ends.
    #[must_use]
    pub const fn root_expires(&self) -> Time {
        self.root.common.expires
    }
    /// Version of the targets, once they are trusted.
    #[must_use]
    pub fn targets_version(&self) -> Option<u64> {
        self.targets.as_ref().map(|targets| targets.common.version)
    }
    /// 5.3: the next root: its version is the next one, and the thresholds of the old and of the new keys signed it.
    pub fn root(&mut self, bytes: &[u8]) -> Result<(), TufRefused> {
        let role = Role::Root;
        if self.closed.is_some() {
            return Err(TufRefused::OutOfTurn(role));
        }
        let (envelope, next) = read_root(bytes)?;
        envelope.verify(role, self.root.keys(role)?)?;
        envelope.verify(role, next.keys(role)?)?;
        let known = self.root.common.version.saturating_add(1);
        if next.common.version != known {
            return Err(TufRefused::RolledBack { role, actual: next.common.version, known });
        }
        self.root = next;
        Ok(())
    }
    /// 5.3.10: the last root must be in force; from now on it says who signs the rest.
    pub fn close_roots(&mut self, at: Time) -> Result<(), TufRefused> {
        self.root.common.check(Role::Root, at)?;
        if !self.root.consistent_snapshot {
            return Err(TufRefused::Malformed { role: Role::Root, why: "`consistent_snapshot` is not true" });
        }
        self.closed = Some(at);
        Ok(())
    }
    /// Takes what was trusted in an earlier run as the bound below which nothing may fall: not where the keys of the role
    /// were exchanged meanwhile, which is how a repository recovers from a version that ran away (5.3.11).
    pub fn remember(&mut self, role: Role, bytes: &[u8]) -> Result<(), TufRefused> {
        let is_same = self.first.keys(role)?.has_keys_of(self.root.keys(role)?);
        if !is_same {
            return Ok(());
        }
        let trusted = self.read(role, bytes)?;
        match role {
            Role::Timestamp => self.timestamp = Some(trusted),
            Role::Snapshot => self.snapshot = Some(trusted),
            Role::Root | Role::Targets => {}
        }
        Ok(())
    }
    /// 5.4: the timestamp; answers with the version of the snapshot.
    pub fn timestamp(&mut self, bytes: &[u8]) -> Result<u64, TufRefused> {
        let (role, at) = (Role::Timestamp, self.closed.ok_or(TufRefused::OutOfTurn(Role::Timestamp))?);
        let next = self.read(role, bytes)?;
        let named = only(role, &next, "snapshot.json")?.version;
        if let Some(known) = &self.timestamp {
            not_below(role, next.common.version, known.common.version)?;
            not_below(Role::Snapshot, named, only(role, known, "snapshot.json")?.version)?;
        }
        next.common.check(role, at)?;
        self.timestamp = Some(next);
        Ok(named)
    }
    /// 5.5: the snapshot; answers with the version of the targets.
    pub fn snapshot(&mut self, bytes: &[u8]) -> Result<u64, TufRefused> {
        let (role, at) = (Role::Snapshot, self.closed.ok_or(TufRefused::OutOfTurn(Role::Snapshot))?);
        let timestamp = self.timestamp.as_ref().ok_or(TufRefused::OutOfTurn(role))?;
        let named = only(Role::Timestamp, timestamp, "snapshot.json")?.clone();
        named.check("snapshot.json", bytes)?;
        let next = self.read(role, bytes)?;
        exactly(role, next.common.version, named.version)?;
        let known = self.snapshot.iter().flat_map(|known| &known.files);
        for (name, before) in known {
            let now = next.files.get(name).map_or(0, |file| file.version);
            not_below(Role::Targets, now, before.version)?;
        }
        next.common.check(role, at)?;
        let version = only(role, &next, "targets.json")?.version;
        self.snapshot = Some(next);
        Ok(version)
    }
    /// 5.6: the targets.
    pub fn targets(&mut self, bytes: &[u8]) -> Result<(), TufRefused> {
        let (role, at) = (Role::Targets, self.closed.ok_or(TufRefused::OutOfTurn(Role::Targets))?);
        let snapshot = self.snapshot.as_ref().ok_or(TufRefused::OutOfTurn(role))?;
        let named = only(Role::Snapshot, snapshot, "targets.json")?.clone();
        named.check("targets.json", bytes)?;
        let next = self.read(role, bytes)?;
        exactly(role, next.common.version, named.version)?;
        next.common.check(role, at)?;
        self.targets = Some(next);
        Ok(())
    }
    /// Where a target lies below `targets/`: with its digest in its name, for snapshots are consistent.
    pub fn target_path(&self, name: &str) -> Result<String, TufRefused> {
        let named = self.named(name)?;
        let digest = named.sha256.ok_or(TufRefused::Malformed { role: Role::Targets, why: "no digest" })?;
        let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
        let slash = if folder.is_empty() { "" } else { "/" };
        Ok(format!("{folder}{slash}{digest}.{file}"))
    }
    /// 5.7: whether bytes are a target.
    pub fn target(&self, name: &str, bytes: &[u8]) -> Result<(), TufRefused> {
        self.named(name)?.check(name, bytes)
    }

    fn named(&self, name: &str) -> Result<&Named, TufRefused> {
        let targets = self.targets.as_ref().ok_or(TufRefused::OutOfTurn(Role::Targets))?;
        targets.files.get(name).ok_or_else(|| TufRefused::NoTarget(name.to_owned()))
    }
    /// Reads what the root's keys for this role signed.
    fn read(&self, role: Role, bytes: &[u8]) -> Result<Trusted, TufRefused> {
        let envelope = Envelope::parse(role, bytes, limit(role))?;
        envelope.verify(role, self.root.keys(role)?)?;
        let (common, files) = (Common::read(role, envelope.signed())?, role::files(role, envelope.signed())?);
        Ok(Trusted { common, files })
    }
}

fn read_root(bytes: &[u8]) -> Result<(Envelope, Root), TufRefused> {
    let envelope = Envelope::parse(Role::Root, bytes, limit(Role::Root))?;
    let root = Root::read(envelope.signed())?;
    Ok((envelope, root))
}

fn only<'a>(role: Role, metadata: &'a Trusted, name: &str) -> Result<&'a Named, TufRefused> {
    let found = metadata.files.get(name).filter(|file| file.version > 0);
    found.ok_or(TufRefused::Malformed { role, why: "it does not name the role below it" })
}

const fn not_below(role: Role, actual: u64, known: u64) -> Result<(), TufRefused> {
    if actual < known { Err(TufRefused::RolledBack { role, actual, known }) } else { Ok(()) }
}

const fn exactly(role: Role, actual: u64, expected: u64) -> Result<(), TufRefused> {
    if actual == expected { Ok(()) } else { Err(TufRefused::Mixed { role, actual, expected }) }
}
