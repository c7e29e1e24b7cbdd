//! The one writer: drains the queue, commits, re-reads, signs, has it cosigned, shows the new view, answers.
//!
//! Natural group commit: whatever queued while the last batch was committed and cosigned becomes the next batch. There
//! is no timer, so a lone append never waits. When another key of the ledger becomes due, the head is signed once more: a
//! ledger where nothing happens must not be known by a key that no longer counts.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chancery_core::port::sequencer::AppendError;
use chancery_ledger::merkle::Edge;
use sqlx::{AnyConnection, Connection as _};
use tokio::sync::{mpsc, watch};

use super::batch::{Batch, Queued};
use super::change::Memory;
use super::cosigning::{NotCosigned, Signing};
use super::row;
use super::sequencer::Shared;
use super::tree::Tree;
use super::view::View;
use crate::database::StoreError;
use crate::token_use;
use crate::tx::{Ran, Script};

/// Appends and bytes of leaves in one batch; a follower gets a batch in one message.
const MAX_APPENDS: usize = 512;
const MAX_BYTES: usize = 1 << 20;
/// How often a head that waits for its cosignature is offered again while nothing else happens.
const RETRY: Duration = Duration::from_secs(1);
/// A look-up after the first conflict leaves nothing to conflict with; the bound only ends what cannot be.
const MAX_CONFLICTS: u32 = 2;
/// Expired tokens are forgotten, and the WAL is moved, once in this many commits.
const PRUNE_EVERY: u64 = 1024;
const WAL_EVERY: u64 = 256;

pub(crate) struct Writer {
    /// Writes; nobody else uses it.
    pub(crate) connection: AnyConnection,
    /// Reads back what the other one wrote, through page caches of its own.
    pub(crate) checker: AnyConnection,
    pub(crate) shared: Arc<Shared>,
    pub(crate) memory: Memory,
    pub(crate) signing: Signing,
    pub(crate) tree: Tree,
    /// Size up to which the follower is known to have followed.
    pub(crate) followed: u64,
    pub(crate) queue: mpsc::Receiver<Queued>,
    pub(crate) closing: watch::Receiver<bool>,
    pub(crate) view: watch::Sender<Arc<View>>,
    pub(crate) group_commit: bool,
    /// The last written `published` mark.
    pub(crate) published: u64,
    /// An append that did not fit into the last batch.
    pub(crate) carried: Option<Queued>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("size", &self.tree.edge().size()).finish_non_exhaustive()
    }
}

impl Writer {
    /// Runs until the queue is closed and empty, or until something happens after which no append may be accepted.
    pub(crate) async fn run(mut self) {
        loop {
            let queued = match self.next().await {
                Next::Batch(queued) => queued,
                Next::Retry => Vec::new(),
                Next::End => break,
            };
            if let Err(error) = self.step(queued).await {
                self.shared.stop(&error);
                return;
            }
        }
        // What could still fail here is only the closing itself: everything is committed.
        for connection in [self.connection, self.checker] {
            let _closed = connection.close().await;
        }
    }

    async fn next(&mut self) -> Next {
        let first = match self.carried.take() {
            Some(carried) => Some(carried),
            None if self.followed < self.tree.edge().size() => {
                match tokio::time::timeout(RETRY, self.receive()).await {
                    Ok(first) => first,
                    Err(_) => return Next::Retry,
                }
            }
            None => {
                let (keys, shown) = (Arc::clone(&self.signing.keys), Arc::clone(&self.view.borrow()));
                tokio::select! {
                    biased;
                    first = self.receive() => first,
                    () = keys.turned(&shown.checkpoint, RETRY) => return Next::Retry,
                }
            }
        };
        let Some(first) = first else { return Next::End };
        let most = if self.group_commit { MAX_APPENDS } else { 1 };
        let mut bytes = size(&first);
        let mut batch = vec![first];
        while batch.len() < most
            && let Ok(queued) = self.queue.try_recv()
        {
            bytes = bytes.saturating_add(size(&queued));
            if bytes > MAX_BYTES {
                self.carried = Some(queued);
                break;
            }
            batch.push(queued);
        }
        Next::Batch(batch)
    }

    /// The next append; after closing began, what is left in the queue and then nothing.
    async fn receive(&mut self) -> Option<Queued> {
        tokio::select! {
            biased;
            queued = self.queue.recv() => return queued,
            _ = self.closing.wait_for(|closing| *closing) => self.queue.close(),
        }
        self.queue.recv().await
    }

    /// One batch from commit to answers; without appends, another attempt at the cosignature, or the same head under the
    /// key that took over.
    async fn step(&mut self, queued: Vec<Queued>) -> Result<(), StoreError> {
        let before = self.tree.edge().clone();
        let mut batch = None;
        if !queued.is_empty() {
            let mut done = self.commit(queued).await?;
            self.recompute(&before, &done).await?;
            self.tree.clone_from(&done.tree);
            for tile in done.take_full() {
                self.shared.shelf.keep((tile.level, tile.index), &Arc::new(tile.hashes));
            }
            batch = Some(done);
        }
        let nothing_new = self.tree.edge().size() == before.size();
        let shown = Arc::clone(&self.view.borrow());
        if nothing_new && self.followed == before.size() && !self.signing.keys.is_replaced(&shown.checkpoint)
        {
            // Changes without leaves are done with their commit: no checkpoint has to cover them.
            return batch.map_or(Ok(()), |batch| batch.resolve(self.signing.origin.as_str(), ""));
        }
        let leaves = batch.as_mut().map_or(Vec::new(), Batch::take_leaves);
        // A follower that is behind `before` says so, and is caught up from where it says.
        let cosigned = self.signing.cosign(&self.tree, before.size(), leaves).await;
        self.finish(batch, cosigned)
    }

    /// Shows the new view and answers; or answers why there is none.
    fn finish(
        &mut self,
        batch: Option<Batch>,
        cosigned: Result<String, NotCosigned>,
    ) -> Result<(), StoreError> {
        let (why, fatal) = match cosigned {
            Ok(checkpoint) => return self.show(batch, checkpoint),
            Err(NotCosigned::Later(why)) => (why, None),
            Err(NotCosigned::Never(error)) => (error.to_string(), Some(error)),
        };
        tracing::warn!(size = self.tree.edge().size(), %why, "checkpoint waits for its cosignature");
        if let Some(batch) = batch {
            batch.fail(&AppendError::NotCosigned(why));
        }
        fatal.map_or(Ok(()), Err)
    }

    async fn commit(&mut self, queued: Vec<Queued>) -> Result<Batch, StoreError> {
        let appends = u64::try_from(queued.len()).unwrap_or(0);
        let commits = self.shared.counters.commits.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let published = self.shared.published.load(Ordering::Acquire);
        let mut batch = Batch::plan(&self.memory, &self.tree, queued)?;
        let mut conflicts = 0;
        while self.write(&batch, commits, published).await? == Ran::Conflicted {
            // Some of the tokens were bound before and are not in memory any more. Looked up, they are refused or join.
            let tokens = batch.rows.tokens();
            let known = token_use::bindings(&mut self.connection, &tokens).await?;
            conflicts += 1;
            if known.is_empty() || conflicts > MAX_CONFLICTS {
                return Err(row::corrupt("a row was there before it was written"));
            }
            self.memory.learn(known);
            batch = Batch::plan(&self.memory, &self.tree, batch.into_queued())?;
        }
        self.published = published;
        self.shared.counters.appends.fetch_add(appends, Ordering::Relaxed);
        let leaves = u64::try_from(batch.leaves()).unwrap_or(0);
        self.shared.counters.leaves.fetch_add(leaves, Ordering::Relaxed);
        if commits.is_multiple_of(WAL_EVERY) {
            self.shared.wal.notify_one();
        }
        let rows = std::mem::take(&mut batch.rows);
        self.shared.signed.forget(rows.closed())?;
        self.memory.committed(rows);
        Ok(batch)
    }

    async fn write(&mut self, batch: &Batch, commits: u64, published: u64) -> Result<Ran, StoreError> {
        let mut script = Script::begin();
        batch.write(&mut script)?;
        if let Some(newest) = batch.rows.newest().filter(|_| commits.is_multiple_of(PRUNE_EVERY)) {
            token_use::prune(&mut script, newest);
        }
        if published != self.published {
            row::set_published(&mut script, published)?;
        }
        script.commit(&mut self.connection).await
    }

    /// Before anything is signed, the new leaves and the right edge are read back from storage and the root is
    /// computed from them: a bit that flipped on the way would otherwise be signed for ever (Yeti 2022).
    async fn recompute(&mut self, before: &Edge, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_leafless() {
            return Ok(());
        }
        let expected = batch.tree.edge();
        let (leaves, stored) = row::read_back(&mut self.checker, before.size()).await?;
        let mut edge = before.clone();
        for leaf in leaves {
            edge.append(leaf, |_| {}).map_err(row::corrupt)?;
        }
        if edge == *expected && stored == *expected {
            return Ok(());
        }
        Err(row::corrupt(format!("what was read back does not give the root of size {}", expected.size())))
    }

    fn show(&mut self, batch: Option<Batch>, checkpoint: String) -> Result<(), StoreError> {
        self.followed = self.tree.edge().size();
        self.shared.counters.checkpoints.fetch_add(1, Ordering::Relaxed);
        self.view.send_replace(Arc::new(View::new(&self.tree, checkpoint.clone())));
        match batch {
            Some(batch) => batch.resolve(self.signing.origin.as_str(), &checkpoint),
            None => Ok(()),
        }
    }
}

enum Next {
    Batch(Vec<Queued>),
    Retry,
    End,
}

fn size(queued: &Queued) -> usize {
    queued.append.leaves.iter().map(String::len).sum()
}
