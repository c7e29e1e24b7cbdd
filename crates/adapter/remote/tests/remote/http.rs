//! A hostile or broken peer: it leads nowhere else and does not hold us up; addresses out of reach are never contacted.

use std::time::Duration;

use crate::peer::{Answer, Peer, ok};
use chancery_core::port::dialer::{Dialer as _, Reach};
use chancery_core::tunnel::Peer as Destination;
use chancery_remote::dial::TcpDialer;
use chancery_remote::http::{Http, HttpError, Limits};

fn limits() -> Limits {
    Limits { connect: Duration::from_secs(2), total: Duration::from_secs(20), size: 128 * 1024 }
}

async fn outcome(answer: Answer) -> (Result<Vec<u8>, HttpError>, usize) {
    let peer = Peer::start(move |_| answer.clone()).await;
    let http = Http::new(Reach::Loopback, limits()).unwrap();
    (http.get_as(&peer.origin, "x").await, peer.hits())
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let statuses = [301, 302, 303, 307, 308, 300, 304];
    let targets = ["{origin}/elsewhere", "https://evil.example/", "http://169.254.169.254/"];
    for (status, target) in statuses.into_iter().flat_map(|status| targets.map(|target| (status, target))) {
        let redirect = Answer::Is(status, format!("location: {target}\r\n"), String::new());
        let (found, hits) = outcome(redirect).await;
        assert!(matches!(found, Err(HttpError::Redirect)), "{status} {target}: {found:?}");
        assert_eq!(hits, 1, "{status} {target}");
    }
}

#[tokio::test]
async fn other_statuses_and_broken_connections_are_failures() {
    for status in [201, 204, 206, 400, 401, 403, 404, 410, 418, 429, 500, 502, 503] {
        let (found, _) = outcome(Answer::Is(status, String::new(), "{}".to_owned())).await;
        assert!(matches!(found, Err(HttpError::Status(s)) if s == status), "{status}: {found:?}");
    }
    let (found, _) = outcome(Answer::Hangup).await;
    assert!(matches!(found, Err(HttpError::Transport(_))), "{found:?}");
}

#[tokio::test]
async fn floods_and_drips_end_early() {
    for announced in [true, false] {
        let (found, _) = outcome(Answer::Flood { bytes: 64 << 20, announced }).await;
        assert!(matches!(found, Err(HttpError::Size(_))), "{announced}: {found:?}");
    }
    let peer = Peer::start(|_| Answer::Drip).await;
    let short = Limits { total: Duration::from_millis(300), ..limits() };
    let found = Http::new(Reach::Loopback, short).unwrap().get_as(&peer.origin, "x").await;
    assert!(matches!(found, Err(HttpError::Timeout)), "the drip of 2000 s was cut off: {found:?}");
}

#[tokio::test]
async fn addresses_out_of_reach_are_never_contacted() {
    let peer = Peer::start(|_| ok("{}")).await;
    let port = peer.origin.rsplit(':').next().unwrap().to_owned();
    let here =
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "127.1", "0"];
    let metadata = ["169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "0.0.0.0", "[::]"];
    for reach in [Reach::Public, Reach::Private] {
        let http = Http::new(reach, limits()).unwrap();
        for host in here {
            let found = http.get_as(&format!("https://{host}:{port}/"), "x").await;
            assert!(matches!(found, Err(HttpError::Address(_))), "{host}: {found:?}");
        }
        for host in metadata {
            let found = http.get_as(&format!("https://{host}/latest/meta-data"), "x").await;
            assert!(matches!(found, Err(HttpError::Address(_))), "{host}: {found:?}");
        }
        for url in [
            "http://127.0.0.1/",
            "http://issuer.example/",
            "https://user@issuer.example/",
            "https://:p@issuer.example/",
            "ftp://issuer.example/",
            "file:///etc/passwd",
            "https://",
            "x",
            "https://issuer.example/#x",
        ] {
            assert!(matches!(http.get_as(url, "x").await, Err(HttpError::Url)), "{url}");
        }
        let port: u16 = port.parse().unwrap();
        for host in here.into_iter().chain(metadata) {
            let to = Destination { host: host.to_owned(), port };
            assert!(TcpDialer.dial(&to, reach).await.is_err(), "{host}");
        }
    }
    let private = Destination { host: "10.0.0.1".to_owned(), port: 443 };
    assert!(TcpDialer.dial(&private, Reach::Public).await.is_err());
    assert!(TcpDialer.dial(&private, Reach::Loopback).await.is_err());
    let http = Http::new(Reach::Public, limits()).unwrap();
    assert!(matches!(http.get_as("https://10.0.0.1/", "x").await, Err(HttpError::Address(_))));
    let http = Http::new(Reach::Loopback, limits()).unwrap();
    assert!(matches!(http.get_as("http://10.0.0.1/", "x").await, Err(HttpError::Address(_))));
    assert_eq!(peer.hits(), 0);
    http.get_as(&peer.origin, "x").await.unwrap();
}

#[tokio::test]
async fn the_dialer_carries_bytes_and_says_when_they_end() {
    let peer = Peer::start(|_| ok("hello")).await;
    let port = peer.origin.rsplit(':').next().unwrap().parse().unwrap();
    let mut wire =
        TcpDialer.dial(&Destination { host: "[::1]".to_owned(), port: 1 }, Reach::Loopback).await.err();
    assert!(wire.take().is_some(), "nobody listens there");
    let to = Destination { host: "127.0.0.1".to_owned(), port };
    let mut wire = TcpDialer.dial(&to, Reach::Loopback).await.unwrap();
    wire.send(b"GET / HTTP/1.1\r\n").await.unwrap();
    wire.send(b"\r\n").await.unwrap();
    let mut answer = Vec::new();
    loop {
        let bytes = wire.receive().await.unwrap();
        if bytes.is_empty() {
            break;
        }
        answer.extend(bytes);
    }
    assert!(answer.ends_with(b"\r\n\r\nhello"));
}
