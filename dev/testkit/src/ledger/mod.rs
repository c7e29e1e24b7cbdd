//! A ledger in memory with real leaves, proofs and checkpoints, and the state beside it; as strict as the store.

mod port;
mod tree;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_core::digest::Sha256;
use chancery_core::id::{RequestId, StatementId};
use chancery_core::message::Use;
use chancery_core::port::clock::Clock;
use chancery_core::port::cosigner::{CosignError, Follow};
use chancery_core::port::ledger_keys::{LedgerKeyError, LedgerKeys};
use chancery_core::port::sequencer::{Append, AppendError, Change, MAX_LEAF, Record};
use chancery_core::port::state::{CurrentPolicy, OpenIntent, Recalled};
use chancery_core::receipt::Receipt;
use chancery_ledger::event::{Body, Event};

use tree::Tree;

/// Who follows: called while the ledger is locked, so batches come one at a time and in order.
pub type Follower = Arc<dyn Fn(&Follow) -> Result<String, CosignError> + Send + Sync>;

/// Where a test may catch a batch before it is followed.
pub type Meddler = Arc<dyn Fn(&mut Follow) + Send + Sync>;

struct State {
    tree: Tree,
    follower: Option<Follower>,
    meddler: Option<Meddler>,
    checkpoint: String,
    tokens: HashMap<Sha256, RequestId>,
    intents: BTreeMap<u64, OpenIntent>,
    closed: BTreeMap<u64, OpenIntent>,
    releases: Vec<(RequestId, StatementId, Recalled)>,
    policies: Vec<CurrentPolicy>,
    records: Vec<Record>,
    kept_with: HashMap<Sha256, u64>,
}

/// The fake. Clones are the same ledger.
#[derive(Clone)]
pub struct FakeLedger(Arc<Mutex<State>>);

impl std::fmt::Debug for FakeLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FakeLedger({} leaves)", self.state().tree.leaves.len())
    }
}

impl FakeLedger {
    /// An empty ledger of this origin with a fresh key.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self(Arc::new(Mutex::new(State {
            tree: Tree::new(origin),
            follower: None,
            meddler: None,
            checkpoint: String::new(),
            tokens: HashMap::new(),
            intents: BTreeMap::new(),
            closed: BTreeMap::new(),
            releases: Vec::new(),
            policies: Vec::new(),
            records: Vec::new(),
            kept_with: HashMap::new(),
        })))
    }
    /// The key that signs checkpoints (C2SP vkey).
    #[must_use]
    pub fn vkey(&self) -> String {
        self.state().tree.vkey(1)
    }
    /// By which successors of its key become due; without it the first key signs.
    pub fn keep_time(&self, clock: Arc<dyn Clock>) {
        self.state().tree.clock = Some(clock);
    }
    /// From now on every batch is shown to this follower before it is answered.
    pub fn follow_with(&self, follower: Follower) {
        self.state().follower = Some(follower);
    }
    /// Lets a test change what the follower is shown.
    pub fn meddle_with(&self, meddler: Option<Meddler>) {
        self.state().meddler = meddler;
    }
    /// All leaves.
    #[must_use]
    pub fn leaves(&self) -> Vec<String> {
        self.state().tree.leaves.clone()
    }
    /// The events among the leaves, with their indices.
    #[must_use]
    pub fn events(&self) -> Vec<(usize, Body)> {
        let leaves = self.leaves();
        let decoded = leaves.iter().enumerate();
        decoded.filter_map(|(at, leaf)| Some((at, Event::decode(leaf).ok()?.body))).collect()
    }
    /// A batch as it would be followed, from any size, signed by the ledger whatever it says.
    #[must_use]
    pub fn batch(&self, from: usize, leaves: &[String]) -> Follow {
        self.state().tree.batch(from, leaves)
    }
    /// Appends at once, as a writer that checks nothing but what the store checks.
    pub fn append_now(&self, append: &Append) -> Result<Vec<Receipt>, AppendError> {
        self.state().append(append)
    }
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LedgerKeys for FakeLedger {
    fn make(&self, generation: usize) -> Result<String, LedgerKeyError> {
        Ok(self.state().tree.vkey(generation))
    }
    fn plan(&self, uses: &[Use]) {
        self.state().tree.uses = uses.to_vec();
    }
}

impl State {
    fn append(&mut self, append: &Append) -> Result<Vec<Receipt>, AppendError> {
        if let Some(leaf) = append.leaves.iter().find(|leaf| leaf.is_empty() || leaf.len() > MAX_LEAF) {
            return Err(AppendError::LeafSize(leaf.len()));
        }
        self.admit(append)?;
        let first = self.tree.leaves.len();
        let mut follow = self.tree.extend(&append.leaves);
        self.apply(append, first);
        if let Some(meddler) = &self.meddler {
            meddler(&mut follow);
        }
        let follower = self.follower.clone();
        let line = follower.map_or_else(|| Ok(String::new()), |follower| follower(&follow));
        let line = line.map_err(|error| AppendError::NotCosigned(error.to_string()))?;
        self.checkpoint = format!("{}{line}", follow.checkpoint);
        Ok((first..self.tree.leaves.len()).filter_map(|index| self.receipt(index)).collect())
    }
    fn admit(&self, append: &Append) -> Result<(), AppendError> {
        for change in &append.changes {
            match change {
                Change::TokenUse { token, request, .. } => match self.tokens.get(token) {
                    Some(known) if known != request => return Err(AppendError::TokenReplayed(*known)),
                    Some(_) | None => {}
                },
                Change::Intent { .. } | Change::Keep(_) if append.leaves.is_empty() => {
                    return Err(AppendError::LeafSize(0));
                }
                Change::Intent { .. } | Change::Keep(_) => {}
                Change::Release { index, .. } | Change::Abandon { index } => {
                    if !self.intents.contains_key(index) {
                        return Err(AppendError::Closed(*index));
                    }
                }
            }
        }
        Ok(())
    }
    fn apply(&mut self, append: &Append, first: usize) {
        let last = u64::try_from(self.tree.leaves.len()).unwrap_or(u64::MAX).saturating_sub(1);
        for change in append.changes.clone() {
            match change {
                Change::TokenUse { token, request, .. } => drop(self.tokens.insert(token, request)),
                Change::Intent { request, statement, wish, plan } => {
                    let (index, wish) = (last, wish.to_string());
                    let open = OpenIntent { index, request, statement, wish, plan, signed: None };
                    self.intents.insert(last, open);
                }
                Change::Release { index, request, statement, result } => {
                    self.closed.extend(self.intents.remove_entry(&index));
                    let leaf = u64::try_from(first).unwrap_or(u64::MAX);
                    self.releases.push((request, statement, Recalled { leaf, result }));
                }
                Change::Keep(record) => {
                    self.kept_with.entry(record.sha256).or_insert(u64::try_from(first).unwrap_or(u64::MAX));
                    self.records.push(record);
                }
                Change::Abandon { index } => self.closed.extend(self.intents.remove_entry(&index)),
            }
        }
    }
    fn receipt(&self, index: usize) -> Option<Receipt> {
        self.tree.receipt(index, &self.checkpoint)
    }
}
