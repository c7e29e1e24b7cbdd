//! The ledger as others hold it: appends, reading, counters, and the signal that it had to stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use chancery_core::port::Boxed;
use chancery_core::port::sequencer::{Append, AppendError, MAX_LEAF, Sequencer};
use chancery_core::receipt::Receipt;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::batch::{Queued, Reply};
use super::read::Reader;
use super::reserve;
use super::shelf::Shelf;
use crate::database::{Database, StoreError};
use crate::signed::Signed;

/// Counts since the start, for metrics and comparison.
#[derive(Debug, Default)]
pub struct Counters {
    /// Commits of the state database: each is one sync of its write-ahead log.
    pub commits: AtomicU64,
    /// Appends in those commits.
    pub appends: AtomicU64,
    /// Leaves in those appends.
    pub leaves: AtomicU64,
    /// Checkpoints that were cosigned.
    pub checkpoints: AtomicU64,
    /// Syncs of published files, directories included.
    pub file_syncs: AtomicU64,
}

/// What the writer and the tasks beside it share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) directory: PathBuf,
    pub(crate) reserve: u64,
    pub(crate) database: Database,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) signed: Signed,
    pub(crate) counters: Counters,
    /// Size up to which full tiles are on disk as files, synced.
    pub(crate) published: AtomicU64,
    pub(crate) wal: Notify,
    pub(crate) stopped: watch::Sender<Option<String>>,
}

impl Shared {
    /// Stops intake for good.
    pub(crate) fn stop(&self, error: &StoreError) {
        let chain = chain(error);
        tracing::error!(error = %chain, "the ledger stopped and accepts nothing any more");
        self.stopped.send_replace(Some(chain));
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The one writer of a ledger. Cheap to clone; the writer ends when the last clone is gone or after
/// [`Ledger::close`].
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: mpsc::Sender<Queued>,
    pub(crate) reader: Reader,
    pub(crate) tasks: Arc<tokio::sync::Mutex<Option<Tasks>>>,
}

/// The tasks that belong to a ledger.
#[derive(Debug)]
pub(crate) struct Tasks {
    pub(crate) writer: tokio::task::JoinHandle<()>,
    pub(crate) beside: Vec<tokio::task::JoinHandle<()>>,
    pub(crate) closing: watch::Sender<bool>,
}

impl Ledger {
    /// The read side.
    #[must_use]
    pub const fn reader(&self) -> &Reader {
        &self.reader
    }
    /// The state database, for the other nouns.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.shared.database
    }
    /// The records of signatures that are not released yet.
    #[must_use]
    pub fn signed(&self) -> &Signed {
        &self.shared.signed
    }
    /// Counts since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }
    /// Free bytes on the disk, 0 where unknown, and those at which intake stops.
    #[must_use]
    pub fn disk(&self) -> (u64, u64) {
        (reserve::free(&self.shared.directory).unwrap_or(0), self.shared.reserve)
    }
    /// Resolves with the reason when the ledger had to stop: a failed commit, damaged storage, a fork. The process
    /// must end then, because nothing that it holds in memory can be trusted to be what is on disk.
    pub async fn stopped(&self) -> String {
        let mut stopped = self.shared.stopped.subscribe();
        loop {
            if let Some(reason) = stopped.borrow_and_update().clone() {
                return reason;
            }
            if stopped.changed().await.is_err() {
                return "ledger is gone".to_owned();
            }
        }
    }
    /// Finishes what is queued, publishes it and closes the database. Later appends are refused as busy.
    pub async fn close(self) {
        let Self { shared, queue, reader: _, tasks } = self;
        let taken = tasks.lock().await.take();
        let Some(Tasks { writer, beside, closing }) = taken else { return };
        closing.send_replace(true);
        drop(queue);
        // A task that panicked has nothing left to finish.
        let _ended = writer.await;
        for task in beside {
            let _ended = task.await;
        }
        shared.database.close().await;
    }
    async fn submit(&self, append: Append) -> Reply {
        let bad = append.leaves.iter().map(String::len).find(|size| *size == 0 || *size > MAX_LEAF);
        if let Some(size) = bad {
            return Err(AppendError::LeafSize(size));
        }
        if let Some(reason) = self.shared.stopped.borrow().as_ref() {
            return Err(AppendError::Busy(format!("stopped: {reason}")));
        }
        if !reserve::has_room(&self.shared.directory, self.shared.reserve) {
            return Err(AppendError::Busy("disk reserve is reached".into()));
        }
        let (reply, answer) = oneshot::channel();
        let busy = |error: mpsc::error::TrySendError<Queued>| match error {
            mpsc::error::TrySendError::Full(_) => AppendError::Busy("queue is full".into()),
            mpsc::error::TrySendError::Closed(_) => AppendError::Busy("service is stopping".into()),
        };
        self.queue.try_send(Queued { append, reply }).map_err(busy)?;
        answer.await.unwrap_or_else(|_| Err(AppendError::Busy("service is stopping".into())))
    }
}

impl Sequencer for Ledger {
    fn append(&self, append: Append) -> Boxed<'_, Result<Vec<Receipt>, AppendError>> {
        Box::pin(self.submit(append))
    }
}
