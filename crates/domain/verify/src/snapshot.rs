//! The trust snapshot: everything that a verdict depends on besides artifact, evidence, policy and moment.
//!
//! Plain data. Where it came from decides whether it may be believed: [`crate::trust_json`] checks its signature.

use std::collections::BTreeMap;

use chancery_core::environment::Environment;
use chancery_core::receipt::Receipt;
use chancery_core::time::Time;
use chancery_ledger::checkpoint::InvalidCheckpoint;
use chancery_ledger::note::Note;
use chancery_ledger::receipt::{self, CosignedCheckpoint, InvalidReceipt, LedgerTrust, VerifiedReceipt};
use chancery_ledger::vkey::VerifierKey;
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::Crl;

use crate::policy::VerificationPolicy;
use crate::revocation::Revocation;
use crate::trusted_root::{Ledger, TrustedRoot};
use crate::window::Window;

/// How far the clocks of signer and verifier may differ, in seconds.
pub const SKEW_SECONDS: i64 = 300;

/// Whether development authorities may be trusted. Never both kinds in one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Only development authorities: nothing that they sign counts elsewhere.
    Development,
    /// Everything but development authorities.
    Real,
}

/// A key that cosigns checkpoints: the keyguard's, or a witness's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigner {
    /// The key, of kind cosigner.
    pub key: VerifierKey,
    /// When its word counts.
    pub window: Window,
}

/// What is trusted, by whom it was signed and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustSnapshot {
    /// The environment whose roots these are.
    pub environment: Environment,
    /// Whether these are development authorities.
    pub stage: Stage,
    /// When it was taken.
    pub taken_at: Time,
    /// The last moment at which it may be used.
    pub expires: Time,
    /// What Sigstore clients read too: authorities, CT keys, TSAs, ledgers.
    pub roots: TrustedRoot,
    /// Who cosigns checkpoints.
    pub cosigners: Vec<Cosigner>,
    /// How many distinct cosigners a checkpoint needs.
    pub quorum: usize,
    /// Roots for formats with long-lived certificates.
    pub native_roots: Vec<Certificate>,
    /// What no longer counts.
    pub revocations: Vec<Revocation>,
    /// Revocation lists of time stamping authorities' issuers, as they came; checked where they are used.
    pub revocation_lists: Vec<Crl>,
    /// Verification policies by name.
    pub policies: BTreeMap<String, VerificationPolicy>,
}

impl TrustSnapshot {
    /// Whose signatures a checkpoint of this ledger needs.
    pub fn ledger_trust(&self, ledger: &Ledger) -> Result<LedgerTrust, InvalidReceipt> {
        let cosigners = self.cosigners.iter().map(|cosigner| cosigner.key.clone()).collect();
        LedgerTrust::new(ledger.key().clone(), cosigners, self.quorum)
    }
    /// The trusted ledger whose key a checkpoint names; its signature is not verified here. A ledger whose key was replaced
    /// is listed once for each.
    pub fn ledger_of(&self, checkpoint: &str) -> Result<&Ledger, InvalidReceipt> {
        let note = Note::parse(checkpoint)
            .map_err(|error| InvalidReceipt::Checkpoint(InvalidCheckpoint::Note(error)))?;
        let named = self.roots.ledgers.iter().find(|ledger| ledger.key().is_named_in(&note));
        named.ok_or(InvalidReceipt::Ledger)
    }
    /// Verifies a checkpoint of a trusted ledger with the cosignatures that it needs, made while the ledger's key counted.
    pub fn open(&self, checkpoint: &str) -> Result<CosignedCheckpoint, InvalidReceipt> {
        let ledger = self.ledger_of(checkpoint)?;
        let opened = self.ledger_trust(ledger)?.open(checkpoint)?;
        in_window(ledger, opened.cosigned_at()).map(|()| opened)
    }
    /// Verifies that a leaf is in a trusted ledger.
    pub fn included(&self, receipt: &Receipt, leaf: &[u8]) -> Result<VerifiedReceipt, InvalidReceipt> {
        let ledger = self.ledger_of(&receipt.checkpoint)?;
        let verified = receipt::verify(receipt, leaf, &self.ledger_trust(ledger)?)?;
        in_window(ledger, verified.cosigned_at()).map(|()| verified)
    }
    /// Whether the snapshot may be used at a moment.
    #[must_use]
    pub fn is_current(&self, at: Time) -> bool {
        self.taken_at <= at.plus_seconds(SKEW_SECONDS) && at <= self.expires
    }
}

fn in_window(ledger: &Ledger, at: Option<Time>) -> Result<(), InvalidReceipt> {
    match at {
        Some(at) if !ledger.window().contains(at) => Err(InvalidReceipt::Window(at)),
        Some(_) | None => Ok(()),
    }
}
