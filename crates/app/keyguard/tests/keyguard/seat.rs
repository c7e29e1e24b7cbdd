//! An initialised keyguard over fakes.

use std::sync::Arc;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::message::{Call, Initialise, Reply};
use chancery_core::port::custodian::KeySpec;
use chancery_core::port::step::NoSteps;
use chancery_core::time::Time;
use chancery_keyguard::custodians::{Backend, Custodians};
use chancery_keyguard::keyguard::{Keyguard, Parts};
use chancery_testkit::clock::HandClock;
use chancery_testkit::custodian::FakeCustodian;
use chancery_testkit::entropy::CountingEntropy;
use chancery_testkit::ledger::FakeLedger;
use chancery_testkit::memory::FakeMemory;

pub(crate) struct Seat {
    pub(crate) keyguard: Keyguard,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) custodian: FakeCustodian,
    pub(crate) memory: Arc<FakeMemory>,
    pub(crate) ledger: FakeLedger,
}

fn spec(name: &str, family: Family) -> KeySpec {
    KeySpec {
        id: KeyId::parse(name).unwrap(),
        algorithm: KeyAlgorithm::EcdsaP256,
        family,
        environment: Environment::Development,
        owner: "test".to_owned(),
        purpose: "test".to_owned(),
    }
}

impl Seat {
    pub(crate) fn new() -> Self {
        let start = Time::parse_rfc3339("2026-11-20T12:00:00Z").unwrap();
        let clock = Arc::new(HandClock::at(start));
        let (custodian, memory) = (FakeCustodian::new(), Arc::new(FakeMemory::default()));
        let ledger = FakeLedger::new("log2026.sign.example");
        let keyguard = open(&clock, &custodian, &memory);
        let wish = Initialise {
            organisation: "Acme".to_owned(),
            dev: true,
            ledger_vkey: ledger.vkey(),
            root: Sha256::of(b"root"),
            keys: vec![
                spec("a-cms", Family::Cms),
                spec("a-message", Family::Message),
                spec("a-notary", Family::Notary),
            ],
            seed: vec![7; 16],
        };
        assert!(matches!(keyguard.answer(Call::Initialise(wish)), Reply::Authorities(_)));
        Self { keyguard, clock, custodian, memory, ledger }
    }
    /// Another process on the same memory and keys.
    pub(crate) fn restarted(&self) -> Keyguard {
        open(&self.clock, &self.custodian, &self.memory)
    }
}

fn open(clock: &Arc<HandClock>, custodian: &FakeCustodian, memory: &Arc<FakeMemory>) -> Keyguard {
    let backend = Backend { name: "fake".to_owned(), custodian: Arc::new(custodian.clone()) };
    Keyguard::new(Parts {
        custodians: Custodians::new(vec![backend], "fake").unwrap(),
        memory: Arc::clone(memory) as _,
        clock: Arc::clone(clock) as _,
        entropy: Arc::new(CountingEntropy::default()),
        steps: Arc::new(NoSteps),
        audience_host: "sign.example".to_owned(),
        builder: "https://sign.example".to_owned(),
        stamper_chains: Vec::new(),
        issuer_roots: rustls::RootCertStore::empty(),
        sandbox: Vec::new(),
    })
    .unwrap()
}
