//! A ledger in memory: every append is its own batch, followed and cosigned by the keyguard before it is answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chancery_core::digest::Sha256;
use chancery_core::id::{ProfileName, RequestId, StatementId};
use chancery_core::message::{Call, Reply, Use};
use chancery_core::port::Boxed;
use chancery_core::port::cosigner::Follow;
use chancery_core::port::ledger_keys::{LedgerKeyError, LedgerKeys};
use chancery_core::port::ledger_reader::{LedgerReader, Query};
use chancery_core::port::sequencer::{Append, AppendError, Change, Record, RecordKind, Sequencer};
use chancery_core::port::state::{CurrentPolicy, OpenIntent, Recalled, State, StateError};
use chancery_core::receipt::Receipt;
use chancery_core::time::Time;
use chancery_ledger::checkpoint::{Checkpoint, Origin, sign_with};
use chancery_ledger::merkle::{Edge, Head, Nodes, inclusion_proof, leaf_hash};
use chancery_ledger::note::Note;
use chancery_ledger::tile::{Content, Tile, WIDTH, encode_hashes, push_entry};
use chancery_ledger::vkey::{KeyKind, VerifierKey};

use crate::keyguard::InProcess;

pub(crate) const ORIGIN: &str = "log2026.sign.example";

#[derive(Debug, Default)]
struct Book {
    leaves: Vec<String>,
    edge: Edge,
    nodes: HashMap<(u8, u64), Sha256>,
    checkpoint: String,
    tokens: HashMap<Sha256, RequestId>,
    released: HashMap<(RequestId, StatementId), Recalled>,
    policy: Option<CurrentPolicy>,
    records: Vec<Record>,
    kept_with: HashMap<Sha256, u64>,
}

impl Nodes for Book {
    fn node(&self, level: u8, index: u64) -> Option<Sha256> {
        self.nodes.get(&(level, index)).copied()
    }
}

/// The ledger and everything that changes with it.
#[derive(Debug)]
pub(crate) struct MemoryLedger {
    pair: Ed25519KeyPair,
    keyguard: Arc<InProcess>,
    book: Mutex<Book>,
}

impl MemoryLedger {
    pub(crate) fn new(keyguard: Arc<InProcess>) -> Arc<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
        Arc::new(Self { pair, keyguard, book: Mutex::default() })
    }
    pub(crate) fn vkey(&self) -> VerifierKey {
        let public = self.pair.public_key().as_ref().try_into().unwrap();
        VerifierKey::new(Origin::parse(ORIGIN).unwrap().key_name().clone(), KeyKind::Ledger, public)
    }
    /// All leaves, in order.
    pub(crate) fn leaves(&self) -> Vec<String> {
        self.book.lock().unwrap().leaves.clone()
    }
    fn append_now(&self, append: Append) -> Result<Vec<Receipt>, AppendError> {
        let mut book = self.book.lock().unwrap();
        let first = book.edge.size();
        let last = first + append.leaves.len() as u64 - 1;
        for change in append.changes {
            book.apply(change, first, last)?;
        }
        for leaf in &append.leaves {
            let (mut edge, mut seen) = (book.edge.clone(), Vec::new());
            edge.append(leaf_hash(leaf.as_bytes()), |node| seen.push(node)).unwrap();
            book.edge = edge;
            book.nodes.extend(seen.into_iter().map(|node| ((node.level, node.index), node.hash)));
        }
        book.leaves.extend(append.leaves.iter().cloned());
        book.checkpoint = self.cosigned(&book, first, append.leaves);
        Ok((first..=last).map(|index| book.receipt(index).unwrap()).collect())
    }
    fn cosigned(&self, book: &Book, from: u64, leaves: Vec<String>) -> String {
        let head = Head { size: book.edge.size(), root: book.edge.root() };
        let checkpoint = Checkpoint { origin: Origin::parse(ORIGIN).unwrap(), head };
        let signed =
            sign_with(&checkpoint, &self.vkey(), self.pair.sign(checkpoint.text().as_bytes()).as_ref());
        let follow = Follow { from, leaves, checkpoint: signed.clone() };
        let reply = self.keyguard.answer(Call::Follow(follow));
        let Reply::Cosigned(line) = reply else { panic!("not cosigned: {reply:?}") };
        let whole = format!("{signed}{line}");
        assert_eq!(Note::parse(&whole).unwrap().signatures().len(), 2);
        whole
    }
}

/// Its key has no successors.
impl LedgerKeys for MemoryLedger {
    fn make(&self, generation: usize) -> Result<String, LedgerKeyError> {
        Err(LedgerKeyError(format!("no generation {generation}")))
    }
    fn plan(&self, uses: &[Use]) {
        assert!(uses.iter().all(|used| used.id == self.vkey().log_id()));
    }
}

impl Book {
    fn apply(&mut self, change: Change, first: u64, last: u64) -> Result<(), AppendError> {
        match change {
            Change::TokenUse { token, request, .. } => {
                let known = *self.tokens.entry(token).or_insert(request);
                if known != request {
                    return Err(AppendError::TokenReplayed(known));
                }
            }
            Change::Intent { .. } => assert!(last >= first),
            Change::Release { request, statement, result, .. } => {
                let recalled = Recalled { leaf: first, result };
                assert!(self.released.insert((request, statement), recalled).is_none(), "released twice");
            }
            Change::Keep(record) => {
                self.kept_with.entry(record.sha256).or_insert(first);
                self.records.push(record);
            }
            Change::Abandon { .. } => {}
        }
        Ok(())
    }
    fn receipt(&self, index: u64) -> Option<Receipt> {
        let size = self.edge.size();
        let leaf = self.leaves.get(usize::try_from(index).unwrap())?;
        Some(Receipt {
            origin: ORIGIN.into(),
            index,
            size,
            leaf_hash: leaf_hash(leaf.as_bytes()),
            proof: inclusion_proof(index, size, self).unwrap(),
            checkpoint: self.checkpoint.clone(),
        })
    }
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        if path == "checkpoint" {
            return (!self.checkpoint.is_empty()).then(|| self.checkpoint.clone().into_bytes());
        }
        let tile = Tile::parse(path).ok().filter(|tile| tile.is_in(self.edge.size()))?;
        let first = tile.index * WIDTH;
        let places = first..first + u64::from(tile.width);
        match tile.content {
            Content::Entries => {
                let mut bytes = Vec::new();
                for index in places {
                    push_entry(&mut bytes, self.leaves[usize::try_from(index).unwrap()].as_bytes()).unwrap();
                }
                Some(bytes)
            }
            Content::Hashes(level) => {
                let hashes: Vec<_> = places.map(|index| self.nodes[&(level * 8, index)]).collect();
                Some(encode_hashes(&hashes))
            }
        }
    }
}

impl Sequencer for MemoryLedger {
    fn append(&self, append: Append) -> Boxed<'_, Result<Vec<Receipt>, AppendError>> {
        Box::pin(async move { self.append_now(append) })
    }
}

impl LedgerReader for MemoryLedger {
    fn leaf(&self, index: u64) -> Boxed<'_, Result<Option<String>, StateError>> {
        Box::pin(async move { Ok(self.leaves().get(usize::try_from(index).unwrap()).cloned()) })
    }
    fn receipt(&self, index: u64) -> Boxed<'_, Result<Option<Receipt>, StateError>> {
        Box::pin(async move { Ok(self.book.lock().unwrap().receipt(index)) })
    }
    fn search(&self, query: Query, limit: u32) -> Boxed<'_, Result<Vec<u64>, StateError>> {
        let (Query::Artifact(digest) | Query::Request(digest) | Query::Statement(digest)) = query;
        Box::pin(async move {
            let leaves = self.leaves();
            let hits = leaves.iter().enumerate().filter(|(_, leaf)| leaf.contains(&digest.to_string()));
            let mut hits: Vec<u64> = hits.map(|(index, _)| index as u64).collect();
            hits.reverse();
            hits.truncate(limit as usize);
            Ok(hits)
        })
    }
    fn file<'a>(&'a self, path: &'a str) -> Boxed<'a, Result<Option<Vec<u8>>, StateError>> {
        Box::pin(async move { Ok(self.book.lock().unwrap().file(path)) })
    }
    fn size(&self) -> u64 {
        self.book.lock().unwrap().edge.size()
    }
}

impl State for MemoryLedger {
    fn released(
        &self,
        request: RequestId,
        statement: StatementId,
    ) -> Boxed<'_, Result<Option<Recalled>, StateError>> {
        Box::pin(async move { Ok(self.book.lock().unwrap().released.get(&(request, statement)).cloned()) })
    }
    fn token_use(&self, token: Sha256) -> Boxed<'_, Result<Option<RequestId>, StateError>> {
        Box::pin(async move { Ok(self.book.lock().unwrap().tokens.get(&token).copied()) })
    }
    fn signed_put(&self, _: u64, _: String) -> Boxed<'_, Result<(), StateError>> {
        Box::pin(async { Ok(()) })
    }
    fn open_intents(&self) -> Boxed<'_, Result<Vec<OpenIntent>, StateError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn intents_since(&self, _: ProfileName, _: Time) -> Boxed<'_, Result<Vec<Time>, StateError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn policy_put(&self, policy: CurrentPolicy) -> Boxed<'_, Result<(), StateError>> {
        Box::pin(async move {
            self.book.lock().unwrap().policy = Some(policy);
            Ok(())
        })
    }
    fn records(
        &self,
        kind: RecordKind,
        topic: Option<String>,
        most: u32,
    ) -> Boxed<'_, Result<Vec<Record>, StateError>> {
        Box::pin(async move {
            let records = self.book.lock().unwrap().records.clone();
            let fits = |record: &Record| {
                record.kind == kind && topic.as_ref().is_none_or(|topic| *topic == record.topic)
            };
            let found: Vec<Record> = records.into_iter().filter(fits).collect();
            let skipped = found.len().saturating_sub(most as usize);
            Ok(found.into_iter().skip(skipped).collect())
        })
    }
    fn record(&self, sha256: Sha256) -> Boxed<'_, Result<Option<Record>, StateError>> {
        Box::pin(async move {
            Ok(self.book.lock().unwrap().records.iter().find(|record| record.sha256 == sha256).cloned())
        })
    }
    fn kept_with(&self, sha256: Sha256) -> Boxed<'_, Result<Option<u64>, StateError>> {
        Box::pin(async move { Ok(self.book.lock().unwrap().kept_with.get(&sha256).copied()) })
    }
    fn policy_current(&self) -> Boxed<'_, Result<Option<CurrentPolicy>, StateError>> {
        Box::pin(async move { Ok(self.book.lock().unwrap().policy.clone()) })
    }
}
