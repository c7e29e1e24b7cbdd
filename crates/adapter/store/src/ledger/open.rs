//! Start-up: whatever the size of the ledger, it reads the last right edge and at most 255 leaves, then publishes what
//! a crash kept from being published and has the last checkpoint cosigned again.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use chancery_core::digest::Sha256;
use chancery_core::port::cosigner::Cosigner;
use chancery_ledger::merkle::{Edge, leaf_hash};
use chancery_ledger::receipt::LedgerTrust;
use chancery_ledger::tile::{Content, Tile, WIDTH};
use sqlx::AnyPool;
use tokio::sync::{Notify, mpsc, watch};

use super::change::Memory;
use super::config::LedgerConfig;
use super::cosigning::{NotCosigned, Signing};
use super::publish;
use super::read::Reader;
use super::ring::KeyRing;
use super::row;
use super::search;
use super::sequencer::{Counters, Ledger, Shared, Tasks};
use super::shelf::Shelf;
use super::tree::Tree;
use super::view::View;
use super::writer::Writer;
use crate::database::{Database, StoreError};
use crate::intent;
use crate::signed::Signed;

impl Ledger {
    /// Opens or creates a ledger and starts its writer. When the follower does not answer, the ledger opens all the
    /// same and shows no checkpoint until it does. Errors when another process has it open, when storage is damaged,
    /// or when the follower has seen another ledger.
    pub async fn open(
        config: LedgerConfig,
        cosigner: Arc<dyn Cosigner>,
        keys: impl Into<Arc<KeyRing>>,
    ) -> Result<Self, StoreError> {
        let lock = prepare(&config.directory)?;
        let database = Database::open(&config.directory.join("state.db")).await?;
        let tree = load(database.readers()).await?;
        let shelf = Arc::new(Shelf::new(database.readers().clone()));
        let signing = signing(&config, cosigner, keys.into(), Arc::clone(&shelf))?;
        let (shared, memory) = share(&config, database, shelf).await?;
        let shared = Arc::new(shared);
        let (followed, first) = start(&signing, &tree).await?;
        let (view, seen) = watch::channel(Arc::new(first));
        let (queue, waiting) = mpsc::channel(config.queue.max(1));
        let (closing, closed) = watch::channel(false);
        let search = search::Search::open(&config.directory.join("search.db"), tree.edge().size()).await?;
        let reader =
            Reader { shared: Arc::clone(&shared), view: seen, origin: config.origin.clone(), search };
        let published = row::mark(shared.database.readers(), "published").await?;
        shared.published.store(published, std::sync::atomic::Ordering::Release);
        let writer = Writer {
            connection: shared.database.connect().await?,
            checker: shared.database.connect().await?,
            shared: Arc::clone(&shared),
            signing,
            memory,
            tree,
            followed,
            queue: waiting,
            closing: closed,
            view,
            group_commit: config.group_commit,
            published,
            carried: None,
        };
        let beside = vec![
            tokio::spawn(publish::run(reader.clone(), lock)),
            tokio::spawn(search::run(reader.clone())),
            tokio::spawn(move_wal(Arc::clone(&shared), closing.subscribe())),
        ];
        let tasks = Tasks { writer: tokio::spawn(writer.run()), beside, closing };
        Ok(Self { shared, queue, reader, tasks: Arc::new(tokio::sync::Mutex::new(Some(tasks))) })
    }
}

/// Makes the directories, mode 0700, and takes the lock that keeps a second writer away.
fn prepare(directory: &Path) -> Result<File, StoreError> {
    let failed = || StoreError::file("prepare the data directory");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory.join("ledger"))
        .map_err(failed())?;
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let lock = options.open(directory.join("lock")).map_err(failed())?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|error| StoreError::file("lock the data directory: another process has it")(error.into()))?;
    Ok(lock)
}

fn signing(
    config: &LedgerConfig,
    cosigner: Arc<dyn Cosigner>,
    keys: Arc<KeyRing>,
    shelf: Arc<Shelf>,
) -> Result<Signing, StoreError> {
    let key = keys.verifier();
    if key.name() != config.origin.key_name() {
        let why = format!("ledger key is named `{}`, the origin is `{}`", key.name(), config.origin);
        return Err(StoreError::Value(why));
    }
    let trust = LedgerTrust::new(key.clone(), vec![config.cosigner.clone()], 1);
    // The kind of the keys, and that the follower's is not the ledger's own.
    trust.map_err(|error| StoreError::Value(error.to_string()))?;
    let follower = config.cosigner.clone();
    Ok(Signing { origin: config.origin.clone(), keys, cosigner, follower, shelf })
}

async fn share(
    config: &LedgerConfig,
    database: Database,
    shelf: Arc<Shelf>,
) -> Result<(Shared, Memory), StoreError> {
    let memory = Memory::new(intent::open_indices(&database).await?);
    let signed = Signed::open(&config.directory.join("signed"), |index| memory.is_open(index))?;
    let (stopped, _) = watch::channel(None);
    let shared = Shared {
        directory: config.directory.clone(),
        reserve: config.reserve,
        database,
        shelf,
        signed,
        counters: Counters::default(),
        published: AtomicU64::new(0),
        wal: Notify::new(),
        stopped,
    };
    Ok((shared, memory))
}

/// The tree from the last right edge, the last tiles of level 1 and above, and the leaves of the last bundle.
async fn load(pool: &AnyPool) -> Result<Tree, StoreError> {
    let Some(edge) = row::last_head(pool).await? else { return Ok(Tree::default()) };
    let size = edge.size();
    let mut last = vec![last_leaves(pool, &edge).await?];
    for level in 1..8 {
        let Some(tile) = Tile::last(Content::Hashes(level), size) else { break };
        let hashes = row::tile(pool, (level, tile.index)).await?;
        let hashes = hashes.filter(|hashes| hashes.len() == usize::from(tile.width));
        let hashes = hashes.ok_or_else(|| row::corrupt(format!("{tile} is missing or of another width")))?;
        last.push(hashes.to_vec());
    }
    Tree::resume(edge, last).map_err(row::corrupt)
}

async fn last_leaves(pool: &AnyPool, edge: &Edge) -> Result<Vec<Sha256>, StoreError> {
    let first = edge.size().saturating_sub(1) / WIDTH * WIDTH;
    let leaves = row::leaves(pool, first, edge.size()).await?;
    Ok(leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect())
}

/// Signs the last head again and has it cosigned; answers with the size that the follower knows and the first view.
async fn start(signing: &Signing, tree: &Tree) -> Result<(u64, View), StoreError> {
    match signing.cosign(tree, tree.edge().size(), Vec::new()).await {
        Ok(checkpoint) => Ok((tree.edge().size(), View::new(tree, checkpoint))),
        Err(NotCosigned::Later(why)) => {
            tracing::warn!(%why, "no follower at start-up; the ledger shows no checkpoint until it answers");
            // Size 0 is behind every ledger that has leaves, so the writer keeps offering the head.
            Ok((0, View::default()))
        }
        Err(NotCosigned::Never(error)) => Err(error),
    }
}

/// Moves the write-ahead log into the database when the writer asks for it.
async fn move_wal(shared: Arc<Shared>, mut closing: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = shared.wal.notified() => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
        if let Err(error) = shared.database.checkpoint_wal().await {
            tracing::warn!(%error, "write-ahead log was not moved");
        }
    }
}
