//! The tree against an independent recursive reading of RFC 6962 §2.1, all sizes up to 70, and known vectors.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

use std::collections::HashMap;

use chancery_core::digest::Sha256;
use chancery_ledger::merkle::{
    Edge, Head, MerkleError, Nodes, consistency_proof, inclusion_proof, leaf_hash, root_at,
    verify_consistency, verify_inclusion,
};

const MOST: u64 = 70;

/// MTH of RFC 6962 §2.1, word for word.
fn mth(leaves: &[Vec<u8>]) -> Sha256 {
    match leaves {
        [] => Sha256::of(b""),
        [one] => Sha256::of(&[&[0], one.as_slice()].concat()),
        many => {
            let k = (1..).map(|n| 1_usize << n).take_while(|k| *k < many.len()).last().unwrap_or(1);
            let (left, right) = many.split_at(k);
            Sha256::of(&[&[1], mth(left).as_bytes().as_slice(), mth(right).as_bytes().as_slice()].concat())
        }
    }
}

/// PATH of RFC 6962 §2.1.1.
fn path(m: usize, leaves: &[Vec<u8>]) -> Vec<Sha256> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = (1..).map(|n| 1_usize << n).take_while(|k| *k < leaves.len()).last().unwrap_or(1);
    let (left, right) = leaves.split_at(k);
    let (mut below, beside) =
        if m < k { (path(m, left), mth(right)) } else { (path(m - k, right), mth(left)) };
    below.push(beside);
    below
}

/// SUBPROOF of RFC 6962 §2.1.2.
fn subproof((m, whole): (usize, bool), leaves: &[Vec<u8>]) -> Vec<Sha256> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = (1..).map(|n| 1_usize << n).take_while(|k| *k < leaves.len()).last().unwrap_or(1);
    let (left, right) = leaves.split_at(k);
    let (mut below, beside) = if m <= k {
        (subproof((m, whole), left), mth(right))
    } else {
        (subproof((m - k, false), right), mth(left))
    };
    below.push(beside);
    below
}

struct Known(HashMap<(u8, u64), Sha256>);
impl Nodes for Known {
    fn node(&self, level: u8, index: u64) -> Option<Sha256> {
        self.0.get(&(level, index)).copied()
    }
}

fn grow(leaves: &[Vec<u8>]) -> (Vec<Edge>, Known) {
    let (mut edge, mut nodes, mut edges) = (Edge::default(), HashMap::new(), vec![Edge::default()]);
    for leaf in leaves {
        edge.append(leaf_hash(leaf), |node| {
            assert!(nodes.insert((node.level, node.index), node.hash).is_none(), "each node is seen once");
        })
        .unwrap();
        edges.push(edge.clone());
    }
    (edges, Known(nodes))
}

fn sample() -> Vec<Vec<u8>> {
    (0..MOST).map(|n| format!("leaf {n}").into_bytes()).collect()
}

fn flipped(hash: &Sha256, bit: usize) -> Sha256 {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Sha256::from_bytes(bytes)
}

/// Every way in which a list of hashes can be slightly wrong.
fn mutations(proof: &[Sha256]) -> Vec<Vec<Sha256>> {
    let mut wrong = Vec::new();
    for at in 0..proof.len() {
        let mut flip = proof.to_vec();
        flip[at] = flipped(&proof[at], (at * 37) % 256);
        wrong.push(flip);
        let mut short = proof.to_vec();
        short.remove(at);
        wrong.push(short);
        let mut doubled = proof.to_vec();
        doubled.insert(at, proof[at]);
        wrong.push(doubled);
        if at > 0 {
            let mut swapped = proof.to_vec();
            swapped.swap(at - 1, at);
            wrong.push(swapped);
        }
    }
    let mut long = proof.to_vec();
    long.push(Sha256::of(b"more"));
    wrong.push(long);
    wrong
}

#[test]
fn known_roots_of_certificate_transparency() {
    let inputs =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let unhex = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2).unwrap(), 16).unwrap())
            .collect()
    };
    let leaves: Vec<_> = inputs.iter().map(|input| unhex(input)).collect();
    let (edges, _) = grow(&leaves);
    for (edge, root) in edges.iter().zip(roots) {
        assert_eq!(edge.root().to_string(), root);
    }
}

#[test]
fn every_inclusion_proof_holds_and_every_mutation_fails() {
    let leaves = sample();
    let (edges, nodes) = grow(&leaves);
    for size in 1..=MOST {
        let prefix = &leaves[..usize::try_from(size).unwrap()];
        let root = mth(prefix);
        assert_eq!(edges[prefix.len()].root(), root);
        assert_eq!(root_at(size, &nodes).unwrap(), root);
        for index in 0..size {
            let place = usize::try_from(index).unwrap();
            let hash = leaf_hash(&leaves[place]);
            let proof = inclusion_proof(index, size, &nodes).unwrap();
            assert_eq!(proof, path(place, prefix), "index {index} of {size}");
            verify_inclusion((index, size), &hash, &proof, &root).unwrap();
            for wrong in mutations(&proof) {
                verify_inclusion((index, size), &hash, &wrong, &root).unwrap_err();
            }
            verify_inclusion((index, size), &flipped(&hash, 3), &proof, &root).unwrap_err();
            verify_inclusion((index, size), &hash, &proof, &flipped(&root, 200)).unwrap_err();
            for other in (0..size).filter(|other| *other != index) {
                verify_inclusion((other, size), &hash, &proof, &root).unwrap_err();
            }
        }
        assert!(matches!(inclusion_proof(size, size, &nodes), Err(MerkleError::Range { .. })));
    }
}

#[test]
fn every_consistency_proof_holds_and_every_mutation_fails() {
    let leaves = sample();
    let (edges, nodes) = grow(&leaves);
    let head = |size: u64| Head { size, root: edges[usize::try_from(size).unwrap()].root() };
    for to in 0..=MOST {
        for from in 0..=to {
            let (old, new) = (head(from), head(to));
            let proof = consistency_proof(from, to, &nodes).unwrap();
            let prefix = &leaves[..usize::try_from(to).unwrap()];
            if from > 0 {
                assert_eq!(proof, subproof((usize::try_from(from).unwrap(), true), prefix), "{from} to {to}");
            }
            verify_consistency(&old, &new, &proof).unwrap();
            for wrong in mutations(&proof) {
                verify_consistency(&old, &new, &wrong).unwrap_err();
            }
            let bad = Head { root: flipped(&old.root, 9), ..old };
            verify_consistency(&bad, &new, &proof).unwrap_err();
            if from > 0 {
                let bad = Head { root: flipped(&new.root, 9), ..new };
                verify_consistency(&old, &bad, &proof).unwrap_err();
            }
            if from < to {
                verify_consistency(&new, &old, &proof).unwrap_err();
            }
        }
    }
}

#[test]
fn edges_are_strict_and_know_their_places() {
    let leaves = sample();
    let (edges, nodes) = grow(&leaves);
    for edge in &edges {
        assert_eq!(Edge::from_parts(edge.size(), edge.hashes().to_vec()).unwrap(), *edge);
        assert!(Edge::from_parts(edge.size() + 1, edge.hashes().to_vec()).is_err() || edge.size() % 2 == 1);
        let mut more = edge.hashes().to_vec();
        more.push(Sha256::of(b""));
        assert_eq!(Edge::from_parts(edge.size(), more), Err(MerkleError::Edge(edge.size())));
        for node in edge.nodes() {
            assert_eq!(nodes.0[&(node.level, node.index)], node.hash);
        }
    }
    assert!(Edge::from_parts(u64::MAX, vec![Sha256::of(b""); 64]).is_err());
    assert_eq!(
        inclusion_proof(0, 3, &Known(HashMap::new())),
        Err(MerkleError::Missing { level: 0, index: 2 })
    );
}

#[test]
fn sizes_near_the_limit_do_not_overflow() {
    let root = Sha256::of(b"");
    for size in [i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        verify_inclusion((size - 1, size), &root, &[], &root).unwrap_err();
        verify_inclusion((0, size), &root, &vec![root; 64], &root).unwrap_err();
        let (old, new) = (Head { size: size - 1, root }, Head { size, root: Sha256::of(b"x") });
        verify_consistency(&old, &new, &vec![root; 70]).unwrap_err();
    }
}
