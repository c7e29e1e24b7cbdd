//! `POST /v1/timestamp` as stock clients use it: openssl asks, and openssl verifies the answer.

use std::path::Path;
use std::process::{Command, Output};

use crate::world::{Answer, World};

fn openssl(directory: &Path, arguments: &[&str]) -> Option<Output> {
    match Command::new("openssl").current_dir(directory).args(arguments).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        output => Some(output.unwrap()),
    }
}

async fn stamp(world: &World, query: Vec<u8>) -> Answer {
    let post = world.post("/v1/timestamp").header("content-type", "application/timestamp-query");
    Answer::of(post.body(query)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_accepts_the_timestamps_that_it_asked_for() {
    let world = World::start().await;
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    std::fs::write(place.join("data"), b"signed bytes").unwrap();
    std::fs::write(place.join("other"), b"signed byteZ").unwrap();
    std::fs::write(place.join("roots.pem"), world.get("/v1/roots.pem").await.body).unwrap();
    for flags in [&["-sha256", "-cert"][..], &["-sha512", "-cert"], &["-sha384", "-cert", "-no_nonce"]] {
        let query = [&["ts", "-query", "-data", "data", "-out", "q.tsq"], flags].concat();
        let Some(made) = openssl(place, &query) else {
            return println!("not compared: openssl is absent");
        };
        assert!(made.status.success(), "{made:?}");
        let answer = stamp(&world, std::fs::read(place.join("q.tsq")).unwrap()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/timestamp-reply"));
        std::fs::write(place.join("r.tsr"), &answer.body).unwrap();
        let verify = |what: &[&str]| {
            let line = [&["ts", "-verify", "-in", "r.tsr", "-CAfile", "roots.pem"], what].concat();
            openssl(place, &line).unwrap()
        };
        for good in [&["-queryfile", "q.tsq"], &["-data", "data"]] {
            let verified = verify(good);
            assert!(verified.status.success(), "{flags:?} {good:?}: {verified:?}");
        }
        assert!(!verify(&["-data", "other"]).status.success(), "{flags:?}");
        let mut spoilt = answer.body.clone();
        *spoilt.last_mut().unwrap() ^= 1;
        std::fs::write(place.join("r.tsr"), spoilt).unwrap();
        assert!(!verify(&["-queryfile", "q.tsq"]).status.success(), "{flags:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_query_is_rejected_as_the_rfc_has_it() {
    let world = World::start().await;
    for query in [b"".to_vec(), b"nonsense".to_vec(), vec![0x30, 0x80, 0, 0]] {
        let answer = stamp(&world, query).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/timestamp-reply"));
        // TimeStampResp ::= SEQUENCE { PKIStatusInfo { status INTEGER 2 (rejection), … } }, without a token.
        assert_eq!(answer.body[4..7], [2, 1, 2], "{:02x?}", answer.body);
    }
}
