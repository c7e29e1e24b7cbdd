//! Receipts, proof files and the follower: what holds, and every byte that must not be changed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

use std::collections::HashMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chancery_core::digest::Sha256;
use chancery_core::port::cosigner::{CosignError, Follow};
use chancery_core::receipt::Receipt;
use chancery_core::time::Time;
use chancery_ledger::checkpoint::{Checkpoint, Origin, sign_with};
use chancery_ledger::cosignature;
use chancery_ledger::follower::{FollowError, Follower};
use chancery_ledger::merkle::{Edge, Head, Nodes, inclusion_proof, leaf_hash};
use chancery_ledger::note::KeyName;
use chancery_ledger::proof::TlogProof;
use chancery_ledger::receipt::{InvalidReceipt, LedgerTrust, verify};
use chancery_ledger::vkey::{KeyKind, VerifierKey};

const ORIGIN: &str = "log2026.sign.example";

struct Known(HashMap<(u8, u64), Sha256>);
impl Nodes for Known {
    fn node(&self, level: u8, index: u64) -> Option<Sha256> {
        self.0.get(&(level, index)).copied()
    }
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn vkey(seed: u8, name: &str, kind: KeyKind) -> VerifierKey {
    let public = pair(seed).public_key().as_ref().try_into().unwrap();
    VerifierKey::new(KeyName::parse(name).unwrap(), kind, public)
}

fn leaves(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{{\"n\":{n}}}")).collect()
}

fn note(leaves: &[String]) -> String {
    let mut edge = Edge::default();
    for leaf in leaves {
        edge.append(leaf_hash(leaf.as_bytes()), |_| {}).unwrap();
    }
    let head = Head { size: edge.size(), root: edge.root() };
    let checkpoint = Checkpoint { origin: Origin::parse(ORIGIN).unwrap(), head };
    let key = vkey(1, ORIGIN, KeyKind::Ledger);
    sign_with(&checkpoint, &key, pair(1).sign(checkpoint.text().as_bytes()).as_ref())
}

fn cosigned(note: &str, seeds: &[(u8, &str)]) -> String {
    let text = format!("{}\n", note.split_once("\n\n").unwrap().0);
    let at = Time::from_seconds(1_795_210_023);
    let line = |(seed, name): &(u8, &str)| {
        let signature = pair(*seed).sign(&cosignature::message(&text, at));
        cosignature::line(&vkey(*seed, name, KeyKind::Cosigner), at, signature.as_ref())
    };
    format!("{note}{}", seeds.iter().map(line).collect::<String>())
}

fn receipt(leaves: &[String], index: usize, seeds: &[(u8, &str)]) -> Receipt {
    let (mut edge, mut nodes) = (Edge::default(), HashMap::new());
    for leaf in leaves {
        edge.append(leaf_hash(leaf.as_bytes()), |node| {
            nodes.insert((node.level, node.index), node.hash);
        })
        .unwrap();
    }
    let place = u64::try_from(index).unwrap();
    Receipt {
        origin: ORIGIN.into(),
        index: place,
        size: edge.size(),
        leaf_hash: leaf_hash(leaves[index].as_bytes()),
        proof: inclusion_proof(place, edge.size(), &Known(nodes)).unwrap(),
        checkpoint: cosigned(&note(leaves), seeds),
    }
}

fn trust(cosigners: &[(u8, &str)], quorum: usize) -> LedgerTrust {
    let keys = cosigners.iter().map(|(seed, name)| vkey(*seed, name, KeyKind::Cosigner)).collect();
    LedgerTrust::new(vkey(1, ORIGIN, KeyKind::Ledger), keys, quorum).unwrap()
}

#[test]
fn a_receipt_holds_for_its_leaf_alone() {
    let (leaves, guard) = (leaves(11), [(2, "keyguard")]);
    let trust = trust(&guard, 1);
    for (index, leaf) in leaves.iter().enumerate() {
        let receipt = receipt(&leaves, index, &guard);
        let verified = verify(&receipt, leaf.as_bytes(), &trust).unwrap();
        assert_eq!(verified.index(), receipt.index);
        assert_eq!(verified.cosigned_at(), Some(Time::from_seconds(1_795_210_023)));
        for other in leaves.iter().filter(|other| *other != leaf) {
            assert_eq!(verify(&receipt, other.as_bytes(), &trust), Err(InvalidReceipt::Leaf));
            // T1: a proof of something else, relabelled.
            let relabelled = Receipt { leaf_hash: leaf_hash(other.as_bytes()), ..receipt.clone() };
            assert!(verify(&relabelled, other.as_bytes(), &trust).is_err());
        }
        let wrong = [
            Receipt { index: receipt.index ^ 1, ..receipt.clone() },
            Receipt { size: receipt.size + 1, ..receipt.clone() },
            Receipt { origin: "log2025.sign.example".into(), ..receipt.clone() },
            Receipt { proof: vec![receipt.leaf_hash; 64], ..receipt.clone() },
            Receipt { checkpoint: note(&leaves), ..receipt.clone() },
            Receipt { checkpoint: cosigned(&note(&leaves[..10]), &guard), ..receipt.clone() },
        ];
        for wrong in wrong {
            assert!(verify(&wrong, leaf.as_bytes(), &trust).is_err(), "{wrong:?}");
        }
    }
}

#[test]
fn one_key_is_one_opinion_whatever_its_names() {
    let leaves = leaves(3);
    let two_names = [(2, "keyguard"), (2, "witness.example")];
    // T2: the same public key listed or used twice.
    let keys =
        || two_names.iter().map(|(seed, name)| vkey(*seed, name, KeyKind::Cosigner)).collect::<Vec<_>>();
    let ledger = vkey(1, ORIGIN, KeyKind::Ledger);
    assert_eq!(LedgerTrust::new(ledger.clone(), keys(), 2), Err(InvalidReceipt::Quorum { have: 1, need: 2 }));
    let own = vec![vkey(1, "keyguard", KeyKind::Cosigner)];
    assert_eq!(LedgerTrust::new(ledger.clone(), own, 1), Err(InvalidReceipt::Quorum { have: 0, need: 1 }));
    let two = trust(&[(2, "keyguard"), (3, "witness.example")], 2);
    let one = receipt(&leaves, 1, &two_names);
    assert_eq!(verify(&one, leaves[1].as_bytes(), &two), Err(InvalidReceipt::Quorum { have: 1, need: 2 }));
    let both = receipt(&leaves, 1, &[(3, "witness.example"), (9, "stranger"), (2, "keyguard")]);
    assert_eq!(verify(&both, leaves[1].as_bytes(), &two).unwrap().checkpoint().cosigned().len(), 2);
    assert!(LedgerTrust::new(vkey(1, ORIGIN, KeyKind::Cosigner), Vec::new(), 0).is_err());
    assert!(LedgerTrust::new(ledger.clone(), vec![ledger], 1).is_err());
}

#[test]
fn proof_files_round_trip_and_every_flip_is_refused() {
    let (leaves, guard) = (leaves(5), [(2, "keyguard")]);
    let (trust, receipt) = (trust(&guard, 1), receipt(&leaves, 2, &guard));
    let leaf = leaves[2].as_bytes();
    for extra in [None, Some(leaf)] {
        let text = TlogProof::from_receipt(&receipt, extra).render();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\n"));
        let parsed = TlogProof::parse(&text).unwrap();
        assert_eq!(parsed.render(), text);
        assert_eq!(parsed.receipt(leaf).unwrap(), receipt);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let Ok(proof) = TlogProof::parse(&changed) else { continue };
            let leaf = proof.extra.clone().unwrap_or_else(|| leaf.to_vec());
            let held = proof.receipt(&leaf).is_ok_and(|receipt| verify(&receipt, &leaf, &trust).is_ok());
            assert!(!held, "byte {at}: {changed:?}");
        }
        for cut in 0..text.len() {
            let Some(short) = text.get(..cut) else { continue };
            let held = TlogProof::parse(short).ok().and_then(|proof| proof.receipt(leaf).ok());
            assert!(held.is_none_or(|receipt| verify(&receipt, leaf, &trust).is_err()), "cut at {cut}");
        }
        assert!(TlogProof::parse(&format!("{text}x")).is_err());
        assert!(TlogProof::parse(&text.replace("index 2", "index 02")).is_err());
    }
}

fn follow(from: usize, all: &[String]) -> Follow {
    Follow { from: u64::try_from(from).unwrap(), leaves: all[from..].to_vec(), checkpoint: note(all) }
}

fn at_nine() -> Follower {
    Follower::new(vkey(1, ORIGIN, KeyKind::Ledger))
        .advance(&follow(0, &leaves(9)), &[vkey(1, ORIGIN, KeyKind::Ledger)])
        .unwrap()
        .into_follower()
}

#[test]
fn a_follower_advances_and_resumes() {
    let key = vkey(1, ORIGIN, KeyKind::Ledger);
    let all = leaves(9);
    let mut follower = Follower::new(key.clone());
    for (from, to) in [(0, 0), (0, 4), (4, 4), (4, 9)] {
        let advanced =
            follower.advance(&follow(from, &all[..to]), &[vkey(1, ORIGIN, KeyKind::Ledger)]).unwrap();
        assert_eq!(advanced.checkpoint().head, advanced.follower().head());
        follower = advanced.into_follower();
    }
    assert_eq!(follower, at_nine());
    let text = serde_json::to_string(&follower.state()).unwrap();
    let resumed = Follower::resume(key, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(resumed, follower);
}

#[test]
fn a_follower_refuses_forks_rollbacks_and_claims() {
    let (follower, all) = (at_nine(), leaves(9));
    let mut other = all.clone();
    other[8] = "{\"n\":-8}".into();
    let longer = [other.clone(), vec!["{\"n\":9}".into()]].concat();
    let with_empty = [all.clone(), vec![String::new()]].concat();
    let nothing = |all: &[String]| Follow { leaves: vec![], ..follow(9, all) };
    let unsigned = Follow { checkpoint: note(&all).replace("\n9\n", "\n10\n"), ..follow(9, &all) };
    let refusals = [
        (follow(8, &all[..8]), "ledger shrank: size 8 after 9"),
        (nothing(&other), "fork: at size 9 "),
        (follow(9, &longer), "fork: at size 10 "),
        (follow(4, &longer), "follower is at size 9"),
        (nothing(&longer), "leaves reach size 9, the checkpoint is of size 10"),
        (follow(9, &with_empty), "leaf of 0 bytes"),
        (unsigned, "checkpoint is not acceptable"),
    ];
    for (follow, expected) in refusals {
        let refused = follower.advance(&follow, &[vkey(1, ORIGIN, KeyKind::Ledger)]).unwrap_err();
        assert!(refused.to_string().starts_with(expected), "{refused}");
        // Only the position may be corrected and tried again.
        let again = matches!(CosignError::from(refused.clone()), CosignError::Behind { size: 9 });
        assert_eq!(again, matches!(refused, FollowError::Behind { .. }));
    }
}

#[test]
fn a_follower_refuses_kept_state_that_was_tampered_with() {
    let key = vkey(1, ORIGIN, KeyKind::Ledger);
    let follower = Follower::new(key.clone())
        .advance(&follow(0, &leaves(9)), std::slice::from_ref(&key))
        .unwrap()
        .into_follower();
    let state = follower.state();
    let mut bad = follower.state();
    bad.size = 8;
    assert!(Follower::resume(key.clone(), &bad).is_err());
    bad = follower.state();
    bad.edge[0] = Sha256::of(b"x");
    assert!(Follower::resume(key.clone(), &bad).is_err());
    assert!(Follower::resume(vkey(1, "other", KeyKind::Ledger), &state).is_err());
}
