//! Which key sets were fetched, by their digests: durable before a set is used, so that what the keyguard cosigns as
//! its own it also knows after a restart.
//!
//! ```json
//! {"sets":[{"fetched":1795210023000,"issuer":"github","recorded":true,"registration":"5c1f…","sha256":"9f86…"}]}
//! ```

use chancery_core::digest::Sha256;
use chancery_core::id::IssuerName;
use chancery_core::port::memory::{Memory, MemoryError, Piece};
use chancery_core::time::Time;
use chancery_identity::issuer::Issuer;

/// Most sets; the one that was fetched longest ago goes first. A slot of the memory holds as many of the longest names.
const MAX_SETS: usize = 800;

/// One set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The issuer's registered name.
    pub issuer: IssuerName,
    /// Which registration under that name: SHA-256 of name and URL.
    pub registration: Sha256,
    /// SHA-256 of the set as received.
    pub sha256: Sha256,
    /// When the issuer published it last.
    pub fetched: Time,
    /// Whether the followed ledger names it.
    pub recorded: bool,
}

/// All sets, in the order of their fetching.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Records {
    sets: Vec<Set>,
}

/// Which registration an issuer is: another URL under the same name starts afresh.
#[must_use]
pub fn registration(issuer: &Issuer) -> Sha256 {
    Sha256::of(format!("{} {}", issuer.name(), issuer.url()).as_bytes())
}

impl Records {
    /// What was kept.
    pub fn load(memory: &dyn Memory) -> Result<Self, MemoryError> {
        let Some(bytes) = memory.read(Piece::IssuerKeys)? else { return Ok(Self::default()) };
        serde_json::from_slice(&bytes).map_err(|error| MemoryError(error.to_string()))
    }

    /// Takes note of a set that was just fetched, durably. Answers whether the ledger names it.
    pub fn fetched(
        &mut self,
        issuer: &Issuer,
        sha256: Sha256,
        now: Time,
        memory: &dyn Memory,
    ) -> Result<bool, MemoryError> {
        let registration = registration(issuer);
        let same = |set: &Set| set.registration == registration && set.sha256 == sha256;
        let mut next = self.clone();
        let recorded = next.sets.iter().any(|set| same(set) && set.recorded);
        next.sets.retain(|set| !same(set));
        next.sets.push(Set { issuer: issuer.name().clone(), registration, sha256, fetched: now, recorded });
        let excess = next.sets.len().saturating_sub(MAX_SETS);
        next.sets.drain(..excess);
        self.keep(next, memory)?;
        Ok(recorded)
    }

    /// Whether a set of an issuer's name was fetched here.
    #[must_use]
    pub fn has(&self, issuer: &IssuerName, sha256: Sha256) -> bool {
        self.sets.iter().any(|set| set.issuer == *issuer && set.sha256 == sha256)
    }

    /// Takes note that the ledger names sets. Writes only where that is news.
    pub fn recorded(
        &mut self,
        named: &[(IssuerName, Sha256)],
        memory: &dyn Memory,
    ) -> Result<(), MemoryError> {
        let mut next = self.clone();
        for set in &mut next.sets {
            set.recorded |=
                named.iter().any(|(issuer, sha256)| *issuer == set.issuer && *sha256 == set.sha256);
        }
        if next == *self { Ok(()) } else { self.keep(next, memory) }
    }

    /// The sets of one registration, oldest first.
    pub fn of(&self, registration: Sha256) -> impl DoubleEndedIterator<Item = &Set> {
        self.sets.iter().filter(move |set| set.registration == registration)
    }

    fn keep(&mut self, next: Self, memory: &dyn Memory) -> Result<(), MemoryError> {
        let bytes = serde_json::to_vec(&next).map_err(|error| MemoryError(error.to_string()))?;
        memory.write(Piece::IssuerKeys, &bytes)?;
        *self = next;
        Ok(())
    }
}
