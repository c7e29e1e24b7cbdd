//! One batch: admitted appends, their leaves, and the tree after them.

use chancery_core::digest::Sha256;
use chancery_core::port::sequencer::{Append, AppendError};
use chancery_core::receipt::Receipt;
use chancery_ledger::merkle::{inclusion_proof, leaf_hash};
use chancery_ledger::tile::push_entry;
use sqlx::AnyConnection;
use tokio::sync::oneshot;

use super::change::{Known, Rows};
use super::row;
use super::tree::{ChangedTile, Recent, Tree};
use crate::database::StoreError;

/// What a waiter gets.
pub(crate) type Reply = Result<Vec<Receipt>, AppendError>;

/// An append that waits in the queue.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) append: Append,
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// A batch before its commit.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Size before.
    pub(crate) first: u64,
    pub(crate) leaves: Vec<String>,
    hashes: Vec<Sha256>,
    /// The tree after.
    pub(crate) tree: Tree,
    recent: Recent,
    changed: Vec<ChangedTile>,
    pub(crate) rows: Rows,
    waiting: Vec<(oneshot::Sender<Reply>, std::ops::Range<usize>)>,
}

impl Batch {
    /// Admits appends in order; refused ones are answered at once and leave no trace.
    pub(crate) async fn plan(
        tx: &mut AnyConnection,
        tree: &Tree,
        queued: Vec<Queued>,
    ) -> Result<Self, StoreError> {
        let mut known = Known::load(tx, queued.iter().map(|queued| &queued.append)).await?;
        let (mut rows, mut leaves, mut waiting) = (Rows::default(), Vec::new(), Vec::new());
        let first = tree.edge().size();
        for Queued { append, reply } in queued {
            if let Err(refused) = known.admit(&append, &mut rows) {
                // A waiter that went away needs no answer.
                let _gone = reply.send(Err(refused));
                continue;
            }
            let from = leaves.len();
            let to = from.saturating_add(append.leaves.len());
            let last = first.saturating_add(u64::try_from(to).unwrap_or(u64::MAX)).saturating_sub(1);
            rows.add(&append, last)?;
            leaves.extend(append.leaves);
            waiting.push((reply, from..to));
        }
        let hashes: Vec<Sha256> = leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect();
        let mut recent = Recent::before(tree);
        let mut tree = tree.clone();
        let changed = tree.append(&hashes, &mut recent).map_err(row::corrupt)?;
        Ok(Self { first, leaves, hashes, tree, recent, changed, rows, waiting })
    }
    /// Writes everything that belongs to the batch.
    pub(crate) async fn write(&mut self, tx: &mut AnyConnection) -> Result<(), StoreError> {
        std::mem::take(&mut self.rows).write(&mut *tx).await?;
        if self.leaves.is_empty() {
            return Ok(());
        }
        let mut entries = Vec::new();
        for leaf in &self.leaves {
            push_entry(&mut entries, leaf.as_bytes()).map_err(row::corrupt)?;
        }
        row::insert_batch(&mut *tx, self.first, self.leaves.len(), entries).await?;
        for tile in &self.changed {
            row::upsert_tile(&mut *tx, (tile.level, tile.index), &tile.hashes).await?;
        }
        row::insert_head(tx, self.tree.edge(), self.first).await
    }
    /// Answers the waiters with receipts under `checkpoint`.
    pub(crate) fn resolve(self, origin: &str, checkpoint: &str) -> Result<(), StoreError> {
        let size = self.tree.edge().size();
        for (reply, range) in self.waiting {
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
        for (reply, range) in self.waiting {
            // An append without leaves needs no checkpoint: it is done.
            let _gone = reply.send(if range.is_empty() { Ok(Vec::new()) } else { Err(error.clone()) });
        }
    }
}
