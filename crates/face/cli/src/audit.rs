//! The audit on all processors: one thread reads the leaves in order, the others verify what is expensive.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError, mpsc};

use chancery_audit::auditor::Auditor;
use chancery_audit::job::{Done, Job};
use chancery_audit::pins::Pins;
use chancery_audit::report::Report;
use chancery_audit::source::Unreadable;

use crate::catalogue::Code;
use crate::failure::Failure;
use crate::host::Archive;

/// Leaves that are read at a time.
const STRETCH: u64 = 1024;
/// Jobs that go to a thread together.
const TOGETHER: usize = 16;
/// Batches that may wait for each thread.
const WAITING: usize = 4;

/// How many threads verify.
pub(crate) fn threads(wanted: Option<usize>) -> usize {
    let all = std::thread::available_parallelism().map_or(1, NonZero::get);
    wanted.unwrap_or(all).clamp(1, 256)
}

/// Audits everything; `progress` is told how many leaves of how many were read.
pub(crate) fn run(
    pins: Pins,
    archive: &Archive,
    threads: usize,
    mut progress: impl FnMut(u64, u64),
) -> Result<Report, Failure> {
    let mut auditor = Auditor::new(pins, archive.ledger.as_ref(), archive.evidence.as_ref())
        .map_err(|error| Failure::new(Code::Trust, error.to_string()))?;
    if let Some(rows) = &archive.rows {
        auditor.with_rows(rows.as_ref());
    }
    auditor.checkpoint(&archive.ledger.checkpoint().map_err(unreadable)?);
    let (jobs, waiting) = mpsc::sync_channel::<Vec<Job>>(threads.saturating_mul(WAITING));
    let (ended, done) = mpsc::channel::<Done>();
    let waiting = Mutex::new(waiting);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (waiting, ended) = (&waiting, ended.clone());
            scope.spawn(move || work(waiting, &ended));
        }
        drop(ended);
        let read = read(&mut auditor, archive, &Pool { jobs, done: &done }, &mut progress);
        // The senders are gone: each thread ends when nothing waits.
        done.iter().for_each(|done| auditor.take(done));
        read.map_err(unreadable)
    })?;
    Ok(auditor.finish())
}

/// Where jobs go and what of them comes back.
struct Pool<'a> {
    jobs: mpsc::SyncSender<Vec<Job>>,
    done: &'a mpsc::Receiver<Done>,
}

fn read(
    auditor: &mut Auditor<'_>,
    archive: &Archive,
    pool: &Pool<'_>,
    progress: &mut impl FnMut(u64, u64),
) -> Result<(), Unreadable> {
    let size = archive.ledger.size()?;
    let mut batch = Vec::with_capacity(TOGETHER);
    let mut from = 0;
    while from < size {
        let to = size.min(from.saturating_add(STRETCH));
        for leaf in archive.ledger.leaves(from, to)? {
            batch.extend(auditor.leaf(leaf.as_deref())?);
            if batch.len() >= TOGETHER {
                send(auditor, pool, std::mem::take(&mut batch));
            }
        }
        from = to;
        progress(from, size);
    }
    batch.extend(auditor.rest()?);
    while !batch.is_empty() {
        let rest = batch.split_off(batch.len().min(TOGETHER));
        send(auditor, pool, std::mem::replace(&mut batch, rest));
    }
    Ok(())
}

fn send(auditor: &mut Auditor<'_>, pool: &Pool<'_>, batch: Vec<Job>) {
    pool.done.try_iter().for_each(|done| auditor.take(done));
    // Every thread is gone only after a panic, which the scope passes on.
    let _gone = pool.jobs.send(batch).is_err();
}

fn work(waiting: &Mutex<mpsc::Receiver<Vec<Job>>>, ended: &mpsc::Sender<Done>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else { return };
        let mut all = Done::default();
        batch.into_iter().for_each(|job| all.add(job.run()));
        if ended.send(all).is_err() {
            return;
        }
    }
}

pub(crate) fn unreadable(error: Unreadable) -> Failure {
    Failure::new(Code::Unreadable, error.to_string())
        .hint("check the path and its permissions; nothing is said about what could not be read")
}
