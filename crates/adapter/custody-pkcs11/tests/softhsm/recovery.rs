//! Killed workers, lost tokens, wrong PINs.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::port::custodian::{Custodian as _, CustodyError};

use crate::world::{World, make, rename, sign, signs_within};

/// 1,000 signatures in four threads while the worker is killed five times: each is right, or unavailable and made again.
pub(crate) fn killed_workers_come_back() {
    let Some(world) = World::new() else { return };
    let custodian = world.open();
    let key = make(&custodian, "k", KeyAlgorithm::EcdsaP256);
    let (made, lost) = (AtomicU32::new(0), AtomicU32::new(0));
    let work = || {
        while made.load(Ordering::Relaxed) < 1000 {
            let answer = sign(&custodian, &key, "m");
            let counter = if answer.is_ok() { &made } else { &lost };
            counter.fetch_add(1, Ordering::Relaxed);
            assert!(matches!(answer, Ok(true) | Err(CustodyError::Unavailable(_))), "{answer:?}");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
        for round in 1..=5 {
            while made.load(Ordering::Relaxed) < round * 150 {
                std::thread::yield_now();
            }
            let process = custodian.worker_process();
            if let Some(process) = process {
                assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
            }
            while custodian.worker_process() == process {
                std::thread::yield_now();
            }
        }
    });
    println!("1000 signatures, {} calls met a dead worker", lost.load(Ordering::Relaxed));
}

pub(crate) fn a_lost_token_comes_back() {
    let Some(world) = World::new() else { return };
    let custodian = world.open();
    let key = make(&custodian, "k", KeyAlgorithm::EcdsaP256);
    for restart in [false, true] {
        assert_eq!(sign(&custodian, &key, "m"), Ok(true));
        rename(&world.tokens(), &world.path("away"));
        std::fs::create_dir(world.tokens()).unwrap();
        if restart {
            let process = custodian.worker_process().unwrap();
            assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
            while custodian.worker_process().is_some() {
                std::thread::yield_now();
            }
            let answer = sign(&custodian, &key, "m");
            assert!(matches!(answer, Err(CustodyError::Unavailable(_))), "{answer:?}");
            assert!(custodian.health().is_err());
            assert_eq!(custodian.list().unwrap(), vec![key.clone()], "known all the same");
        } else {
            let answer = sign(&custodian, &key, "m");
            assert!(matches!(answer, Err(CustodyError::Unavailable(_))), "{answer:?}");
        }
        std::fs::remove_dir_all(world.tokens()).unwrap();
        rename(&world.path("away"), &world.tokens());
        let start = Instant::now();
        signs_within(&custodian, &key, Duration::from_secs(6));
        println!("back after {} ms", start.elapsed().as_millis());
        custodian.health().unwrap();
    }
}

/// Tokens lock themselves after a few wrong PINs, so a refused PIN is not tried again until the process restarts.
pub(crate) fn a_wrong_pin_is_tried_once() {
    let Some(world) = World::new() else { return };
    let custodian = world.open();
    let key = make(&custodian, "k", KeyAlgorithm::EcdsaP256);
    drop(custodian);
    world.secret("pin", "654321\n");
    let custodian = world.open();
    let answer = sign(&custodian, &key, "m");
    let Err(CustodyError::Unavailable(why)) = &answer else { panic!("{answer:?}") };
    assert!(why.contains("refuses the PIN"), "{why}");
    world.secret("pin", "123456\n");
    assert_eq!(sign(&custodian, &key, "m"), answer, "not tried again");
    drop(custodian);
    assert_eq!(sign(&world.open(), &key, "m"), Ok(true));
    for mode in ["0644", "0666"] {
        assert!(Command::new("chmod").arg(mode).arg(world.path("pin")).status().unwrap().success());
        let answer = sign(&world.open(), &key, "m");
        let Err(CustodyError::Unavailable(why)) = &answer else { panic!("{answer:?}") };
        assert!(why.contains("has mode"), "{why}");
    }
    // Settings that are of no use are tried again, unlike a PIN.
    let custodian = world.open();
    assert!(sign(&custodian, &key, "m").is_err());
    world.secret("pin", "123456\n");
    signs_within(&custodian, &key, Duration::from_secs(3));
}

/// A worker never outlives its custodian, and ends on whatever is not a call.
pub(crate) fn a_worker_ends_with_its_socket() {
    let config = r#"{"module":"/absent","label":"t","serial":null,"pin_file":"/absent","sessions":1}"#;
    let open = format!(r#"{{"id":1,"call":{{"open":{config}}}}}"#);
    let frame =
        |text: &str| [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
    for bytes in
        [vec![], vec![0, 0], vec![0xff; 8], frame("{}"), frame(r#"{"id":1,"call":"health"}"#), frame(&open)]
    {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut worker = Command::new(std::env::current_exe().unwrap())
            .arg("worker")
            .stdin(OwnedFd::from(theirs))
            .spawn()
            .unwrap();
        ours.write_all(&bytes).unwrap();
        ours.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(!worker.wait().unwrap().success(), "{bytes:?}");
        let mut answer = Vec::new();
        // Bytes that the worker left unread show as a reset connection.
        drop(ours.read_to_end(&mut answer));
        assert_eq!(answer.is_empty(), bytes.len() < 100, "only `open` is answered");
    }
}
