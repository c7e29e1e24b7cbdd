//! Checking a receipt: inclusion, the ledger's signature, enough cosignatures.

use chancery_core::receipt::Receipt;
use chancery_core::time::Time;

use crate::checkpoint::{InvalidCheckpoint, SignedCheckpoint};
use crate::cosignature;
use crate::merkle::{Head, MAX_PROOF, MerkleError, leaf_hash, verify_inclusion};
use crate::vkey::{KeyError, KeyKind, VerifierKey};

/// A receipt that does not prove what it claims.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReceipt {
    /// The checkpoint is malformed or not the ledger's.
    #[error("receipt's checkpoint is not acceptable")]
    Checkpoint(#[source] InvalidCheckpoint),
    /// A trusted cosigner's line is on the checkpoint, but wrong.
    #[error("receipt's cosignature is not acceptable")]
    Cosignature(#[source] KeyError),
    /// The receipt's own origin or size is not that of its checkpoint.
    #[error("receipt and checkpoint disagree about {0}")]
    Disagrees(&'static str),
    /// The leaf is not the one that the receipt is for.
    #[error("receipt is for another leaf")]
    Leaf,
    /// No line of the checkpoint names a ledger's key that is trusted.
    #[error("checkpoint is signed by no ledger that is trusted")]
    Ledger,
    /// The proof does not lead from the leaf to the root.
    #[error("inclusion proof does not hold")]
    Proof(#[source] MerkleError),
    /// Too few distinct trusted cosigners.
    #[error("{have} of {need} cosignatures")]
    Quorum {
        /// Distinct keys that cosigned.
        have: usize,
        /// Keys demanded.
        need: usize,
    },
    /// The checkpoint was cosigned when the ledger's key did not count.
    #[error("checkpoint of {0} is by a key of the ledger that does not count then")]
    Window(Time),
}

/// Whose word counts: the ledger's key, and how many of which cosigners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerTrust {
    ledger: VerifierKey,
    cosigners: Vec<VerifierKey>,
    quorum: usize,
}

impl LedgerTrust {
    /// Trusts `ledger` together with `quorum` of `cosigners`. A public key that is listed twice, under whatever names,
    /// counts once (T2). Errors when a key is of the wrong kind or the quorum cannot be met.
    pub fn new(
        ledger: VerifierKey,
        cosigners: Vec<VerifierKey>,
        quorum: usize,
    ) -> Result<Self, InvalidReceipt> {
        if ledger.kind() != KeyKind::Ledger {
            return Err(InvalidReceipt::Cosignature(KeyError::Kind(ledger.name().clone())));
        }
        if let Some(key) = cosigners.iter().find(|key| key.kind() != KeyKind::Cosigner) {
            return Err(InvalidReceipt::Cosignature(KeyError::Kind(key.name().clone())));
        }
        let mut distinct: Vec<VerifierKey> = Vec::with_capacity(cosigners.len());
        for key in cosigners {
            // The ledger's own key is no second opinion.
            if key.public() != ledger.public() && distinct.iter().all(|known| known.public() != key.public())
            {
                distinct.push(key);
            }
        }
        if quorum > distinct.len() {
            return Err(InvalidReceipt::Quorum { have: distinct.len(), need: quorum });
        }
        Ok(Self { ledger, cosigners: distinct, quorum })
    }
    /// The ledger's key.
    #[must_use]
    pub const fn ledger(&self) -> &VerifierKey {
        &self.ledger
    }
    /// Verifies a checkpoint: the ledger's signature and the quorum. Answers also when each trusted cosigner signed.
    pub fn open(&self, checkpoint: &str) -> Result<CosignedCheckpoint, InvalidReceipt> {
        let signed = SignedCheckpoint::open(checkpoint, &self.ledger).map_err(InvalidReceipt::Checkpoint)?;
        let mut cosigned = Vec::new();
        for key in &self.cosigners {
            match cosignature::verify(&signed, key) {
                Ok(at) => cosigned.push((key.name().to_string(), at)),
                Err(KeyError::Absent(_)) => {}
                Err(error) => return Err(InvalidReceipt::Cosignature(error)),
            }
        }
        if cosigned.len() < self.quorum {
            return Err(InvalidReceipt::Quorum { have: cosigned.len(), need: self.quorum });
        }
        Ok(CosignedCheckpoint { signed, cosigned })
    }
}

/// A checkpoint with the ledger's signature and enough cosignatures; born only in [`LedgerTrust::open`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignedCheckpoint {
    signed: SignedCheckpoint,
    cosigned: Vec<(String, Time)>,
}

impl CosignedCheckpoint {
    /// Size and root.
    #[must_use]
    pub const fn head(&self) -> &Head {
        self.signed.head()
    }
    /// The ledger's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.signed.checkpoint().origin.as_str()
    }
    /// The latest moment that a trusted cosigner gave; absent when no cosignature was demanded nor found.
    #[must_use]
    pub fn cosigned_at(&self) -> Option<Time> {
        self.cosigned.iter().map(|(_, at)| *at).max()
    }
    /// Each trusted cosigner's name with the time that it gave.
    #[must_use]
    pub fn cosigned(&self) -> &[(String, Time)] {
        &self.cosigned
    }
}

/// Proof that a leaf is in the ledger, checked; born only in [`verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    index: u64,
    checkpoint: CosignedCheckpoint,
}

impl VerifiedReceipt {
    /// Zero-based index of the leaf.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }
    /// The checkpoint that covers it.
    #[must_use]
    pub const fn checkpoint(&self) -> &CosignedCheckpoint {
        &self.checkpoint
    }
    /// As [`CosignedCheckpoint::cosigned_at`] has it.
    #[must_use]
    pub fn cosigned_at(&self) -> Option<Time> {
        self.checkpoint.cosigned_at()
    }
}

/// Checks a receipt for exactly these leaf bytes.
pub fn verify(
    receipt: &Receipt,
    leaf: &[u8],
    trust: &LedgerTrust,
) -> Result<VerifiedReceipt, InvalidReceipt> {
    if leaf_hash(leaf) != receipt.leaf_hash {
        return Err(InvalidReceipt::Leaf);
    }
    if receipt.proof.len() > MAX_PROOF {
        return Err(InvalidReceipt::Proof(MerkleError::Proof));
    }
    let checkpoint = trust.open(&receipt.checkpoint)?;
    if checkpoint.origin() != receipt.origin {
        return Err(InvalidReceipt::Disagrees("the origin"));
    }
    let head = checkpoint.head();
    if head.size != receipt.size {
        return Err(InvalidReceipt::Disagrees("the size"));
    }
    verify_inclusion((receipt.index, head.size), &receipt.leaf_hash, &receipt.proof, &head.root)
        .map_err(InvalidReceipt::Proof)?;
    Ok(VerifiedReceipt { index: receipt.index, checkpoint })
}
