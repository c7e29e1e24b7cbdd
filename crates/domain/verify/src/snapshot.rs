//! The trust snapshot: everything that a verdict depends on besides artifact, evidence, policy and moment.
//!
//! Plain data. Where it came from decides whether it may be believed: [`crate::trust_json`] checks its signature.

use std::collections::BTreeMap;

use chancery_core::environment::Environment;
use chancery_core::time::Time;
use chancery_ledger::receipt::{InvalidReceipt, LedgerTrust};
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
    /// Whether the snapshot may be used at a moment.
    #[must_use]
    pub fn is_current(&self, at: Time) -> bool {
        self.taken_at <= at.plus_seconds(SKEW_SECONDS) && at <= self.expires
    }
}
