//! Changes that go with the leaves: which appends are admitted, and the rows that they become.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::port::sequencer::{Append, AppendError, Change, Record};
use chancery_core::time::Time;

use super::row::column;
use crate::cache::Cache;
use crate::database::StoreError;
use crate::intent::{self, NewIntent, Wish};
use crate::record;
use crate::released::{self, NewRelease};
use crate::token_use;
use crate::tx::Script;

/// Bindings that are kept in memory, twice.
const TOKENS: usize = 4096;
/// Bytes of wishes that later intents of the same request may refer to, twice.
const WISHES: usize = 2 << 20;

/// What the writer, which alone changes these tables, knows without asking them.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Bindings used lately. A token that is not here may be bound all the same; then the commit conflicts.
    bound: Cache<Sha256, RequestId>,
    /// INVARIANT: exactly the rows of `intent_open`.
    open: HashSet<i64>,
    /// Wishes with the indices of the intents that they are kept with, by request.
    bases: Cache<RequestId, (i64, Arc<str>)>,
}

impl Memory {
    pub(crate) fn new(open: impl IntoIterator<Item = i64>) -> Self {
        let (bound, bases) = (Cache::new(TOKENS), Cache::new(WISHES));
        Self { bound, open: open.into_iter().collect(), bases }
    }
    /// Whether the intent at `index` is neither released nor abandoned.
    pub(crate) fn is_open(&self, index: u64) -> bool {
        i64::try_from(index).is_ok_and(|index| self.open.contains(&index))
    }
    /// Takes over bindings that were looked up.
    pub(crate) fn learn(&mut self, bindings: HashMap<Sha256, RequestId>) {
        for (token, request) in bindings {
            self.bound.keep(token, request, 1);
        }
    }
    /// Takes over what was committed.
    pub(crate) fn committed(&mut self, rows: Rows) {
        self.learn(rows.tokens.into_iter().map(|(token, request, _)| (token, request)).collect());
        self.open.extend(rows.intents.iter().map(|intent| intent.index));
        for index in rows.closed {
            self.open.remove(&index);
        }
        for (request, base) in rows.bases {
            let weight = base.1.len();
            self.bases.keep(request, base, weight);
        }
    }
}

/// Rows of the admitted appends of one batch, on top of what the writer knows.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    tokens: Vec<(Sha256, RequestId, Time)>,
    bound: HashMap<Sha256, RequestId>,
    intents: Vec<NewIntent>,
    bases: HashMap<RequestId, (i64, Arc<str>)>,
    releases: Vec<NewRelease>,
    records: Vec<(i64, Record)>,
    closed: HashSet<i64>,
}

impl Rows {
    /// Checks all changes of one append, then takes over what needs no index; a refused append changes nothing.
    pub(crate) fn admit(&mut self, append: &Append, memory: &Memory) -> Result<(), AppendError> {
        let mut closed = HashSet::new();
        for change in &append.changes {
            match change {
                Change::TokenUse { token, request, .. } => match self.binding(token, memory) {
                    Some(known) if known != *request => return Err(AppendError::TokenReplayed(known)),
                    Some(_) | None => {}
                },
                Change::Release { index, .. } | Change::Abandon { index } => {
                    let idx = i64::try_from(*index).map_err(|_| AppendError::Closed(*index))?;
                    let is_open = memory.open.contains(&idx) && !self.closed.contains(&idx);
                    if !is_open || !closed.insert(idx) {
                        return Err(AppendError::Closed(*index));
                    }
                }
                Change::Intent { .. } | Change::Keep(_) if append.leaves.is_empty() => {
                    return Err(AppendError::LeafSize(0));
                }
                Change::Intent { .. } | Change::Keep(_) => {}
            }
        }
        for change in &append.changes {
            if let Change::TokenUse { token, request, expires } = change
                && self.binding(token, memory).is_none()
            {
                self.bound.insert(*token, *request);
                self.tokens.push((*token, *request, *expires));
            }
        }
        self.closed.extend(closed);
        Ok(())
    }
    fn binding(&self, token: &Sha256, memory: &Memory) -> Option<RequestId> {
        self.bound.get(token).or_else(|| memory.bound.find(token)).copied()
    }
    /// Adds what needs an index: `last` is that of the append's last leaf.
    pub(crate) fn add(&mut self, append: &Append, last: u64, memory: &Memory) -> Result<(), StoreError> {
        let more = u64::try_from(append.leaves.len()).unwrap_or(u64::MAX).saturating_sub(1);
        let first = last.saturating_sub(more);
        for change in &append.changes {
            match change {
                // Closing is `admit`'s matter, because it needs no index.
                Change::TokenUse { .. } | Change::Abandon { .. } => {}
                Change::Keep(record) => self.records.push((column(first)?, record.clone())),
                Change::Intent { request, statement, wish, plan } => {
                    let (profile, at) = append.leaves.last().map_or((String::new(), 0), |leaf| peek(leaf));
                    let (index, request, statement) = (column(last)?, *request, *statement);
                    let (wish, plan) = (self.wish((index, request), wish, memory), plan.clone());
                    self.intents.push(NewIntent { index, request, statement, profile, at, wish, plan });
                }
                Change::Release { index, request, statement, result } => self.releases.push(NewRelease {
                    intent: column(*index)?,
                    leaf: column(first)?,
                    request: *request,
                    statement: *statement,
                    result: result.clone(),
                }),
            }
        }
        Ok(())
    }
    /// The wish as it is stored: with the first intent that brings it. Another text for the same request (a new token)
    /// takes its place.
    fn wish(&mut self, (index, request): (i64, RequestId), wish: &Arc<str>, memory: &Memory) -> Wish {
        match self.bases.get(&request).or_else(|| memory.bases.find(&request)) {
            Some((base, known)) if Arc::ptr_eq(known, wish) || known == wish => Wish::At(*base),
            Some(_) | None => {
                self.bases.insert(request, (index, Arc::clone(wish)));
                Wish::Here(Arc::clone(wish))
            }
        }
    }
    /// The tokens that are bound with these rows unless they were before.
    pub(crate) fn tokens(&self) -> Vec<Sha256> {
        self.tokens.iter().map(|(token, ..)| *token).collect()
    }
    /// Indices of the intents that these rows close.
    pub(crate) fn closed(&self) -> impl Iterator<Item = u64> {
        self.closed.iter().filter_map(|idx| u64::try_from(*idx).ok())
    }
    /// The newest event time among the new intents, for pruning.
    pub(crate) fn newest(&self) -> Option<Time> {
        self.intents.iter().map(|intent| intent.at).max().map(Time::from_millis)
    }
    pub(crate) fn write(&self, script: &mut Script) {
        token_use::bind(script, &self.tokens);
        intent::insert(script, &self.intents);
        intent::close(script, &self.closed.iter().copied().collect::<Vec<_>>());
        released::insert(script, &self.releases);
        record::insert(script, &self.records);
    }
}

/// Profile and time of an intent's leaf, without reading the rest of it.
fn peek(leaf: &str) -> (String, i64) {
    #[derive(serde::Deserialize)]
    struct Peek {
        #[serde(default)]
        profile: String,
        #[serde(default)]
        time: i64,
    }
    serde_json::from_str::<Peek>(leaf).map_or((String::new(), 0), |peek| (peek.profile, peek.time))
}
