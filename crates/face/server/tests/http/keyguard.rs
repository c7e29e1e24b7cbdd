//! The real keyguard in this process, over keys and memory that are made for one test; it can be told to misbehave.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chancery_core::message::{Call, Reply};
use chancery_core::port::Boxed;
use chancery_core::port::clock::Clock;
use chancery_core::port::custodian::Custodian;
use chancery_core::port::entropy::Entropy;
use chancery_core::port::keyguard::{Keyguard, KeyguardUnavailable};
use chancery_core::port::memory::{Memory, MemoryError, Piece};
use chancery_core::port::step::NoSteps;
use chancery_core::time::Time;
use chancery_keyguard::custodians::{Backend, Custodians};
use chancery_keyguard::keyguard::{Keyguard as RealKeyguard, Parts};
use chancery_testkit::custodian::FakeCustodian;
use tokio::sync::Semaphore;

use crate::world::HOST;

/// A moment that all processes of a test agree on; it moves on by a millisecond with every reading.
#[derive(Debug, Default)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        let milliseconds = self.0.fetch_add(1, Ordering::Relaxed);
        Time::from_seconds(1_795_210_023).plus_seconds(i64::try_from(milliseconds / 1000).unwrap())
    }
}

/// Never the same twice.
#[derive(Debug, Default)]
pub(crate) struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn sixteen(&self) -> [u8; 16] {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0x11; 16];
        bytes[8..].copy_from_slice(&n.to_be_bytes());
        bytes
    }
}

#[derive(Debug, Default)]
struct TestMemory(Mutex<HashMap<Piece, Vec<u8>>>);

impl Memory for TestMemory {
    fn read(&self, piece: Piece) -> Result<Option<Vec<u8>>, MemoryError> {
        Ok(self.0.lock().unwrap().get(&piece).cloned())
    }
    fn write(&self, piece: Piece, bytes: &[u8]) -> Result<(), MemoryError> {
        self.0.lock().unwrap().insert(piece, bytes.to_vec());
        Ok(())
    }
}

/// What the keyguard does with orders and timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Answers,
    Away,
    Breaks,
    Waits,
}

/// The text that a broken keyguard gives; no caller may ever see it.
pub(crate) const SECRET: &str = "segfault in slot 7 of the module";

/// The keyguard.
#[derive(Debug)]
pub(crate) struct InProcess {
    real: RealKeyguard,
    mood: AtomicU8,
    /// Orders that wait; a permit lets one go on.
    pub(crate) gate: Semaphore,
    /// Orders that have come.
    pub(crate) orders: Semaphore,
}

impl InProcess {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let custodian: Arc<dyn Custodian> = Arc::new(FakeCustodian::new());
        let backend = Backend { name: "software".into(), custodian };
        let parts = Parts {
            custodians: Custodians::new(vec![backend], "software").unwrap(),
            memory: Arc::new(TestMemory::default()),
            clock,
            entropy: Arc::new(TestEntropy::default()),
            steps: Arc::new(NoSteps),
            audience_host: HOST.into(),
            builder: format!("https://{HOST}"),
            stamper_chains: Vec::new(),
            issuer_roots: rustls::RootCertStore::empty(),
            sandbox: Vec::new(),
        };
        let real = RealKeyguard::new(parts).unwrap();
        let (gate, orders) = (Semaphore::new(0), Semaphore::new(0));
        Arc::new(Self { real, mood: AtomicU8::new(0), gate, orders })
    }
    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }
    fn mood(&self) -> Mood {
        let moods = [Mood::Answers, Mood::Away, Mood::Breaks, Mood::Waits];
        moods[usize::from(self.mood.load(Ordering::SeqCst))]
    }
    pub(crate) fn answer(&self, call: Call) -> Reply {
        self.real.answer(call)
    }
}

impl Keyguard for InProcess {
    fn call(&self, call: Call) -> Boxed<'_, Result<Reply, KeyguardUnavailable>> {
        Box::pin(async move {
            let is_order = matches!(call, Call::Sign(_));
            if is_order {
                self.orders.add_permits(1);
            }
            match self.mood() {
                Mood::Answers => {}
                Mood::Away => return Err(KeyguardUnavailable("asleep".into())),
                Mood::Breaks => return Ok(Reply::Failed(SECRET.into())),
                Mood::Waits if is_order => self.gate.acquire().await.unwrap().forget(),
                Mood::Waits => {}
            }
            Ok(self.answer(call))
        })
    }
}
