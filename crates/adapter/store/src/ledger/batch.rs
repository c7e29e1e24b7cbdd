//! One batch: admitted appends, their leaves, and the tree after them.

use std::ops::Range;

use chancery_core::digest::Sha256;
use chancery_core::port::sequencer::{Append, AppendError};
use chancery_core::receipt::Receipt;
use chancery_ledger::merkle::{inclusion_proof, leaf_hash};
use chancery_ledger::tile::push_entry;
use tokio::sync::oneshot;

use super::change::{Memory, Rows};
use super::row;
use super::tree::{ChangedTile, Recent, Tree};
use crate::database::StoreError;
use crate::tx::Script;

/// What a waiter gets.
pub(crate) type Reply = Result<Vec<Receipt>, AppendError>;

/// An append that waits in the queue.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) append: Append,
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// A batch: planned, written, then resolved.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Size before.
    pub(crate) first: u64,
    /// The tree after.
    pub(crate) tree: Tree,
    pub(crate) rows: Rows,
    admitted: Vec<(Queued, Range<usize>)>,
    hashes: Vec<Sha256>,
    recent: Recent,
    changed: Vec<ChangedTile>,
}

impl Batch {
    /// Admits appends in order; refused ones are answered at once and leave no trace.
    pub(crate) fn plan(memory: &Memory, tree: &Tree, queued: Vec<Queued>) -> Result<Self, StoreError> {
        let first = tree.edge().size();
        let (mut rows, mut admitted, mut hashes) = (Rows::default(), Vec::new(), Vec::new());
        for Queued { append, reply } in queued {
            if let Err(refused) = rows.admit(&append, memory) {
                // A waiter that went away needs no answer.
                let _gone = reply.send(Err(refused));
                continue;
            }
            let from = hashes.len();
            hashes.extend(append.leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())));
            let last =
                first.saturating_add(u64::try_from(hashes.len()).unwrap_or(u64::MAX)).saturating_sub(1);
            rows.add(&append, last, memory)?;
            admitted.push((Queued { append, reply }, from..hashes.len()));
        }
        let mut recent = Recent::before(tree);
        let mut tree = tree.clone();
        let changed = tree.append(&hashes, &mut recent).map_err(row::corrupt)?;
        Ok(Self { first, tree, rows, admitted, hashes, recent, changed })
    }
    /// Whether it adds no leaf.
    pub(crate) const fn is_leafless(&self) -> bool {
        self.hashes.is_empty()
    }
    /// How many leaves it adds.
    pub(crate) const fn leaves(&self) -> usize {
        self.hashes.len()
    }
    /// Everything that belongs to the batch.
    pub(crate) fn write(&self, script: &mut Script) -> Result<(), StoreError> {
        self.rows.write(script);
        if self.is_leafless() {
            return Ok(());
        }
        let mut entries = Vec::new();
        for leaf in self.admitted.iter().flat_map(|(queued, _)| &queued.append.leaves) {
            push_entry(&mut entries, leaf.as_bytes()).map_err(row::corrupt)?;
        }
        row::insert_batch(script, self.first, self.hashes.len(), entries)?;
        for tile in &self.changed {
            row::upsert_tile(script, (tile.level, tile.index), &tile.hashes)?;
        }
        row::replace_head(script, self.tree.edge())
    }
    /// The admitted appends again, for another plan.
    pub(crate) fn into_queued(self) -> Vec<Queued> {
        self.admitted.into_iter().map(|(queued, _)| queued).collect()
    }
    /// Takes the leaves out once they are written.
    pub(crate) fn take_leaves(&mut self) -> Vec<String> {
        self.admitted.iter_mut().flat_map(|(queued, _)| std::mem::take(&mut queued.append.leaves)).collect()
    }
    /// The tiles that it filled.
    pub(crate) fn take_full(&mut self) -> impl Iterator<Item = ChangedTile> {
        std::mem::take(&mut self.changed).into_iter().filter(ChangedTile::is_full)
    }
    /// Answers the waiters with receipts under `checkpoint`.
    pub(crate) fn resolve(self, origin: &str, checkpoint: &str) -> Result<(), StoreError> {
        let size = self.tree.edge().size();
        for (Queued { reply, .. }, range) in self.admitted {
            let mut receipts = Vec::with_capacity(range.len());
            for place in range {
                let index = self.first.saturating_add(u64::try_from(place).unwrap_or(u64::MAX));
                let leaf_hash = *self.hashes.get(place).ok_or_else(|| row::corrupt("leaf of a batch"))?;
                receipts.push(Receipt {
                    origin: origin.to_owned(),
                    index,
                    size,
                    leaf_hash,
                    proof: inclusion_proof(index, size, &self.recent).map_err(row::corrupt)?,
                    checkpoint: checkpoint.to_owned(),
                });
            }
            let _gone = reply.send(Ok(receipts));
        }
        Ok(())
    }
    /// Answers the waiters with an error.
    pub(crate) fn fail(self, error: &AppendError) {
        for (Queued { reply, .. }, range) in self.admitted {
            // An append without leaves needs no checkpoint: it is done.
            let _gone = reply.send(if range.is_empty() { Ok(Vec::new()) } else { Err(error.clone()) });
        }
    }
}
