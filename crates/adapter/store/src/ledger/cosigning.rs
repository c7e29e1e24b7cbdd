//! Having a checkpoint cosigned: one call per batch, and catching up a follower that missed some.

use std::sync::Arc;

use chancery_core::port::cosigner::{CosignError, Cosigner, Follow};
use chancery_ledger::checkpoint::{Checkpoint, Origin};
use chancery_ledger::cosignature;
use chancery_ledger::merkle::Head;
use chancery_ledger::note::NoteSignature;
use chancery_ledger::vkey::VerifierKey;

use super::ring::KeyRing;
use super::row;
use super::shelf::Shelf;
use super::tree::Tree;
use super::view::{Tiles, View, head_at};
use crate::database::StoreError;

/// Leaves and bytes that one call carries while a follower catches up.
const CHUNK_LEAVES: u64 = 512;
const CHUNK_BYTES: usize = 1 << 20;
/// A follower that names a new position this often without an end is not following.
const MAX_JUMPS: u32 = 8;

/// Why a durable head has no cosignature.
#[derive(Debug)]
pub(crate) enum NotCosigned {
    /// The follower does not answer; try again later.
    Later(String),
    /// The ledger and what was followed differ, or storage is damaged: never continue.
    Never(StoreError),
}

impl From<StoreError> for NotCosigned {
    fn from(error: StoreError) -> Self {
        Self::Never(error)
    }
}

/// Signs checkpoints and has them cosigned.
#[derive(Debug)]
pub(crate) struct Signing {
    pub(crate) origin: Origin,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) cosigner: Arc<dyn Cosigner>,
    /// The follower's key.
    pub(crate) follower: VerifierKey,
    pub(crate) shelf: Arc<Shelf>,
}

impl Signing {
    fn sign(&self, head: Head) -> String {
        self.keys.due().sign(&self.checkpoint(head))
    }
    fn checkpoint(&self, head: Head) -> Checkpoint {
        Checkpoint { origin: self.origin.clone(), head }
    }

    /// The cosigned checkpoint of `tree`; `leaves` are those from `from` on, as the follower most likely needs them.
    pub(crate) async fn cosign(
        &self,
        tree: &Tree,
        from: u64,
        leaves: Vec<String>,
    ) -> Result<String, NotCosigned> {
        let head = Head { size: tree.edge().size(), root: tree.edge().root() };
        let checkpoint = self.sign(head);
        let mut follow = Follow { from, leaves, checkpoint };
        for _ in 0..MAX_JUMPS {
            match self.cosigner.cosign(&follow).await {
                Ok(line) => return self.accept(head, &follow.checkpoint, &line),
                Err(CosignError::Unavailable(why)) => return Err(NotCosigned::Later(why)),
                Err(CosignError::Inconsistent(why)) => {
                    return Err(NotCosigned::Never(StoreError::Inconsistent(why)));
                }
                Err(CosignError::Behind { size }) => follow = self.catch_up(tree, size, &follow).await?,
            }
        }
        Err(NotCosigned::Later("follower does not catch up".into()))
    }

    /// Brings a follower at `size` close to the tree and gives the last step, to the tree's own head.
    async fn catch_up(&self, tree: &Tree, size: u64, last: &Follow) -> Result<Follow, NotCosigned> {
        let target = tree.edge().size();
        if size > target {
            let why = format!("follower saw size {size}, the ledger has {target}: it was rolled back");
            return Err(NotCosigned::Never(StoreError::Inconsistent(why)));
        }
        let view = View::new(tree, String::new());
        let mut at = size;
        loop {
            let leaves = self.chunk(at, target).await?;
            let next = at.saturating_add(u64::try_from(leaves.len()).unwrap_or(0));
            if next == target {
                return Ok(Follow { from: at, leaves, checkpoint: last.checkpoint.clone() });
            }
            let tiles = Tiles::load(&self.shelf, &view, &[next.saturating_sub(1)]).await?;
            let checkpoint = self.sign(head_at(&tiles, next)?);
            match self.cosigner.cosign(&Follow { from: at, leaves, checkpoint }).await {
                Ok(_) => at = next,
                Err(CosignError::Inconsistent(why)) => {
                    return Err(NotCosigned::Never(StoreError::Inconsistent(why)));
                }
                Err(CosignError::Behind { .. }) => {
                    return Err(NotCosigned::Later("follower moved while it caught up".into()));
                }
                Err(CosignError::Unavailable(why)) => return Err(NotCosigned::Later(why)),
            }
        }
    }

    /// Some of the leaves from `at` on, at least one unless `at` is the target.
    async fn chunk(&self, at: u64, target: u64) -> Result<Vec<String>, StoreError> {
        let to = at.saturating_add(CHUNK_LEAVES).min(target);
        let mut leaves = row::leaves(self.shelf.pool(), at, to).await?;
        let mut bytes = 0_usize;
        let fits = leaves.iter().take_while(|leaf| {
            bytes = bytes.saturating_add(leaf.len());
            bytes <= CHUNK_BYTES
        });
        let fits = fits.count().max(1);
        leaves.truncate(fits);
        Ok(leaves)
    }

    /// Adds the follower's line when it is a cosignature by the configured key over the checkpoint of `head`, whose
    /// `note` was signed here a moment ago.
    fn accept(&self, head: Head, note: &str, line: &str) -> Result<String, NotCosigned> {
        let wrong = |what: String| NotCosigned::Later(format!("follower answered wrongly: {what}"));
        let signature = NoteSignature::parse_line(line).map_err(|error| wrong(error.to_string()))?;
        let text = self.checkpoint(head).text();
        cosignature::verify_line(&text, &signature, &self.follower)
            .map_err(|error| wrong(error.to_string()))?;
        Ok(format!("{note}{line}"))
    }
}
