//! Changes that go with the leaves: which appends are admitted, and the rows that they become.

use std::collections::{HashMap, HashSet};

use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::port::sequencer::{Append, AppendError, Change};
use chancery_core::time::Time;
use sqlx::AnyConnection;

use super::row::column;
use crate::database::StoreError;
use crate::intent::{self, Closing, NewIntent};
use crate::released::{self, NewRelease};
use crate::token_use;

/// What is known before a batch: bindings of its tokens, and which of the intents that it closes are open.
#[derive(Debug, Default)]
pub(crate) struct Known {
    bound: HashMap<Sha256, RequestId>,
    open: HashSet<i64>,
}

/// Rows of the admitted appends.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    tokens: Vec<(Sha256, RequestId, Time)>,
    intents: Vec<NewIntent>,
    releases: Vec<NewRelease>,
    abandoned: Vec<i64>,
}

impl Known {
    pub(crate) async fn load<'a>(
        tx: &mut AnyConnection,
        appends: impl Iterator<Item = &'a Append>,
    ) -> Result<Self, StoreError> {
        let (mut tokens, mut closing) = (Vec::new(), Vec::new());
        for change in appends.flat_map(|append| &append.changes) {
            match change {
                Change::TokenUse { token, .. } => tokens.push(*token),
                Change::Release { index, .. } | Change::Abandon { index } => {
                    // An index beyond every column is not open; `admit` says so.
                    closing.extend(i64::try_from(*index));
                }
                Change::Intent { .. } => {}
            }
        }
        let bound = token_use::bindings(tx, &tokens).await?;
        Ok(Self { bound, open: intent::open_among(tx, &closing).await?.into_iter().collect() })
    }

    /// Checks all changes of one append, then takes them over; a refused append changes nothing.
    pub(crate) fn admit(&mut self, append: &Append, rows: &mut Rows) -> Result<(), AppendError> {
        let mut closed = HashSet::new();
        for change in &append.changes {
            match change {
                Change::TokenUse { token, request, .. } => match self.bound.get(token) {
                    Some(known) if known != request => return Err(AppendError::TokenReplayed(*known)),
                    Some(_) | None => {}
                },
                Change::Release { index, .. } | Change::Abandon { index } => {
                    let idx = i64::try_from(*index).map_err(|_| AppendError::Closed(*index))?;
                    if !self.open.contains(&idx) || !closed.insert(idx) {
                        return Err(AppendError::Closed(*index));
                    }
                }
                Change::Intent { .. } if append.leaves.is_empty() => return Err(AppendError::LeafSize(0)),
                Change::Intent { .. } => {}
            }
        }
        for change in &append.changes {
            if let Change::TokenUse { token, request, expires } = change
                && self.bound.insert(*token, *request).is_none()
            {
                rows.tokens.push((*token, *request, *expires));
            }
        }
        self.open.retain(|idx| !closed.contains(idx));
        Ok(())
    }
}

impl Rows {
    /// Adds what needs an index: `last` is that of the append's last leaf.
    pub(crate) fn add(&mut self, append: &Append, last: u64) -> Result<(), StoreError> {
        let more = u64::try_from(append.leaves.len()).unwrap_or(u64::MAX).saturating_sub(1);
        let first = last.saturating_sub(more);
        for change in &append.changes {
            match change {
                Change::TokenUse { .. } => {}
                Change::Intent { request, statement, order } => {
                    let (profile, at) = append.leaves.last().map_or((String::new(), 0), |leaf| peek(leaf));
                    self.intents.push(NewIntent {
                        index: column(last)?,
                        request: *request,
                        statement: *statement,
                        profile,
                        at,
                        plan: order.clone(),
                    });
                }
                Change::Release { index, request, statement, result } => self.releases.push(NewRelease {
                    intent: column(*index)?,
                    leaf: column(first)?,
                    request: *request,
                    statement: *statement,
                    result: result.clone(),
                }),
                Change::Abandon { index } => self.abandoned.push(column(*index)?),
            }
        }
        Ok(())
    }
    /// Indices of the intents that these rows close.
    pub(crate) fn closed(&self) -> Vec<u64> {
        let released = self.releases.iter().map(|release| release.intent);
        released.chain(self.abandoned.iter().copied()).filter_map(|idx| u64::try_from(idx).ok()).collect()
    }
    /// The newest event time among the new intents, for pruning.
    pub(crate) fn newest(&self) -> Option<Time> {
        self.intents.iter().map(|intent| intent.at).max().map(Time::from_millis)
    }
    pub(crate) async fn write(self, tx: &mut AnyConnection) -> Result<(), StoreError> {
        let released: Vec<i64> = self.releases.iter().map(|release| release.intent).collect();
        token_use::bind(tx, &self.tokens).await?;
        intent::insert(tx, self.intents).await?;
        intent::close(tx, &released, Closing::Released).await?;
        intent::close(tx, &self.abandoned, Closing::Abandoned).await?;
        released::insert(tx, self.releases).await
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
