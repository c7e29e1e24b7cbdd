//! What a lying gateway logged is found by the audit, with its index, whether or not the keyguard fell for it.

use std::collections::BTreeMap;

use chancery_audit::auditor::Auditor;
use chancery_audit::pins::Pins;
use chancery_audit::report::Report;
use chancery_audit::source::{Evidence, Ledger, StoredTile, Unreadable, Wanted};
use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::port::clock::Clock as _;
use chancery_core::port::ledger_reader::LedgerReader as _;
use chancery_core::port::sequencer::Append;
use chancery_core::port::state::State as _;
use chancery_ledger::event::{Body, Event, Intent};
use chancery_ledger::tile::Tile;

use crate::lying::INTENT_LIES;
use crate::world::{HOST, World, wish};

/// The ledger and the evidence of a world.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    pub(crate) leaves: Vec<String>,
    checkpoint: String,
    pub(crate) contents: BTreeMap<Sha256, Vec<u8>>,
}

impl Archive {
    pub(crate) async fn of(world: &World, known: &[String]) -> Self {
        let leaves = world.ledger.leaves();
        let last = u64::try_from(leaves.len() - 1).unwrap();
        let checkpoint = world.ledger.receipt(last).await.unwrap().unwrap().checkpoint;
        let policy = world.ledger.policy_current().await.unwrap().unwrap();
        let texts = known.iter().cloned().chain([policy.documents, policy.signatures]);
        let contents = texts.map(|text| (Sha256::of(text.as_bytes()), text.into_bytes())).collect();
        Self { leaves, checkpoint, contents }
    }
    pub(crate) fn audit(&self, world: &World) -> Report {
        let trust = world.gateway.trust().unwrap().now(world.clock.now(), BTreeMap::new());
        let pins = Pins { trust, root: None, host: HOST.to_owned(), earlier: None };
        let mut auditor = Auditor::new(pins, self, self).unwrap();
        auditor.checkpoint(&self.checkpoint);
        for leaf in &self.leaves {
            if let Some(job) = auditor.leaf(Some(leaf.as_bytes())).unwrap() {
                auditor.take(job.run());
            }
        }
        for job in auditor.rest().unwrap() {
            auditor.take(job.run());
        }
        auditor.finish()
    }
}

impl Ledger for Archive {
    fn checkpoint(&self) -> Result<String, Unreadable> {
        Ok(self.checkpoint.clone())
    }
    fn size(&self) -> Result<u64, Unreadable> {
        Ok(u64::try_from(self.leaves.len()).unwrap())
    }
    fn leaves(&self, _: u64, _: u64) -> Result<Vec<Option<Vec<u8>>>, Unreadable> {
        Ok(self.leaves.iter().map(|leaf| Some(leaf.clone().into_bytes())).collect())
    }
    fn tiles(&self, _: Tile) -> Result<Vec<StoredTile>, Unreadable> {
        Ok(Vec::new())
    }
}

impl Evidence for Archive {
    fn content(&self, wanted: Wanted) -> Result<Option<Vec<u8>>, Unreadable> {
        Ok(self.contents.get(&wanted.digest).cloned())
    }
}

/// Logs the planned leaf and the intent of an honest order again, the intent with a lie.
fn lie_about(world: &World, honest: u64, lie: fn(&mut Intent)) -> u64 {
    let index = usize::try_from(honest).unwrap();
    let leaves = world.ledger.leaves();
    let mut event = Event::decode(&leaves[index]).unwrap();
    if let Body::Intent(intent) = &mut event.body {
        lie(intent);
    }
    let leaves = vec![leaves[index - 1].clone(), event.encode().unwrap()];
    world.ledger.append_now(&Append { leaves, changes: vec![] }).unwrap()[1].index
}

#[tokio::test]
async fn logged_lies_are_found_at_their_index() {
    for (name, lie) in INTENT_LIES {
        let world = World::new().await;
        let order = world.order(&wish("dev", "app")).await;
        let known = [order.request.clone(), canonical::encode(&order.evidence).unwrap()];
        let honest = Archive::of(&world, &known).await.audit(&world);
        assert!(honest.is_clean(), "{name}: {:?}", honest.findings);
        assert_eq!((honest.counts.intents, honest.counts.tokens, honest.counts.decisions), (1, 1, 1));
        let index = lie_about(&world, order.orders[0].intent, *lie);
        let report = Archive::of(&world, &known).await.audit(&world);
        let first = report.first().unwrap_or_else(|| panic!("{name} was not found"));
        assert_eq!(first.index, index, "{name}: {:?}", report.findings);
    }
}
