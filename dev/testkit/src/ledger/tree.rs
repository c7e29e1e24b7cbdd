//! The tree of the ledger in memory: leaves, nodes, and checkpoints with a real signature.

use std::collections::HashMap;
use std::sync::Arc;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::message::Use;
use chancery_core::port::clock::Clock;
use chancery_core::port::cosigner::Follow;
use chancery_core::receipt::Receipt;
use chancery_ledger::checkpoint::{Checkpoint, Origin, sign_with};
use chancery_ledger::merkle::{Edge, Head, Nodes, inclusion_proof, leaf_hash};
use chancery_ledger::vkey::{KeyKind, VerifierKey};

use crate::keys::TestKey;

#[derive(Default)]
struct Known(HashMap<(u8, u64), Sha256>);

impl Nodes for Known {
    fn node(&self, level: u8, index: u64) -> Option<Sha256> {
        self.0.get(&(level, index)).copied()
    }
}

#[expect(clippy::expect_used, reason = "test fixture")]
fn make(origin: &Origin) -> (VerifierKey, TestKey) {
    let key = TestKey::generate(KeyAlgorithm::Ed25519);
    let public = *key.public_key().spki.last_chunk::<32>().expect("Ed25519");
    (VerifierKey::new(origin.key_name().clone(), KeyKind::Ledger, public), key)
}

pub(super) struct Tree {
    pub(super) leaves: Vec<String>,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) uses: Vec<Use>,
    origin: Origin,
    /// The first, then its successors.
    keys: Vec<(VerifierKey, TestKey)>,
    edge: Edge,
    nodes: Known,
}

impl Tree {
    #[expect(clippy::expect_used, reason = "test fixture")]
    pub(super) fn new(origin: &str) -> Self {
        let origin = Origin::parse(origin).expect("host name");
        let (keys, uses) = (vec![make(&origin)], Vec::new());
        Self {
            leaves: Vec::new(),
            clock: None,
            uses,
            origin,
            keys,
            edge: Edge::default(),
            nodes: Known::default(),
        }
    }
    /// The key of a generation, made where there is none.
    pub(super) fn vkey(&mut self, generation: usize) -> String {
        while self.keys.len() < generation {
            self.keys.push(make(&self.origin));
        }
        self.keys.get(generation.saturating_sub(1)).map(|(vkey, _)| vkey.to_string()).unwrap_or_default()
    }
    /// Appends and says how a follower is told.
    pub(super) fn extend(&mut self, leaves: &[String]) -> Follow {
        let from = u64::try_from(self.leaves.len()).unwrap_or(u64::MAX);
        for leaf in leaves {
            let nodes = &mut self.nodes.0;
            let seen = |node: chancery_ledger::merkle::Node| {
                nodes.insert((node.level, node.index), node.hash);
            };
            self.edge.append(leaf_hash(leaf.as_bytes()), seen).unwrap_or_default();
            self.leaves.push(leaf.clone());
        }
        Follow { from, leaves: leaves.to_vec(), checkpoint: self.sign(&self.edge) }
    }
    /// A batch on top of the first `from` leaves, which need not be what the ledger holds there.
    pub(super) fn batch(&self, from: usize, leaves: &[String]) -> Follow {
        let mut edge = Edge::default();
        for leaf in self.leaves.iter().take(from).chain(leaves) {
            edge.append(leaf_hash(leaf.as_bytes()), |_| {}).unwrap_or_default();
        }
        let from = u64::try_from(from).unwrap_or(u64::MAX);
        Follow { from, leaves: leaves.to_vec(), checkpoint: self.sign(&edge) }
    }
    pub(super) fn receipt(&self, index: usize, checkpoint: &str) -> Option<Receipt> {
        let leaf = self.leaves.get(index)?;
        let (index, size) = (u64::try_from(index).ok()?, self.edge.size());
        Some(Receipt {
            origin: self.origin.to_string(),
            index,
            size,
            leaf_hash: leaf_hash(leaf.as_bytes()),
            proof: inclusion_proof(index, size, &self.nodes).ok()?,
            checkpoint: checkpoint.to_owned(),
        })
    }
    fn sign(&self, edge: &Edge) -> String {
        let head = Head { size: edge.size(), root: edge.root() };
        let checkpoint = Checkpoint { origin: self.origin.clone(), head };
        let Some((vkey, key)) = self.due() else { return String::new() };
        sign_with(&checkpoint, vkey, &key.sign(checkpoint.text().as_bytes()))
    }
    fn due(&self) -> Option<&(VerifierKey, TestKey)> {
        let now = self.clock.as_ref().map(|clock| clock.now());
        let from = |key: &VerifierKey| {
            let used = self.uses.iter().find(|used| used.id == key.log_id());
            used.filter(|used| now.is_some_and(|now| used.from <= now)).map(|used| used.from)
        };
        let due = self.keys.iter().filter_map(|pair| from(&pair.0).map(|from| (from, pair)));
        due.max_by_key(|(from, _)| *from).map(|(_, pair)| pair).or_else(|| self.keys.first())
    }
}
