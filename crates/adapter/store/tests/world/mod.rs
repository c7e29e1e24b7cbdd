//! A follower with a real key, and ledgers in directories of their own.
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chancery_core::digest::Sha256;
use chancery_core::id::{RequestId, StatementId};
use chancery_core::port::Boxed;
use chancery_core::port::cosigner::{CosignError, Cosigner, Follow};
use chancery_core::port::sequencer::{Append, Change};
use chancery_core::time::Time;
use chancery_ledger::checkpoint::Origin;
use chancery_ledger::cosignature;
use chancery_ledger::follower::Follower;
use chancery_ledger::note::KeyName;
use chancery_ledger::receipt::LedgerTrust;
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_store::database::StoreError;
use chancery_store::ledger::{Ledger, LedgerConfig, LedgerKey};

pub(crate) const ORIGIN: &str = "log2026.sign.example";

/// What the follower does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Follows,
    Garbage,
    Unavailable,
}

#[derive(Debug)]
pub(crate) struct Keyguard {
    pair: Ed25519KeyPair,
    /// Where it keeps what it followed, before it answers.
    file: Option<PathBuf>,
    pub(crate) inner: Mutex<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) follower: Follower,
    pub(crate) mood: Mood,
    pub(crate) calls: u64,
    pub(crate) largest: usize,
}

impl Keyguard {
    pub(crate) fn new(ledger: &LedgerKey) -> Arc<Self> {
        let follower = Follower::new(ledger.verifier().clone());
        let inner = Inner { follower, mood: Mood::Follows, calls: 0, largest: 0 };
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        Arc::new(Self { pair, file: None, inner: Mutex::new(inner) })
    }
    /// One whose memory outlives the process.
    pub(crate) fn remembering(ledger: &LedgerKey, file: &Path) -> Arc<Self> {
        let mut keyguard = Arc::into_inner(Self::new(ledger)).unwrap();
        if let Ok(state) = std::fs::read_to_string(file) {
            let state = serde_json::from_str(&state).unwrap();
            let follower = Follower::resume(ledger.verifier().clone(), &state).unwrap();
            keyguard.inner.get_mut().unwrap().follower = follower;
        }
        keyguard.file = Some(file.to_owned());
        Arc::new(keyguard)
    }
    pub(crate) fn key() -> VerifierKey {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        VerifierKey::new(KeyName::parse("keyguard.sign.example").unwrap(), KeyKind::Cosigner, public)
    }
    pub(crate) fn mood(&self, mood: Mood) {
        self.inner.lock().unwrap().mood = mood;
    }
    pub(crate) fn size(&self) -> u64 {
        self.inner.lock().unwrap().follower.head().size
    }
    fn answer(&self, follow: &Follow) -> Result<String, CosignError> {
        let mut inner = self.inner.lock().unwrap();
        inner.calls += 1;
        inner.largest = inner.largest.max(follow.leaves.len());
        match inner.mood {
            Mood::Follows => {}
            Mood::Garbage => return Ok("garbage".into()),
            Mood::Unavailable => return Err(CosignError::Unavailable("asleep".into())),
        }
        let key = inner.follower.ledger().clone();
        let advanced = inner.follower.advance(follow, &[key])?;
        let text = advanced.checkpoint().text();
        inner.follower = advanced.into_follower();
        if let Some(file) = &self.file {
            let fresh = file.with_extension("new");
            std::fs::write(&fresh, serde_json::to_vec(&inner.follower.state()).unwrap()).unwrap();
            std::fs::rename(fresh, file).unwrap();
        }
        let at = Time::from_seconds(1_795_210_023);
        Ok(cosignature::line(&Self::key(), at, self.pair.sign(&cosignature::message(&text, at)).as_ref()))
    }
}

impl Cosigner for Keyguard {
    fn cosign<'a>(&'a self, follow: &'a Follow) -> Boxed<'a, Result<String, CosignError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.answer(follow)
        })
    }
}

pub(crate) fn origin() -> Origin {
    Origin::parse(ORIGIN).unwrap()
}

pub(crate) fn key(directory: &Path) -> LedgerKey {
    LedgerKey::load_or_create(&directory.join("ledger.key"), &origin()).unwrap()
}

pub(crate) fn config(directory: &Path) -> LedgerConfig {
    let mut config = LedgerConfig::new(directory.join("data"), origin(), Keyguard::key());
    config.reserve = 0;
    config
}

pub(crate) async fn try_open(directory: &Path, keyguard: &Arc<Keyguard>) -> Result<Ledger, StoreError> {
    let cosigner: Arc<dyn Cosigner> = Arc::<Keyguard>::clone(keyguard);
    Ledger::open(config(directory), cosigner, key(directory)).await
}

pub(crate) async fn open(directory: &Path, keyguard: &Arc<Keyguard>) -> Ledger {
    try_open(directory, keyguard).await.unwrap()
}

pub(crate) fn trust(directory: &Path) -> LedgerTrust {
    LedgerTrust::new(key(directory).verifier().clone(), vec![Keyguard::key()], 1).unwrap()
}

pub(crate) fn leaf(n: u64) -> String {
    format!("{{\"n\":{n}}}")
}

pub(crate) fn one(leaf: String) -> Append {
    Append { leaves: vec![leaf], changes: Vec::new() }
}

pub(crate) fn request(n: u8) -> RequestId {
    RequestId::new(Sha256::of(&[b'r', n]))
}

pub(crate) fn statement(n: u8) -> StatementId {
    StatementId::new(Sha256::of(&[b's', n]))
}

/// An intent's leaf as the gateway writes it.
pub(crate) fn intent(n: u8, profile: &str, time: i64) -> Append {
    let hash = Sha256::of(&[n]);
    let leaf = format!(
        r#"{{"artifact":"{hash}","claims":{{}},"depth":"structured","environment":"production","evidence":"{hash}","family":"cms","format":"pe","issuer":"github","key":"k","kind":"intent","policy":"{hash}","precertificate":null,"profile":"{profile}","request":"{}","schema":"chancery.event/1","statement":"{}","time":{time},"to_be_signed":"{hash}","token_use":"{hash}"}}"#,
        request(n),
        statement(n),
    );
    let change = Change::Intent {
        request: request(n),
        statement: statement(n),
        wish: format!("{{\"wish\":{n}}}").into(),
        plan: format!("{{\"plan\":{n}}}"),
    };
    Append { leaves: vec![leaf], changes: vec![change] }
}
