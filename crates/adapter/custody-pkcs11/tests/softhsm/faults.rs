//! A token that misbehaves: return codes, lost sessions, hangs, crashes, nonsense (`faulty.c` between us and SoftHSM2).

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::port::custodian::{CustodyError, KeyDescription};
use chancery_custody_pkcs11::Pkcs11Custodian;

use crate::world::{World, make, sign, signs_within};

/// Codes after which tokens were seen to want a new session, and a device error.
const LOST: [&str; 9] = ["0x05", "0x30", "0x32", "0x60", "0x82", "0xb0", "0xb3", "0xe0", "0x101"];
const FUNCTIONS: [&str; 7] = [
    "C_OpenSession",
    "C_Login",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_GetAttributeValue",
    "C_SignInit",
    "C_Sign",
];

struct Faulty {
    world: World,
    custodian: Pkcs11Custodian,
    key: KeyDescription,
}

impl Faulty {
    fn new(deadline: Duration, sessions: usize) -> Option<Self> {
        let world = World::new()?;
        let module = world.path("faulty.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/softhsm/faulty.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-w", "-o"])
            .arg(&module)
            .args([source, "-ldl"])
            .status();
        if !built.is_ok_and(|status| status.success()) {
            println!("not compared: no C compiler");
            return None;
        }
        let mut config = world.config();
        config.token.module = module;
        config.token.sessions = sessions;
        config.limits.deadline = deadline;
        config.worker.environment.push(("FAULTY_MODULE".into(), world.module.clone().into()));
        config.worker.environment.push(("FAULTY_PLAN".into(), world.path("plan").into()));
        fs::write(world.path("plan"), "").unwrap();
        let custodian = Pkcs11Custodian::open(config).unwrap();
        let key = make(&custodian, "k", KeyAlgorithm::EcdsaP256);
        Some(Self { world, custodian, key })
    }
    fn plan(&self, function: &str, what: &str, times: u32) {
        fs::write(self.world.path("plan"), format!("{function} {what} {times}\n")).unwrap();
    }
    fn sign(&self) -> Result<bool, CustodyError> {
        sign(&self.custodian, &self.key, "m")
    }
    fn kill(&self) {
        let process = self.custodian.worker_process().unwrap();
        assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
        while self.custodian.worker_process().is_some() {
            std::thread::yield_now();
        }
    }
}

pub(crate) fn lost_sessions_are_rebuilt() {
    let Some(faulty) = Faulty::new(Duration::from_secs(5), 1) else { return };
    assert_eq!(faulty.sign(), Ok(true));
    let process = faulty.custodian.worker_process();
    faulty.plan("C_SignInit", "close", 1);
    assert_eq!(faulty.sign(), Ok(true), "all sessions were closed");
    for code in LOST {
        for function in ["C_SignInit", "C_Sign"] {
            faulty.plan(function, code, 1);
            assert_eq!(faulty.sign(), Ok(true), "{function} said {code} once");
        }
    }
    assert_eq!(faulty.custodian.worker_process(), process, "in the same process");
    for code in LOST {
        for function in FUNCTIONS {
            faulty.kill();
            faulty.plan(function, code, 2);
            signs_within(&faulty.custodian, &faulty.key, Duration::from_secs(3));
        }
    }
    // A code that says nothing about the session is the caller's answer, and the next call is as good as ever.
    for (code, name) in [("0x70", "MechanismInvalid"), ("0x68", "KeyFunctionNotPermitted")] {
        faulty.plan("C_SignInit", code, 1);
        let answer = faulty.sign();
        assert!(
            matches!(&answer, Err(CustodyError::Unusable { why, .. }) if why.contains(name)),
            "{answer:?}"
        );
        assert_eq!(faulty.sign(), Ok(true));
    }
}

pub(crate) fn hangs_end_in_time() {
    let deadline = Duration::from_millis(700);
    let Some(faulty) = Faulty::new(deadline, 1) else { return };
    for function in ["C_SignInit", "C_Sign"] {
        assert_eq!(faulty.sign(), Ok(true));
        faulty.plan(function, "hang", 1);
        let start = Instant::now();
        let answer = faulty.sign();
        let taken = start.elapsed();
        assert!(matches!(&answer, Err(CustodyError::Unavailable(_))), "{answer:?}");
        assert!((deadline..deadline * 4).contains(&taken), "{taken:?}");
        assert_eq!(faulty.sign(), Ok(true), "another worker is there at once");
    }
}

/// A token with one session is silent while it makes a key; that must not get its worker killed.
pub(crate) fn making_a_key_is_not_a_hang() {
    let Some(faulty) = Faulty::new(Duration::from_millis(500), 1) else { return };
    let process = faulty.custodian.worker_process();
    faulty.plan("C_GenerateKeyPair", "slow", 1);
    std::thread::scope(|scope| {
        let made = scope.spawn(|| make(&faulty.custodian, "slow", KeyAlgorithm::EcdsaP256));
        while fs::read_to_string(faulty.world.path("plan")).unwrap().contains("slow 1") {
            std::thread::yield_now();
        }
        let answer = faulty.sign();
        assert!(
            matches!(&answer, Err(CustodyError::Unavailable(why)) if why.contains("overloaded")),
            "{answer:?}"
        );
        let key = made.join().unwrap();
        assert_eq!(sign(&faulty.custodian, &key, "m"), Ok(true));
    });
    assert_eq!(faulty.custodian.worker_process(), process);
}

pub(crate) fn crashes_and_nonsense_are_contained() {
    let Some(faulty) = Faulty::new(Duration::from_secs(5), 1) else { return };
    for function in ["C_SignInit", "C_Sign"] {
        faulty.plan(function, "crash", 1);
        let answer = faulty.sign();
        assert!(matches!(&answer, Err(CustodyError::Unavailable(_))), "{answer:?}");
        assert_eq!(faulty.sign(), Ok(true));
    }
    for what in ["empty", "long", "short"] {
        faulty.plan("C_Sign", what, 1);
        let answer = faulty.sign();
        assert!(matches!(&answer, Err(CustodyError::WrongAnswer(_))), "{what}: {answer:?}");
        assert_eq!(faulty.sign(), Ok(true));
    }
    // Of the right size and form but wrong: the keyguard's own verification is what stops it.
    faulty.plan("C_Sign", "flip", 1);
    assert_eq!(faulty.sign(), Ok(false));
}

/// The token allows two sessions where eight are wanted: it is used with two.
pub(crate) fn few_sessions_are_enough() {
    let Some(faulty) = Faulty::new(Duration::from_secs(5), 8) else { return };
    faulty.kill();
    faulty.plan("C_OpenSession", "limit", 0);
    let answer = faulty.sign();
    assert!(
        matches!(&answer, Err(CustodyError::Unavailable(why)) if why.contains("SessionCount")),
        "{answer:?}"
    );
    faulty.plan("C_OpenSession", "limit", 2);
    signs_within(&faulty.custodian, &faulty.key, Duration::from_secs(3));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(faulty.sign(), Ok(true));
                }
            });
        }
    });
}
