//! Receivers of notices that are slow, broken, elsewhere, or not who they should be.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chancery_core::port::courier::{Courier as _, Notice};
use chancery_core::time::Time;
use chancery_remote::http::Limits;
use chancery_remote::webhook::{HttpCourier, Receiver};

use crate::peer::{Answer, Peer, ok};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SHORT: Limits =
    Limits { connect: Duration::from_millis(500), total: Duration::from_millis(500), size: 1024 };

fn secret_file(directory: &Path) -> PathBuf {
    let path = directory.join("secret");
    std::fs::write(&path, SECRET).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn courier(directory: &Path, url: &str, ca: Option<String>) -> HttpCourier {
    let receiver =
        Receiver { name: "ops".into(), url: url.to_owned(), secret_file: secret_file(directory), ca };
    HttpCourier::new(vec![receiver], SHORT).unwrap()
}

fn notice() -> Notice {
    let (id, kind) = ("leaf-1-00".to_owned(), "key.changed".to_owned());
    Notice { id, kind, body: r#"{"specversion":"1.0"}"#.to_owned() }
}

async fn deliver(courier: &HttpCourier) -> Result<(), String> {
    courier.deliver("ops", &notice(), Time::from_seconds(1_795_210_023)).await.map_err(|why| why.0)
}

#[tokio::test]
async fn each_misbehaviour_is_a_failure_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let peer = Peer::start(|_| ok("")).await;
    let courier = courier(directory.path(), &format!("{}/hook?key=s3cr3t", peer.origin), None);
    assert_eq!(deliver(&courier).await, Ok(()));
    let head = peer.requests.lock().unwrap()[0].to_lowercase();
    for line in [
        "post /hook?key=s3cr3t http/1.1",
        "content-type: application/cloudevents+json; charset=utf-8",
        "webhook-id: leaf-1-00",
        "webhook-timestamp: 1795210023",
        "webhook-signature: v1,",
    ] {
        assert!(head.contains(line), "{head}");
    }
    let redirect = || Answer::Is(307, "location: {origin}/elsewhere\r\n".into(), String::new());
    type Case = (Answer, Result<(), &'static str>);
    let cases: [Case; 8] = [
        (Answer::Is(204, String::new(), String::new()), Ok(())),
        (Answer::Is(500, String::new(), "no".into()), Err("status 500")),
        (Answer::Is(410, String::new(), String::new()), Err("status 410")),
        (redirect(), Err("redirect")),
        (Answer::Hangup, Err("connection")),
        // Nobody reads what a receiver says, so it may say as much as it likes.
        (Answer::Flood { bytes: 64 << 20, announced: false }, Ok(())),
        (Answer::Flood { bytes: 64 << 20, announced: true }, Ok(())),
        (Answer::Drip, Ok(())),
    ];
    for (number, (answer, expected)) in cases.into_iter().enumerate() {
        peer.behave(move |_| answer.clone());
        match (deliver(&courier).await, expected) {
            (Ok(()), Ok(())) => {}
            (Err(why), Err(words)) => {
                assert!(why.contains(words), "{number}: {why}");
                assert!(!why.contains("s3cr3t") && !why.contains("/hook"), "{number}: {why}");
            }
            (found, expected) => panic!("{number}: {found:?}, expected {expected:?}"),
        }
    }
    assert!(
        !peer.requests.lock().unwrap().iter().any(|head| head.contains("elsewhere")),
        "followed a redirect"
    );
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    peer.behave(move |_| Answer::Gate(std::sync::Arc::clone(&gate), String::new()));
    assert_eq!(deliver(&courier).await, Err("no answer in time".to_owned()));
    let nobody = self::courier(directory.path(), "http://127.0.0.1:1/", None);
    assert!(deliver(&nobody).await.unwrap_err().starts_with("connection failed"), "nobody listens");
}

#[tokio::test]
async fn a_secret_is_read_again_and_both_are_used_while_one_is_changed_over() {
    let directory = tempfile::tempdir().unwrap();
    let peer = Peer::start(|_| ok("")).await;
    let courier = courier(directory.path(), &peer.origin, None);
    deliver(&courier).await.unwrap();
    let path = directory.path().join("secret");
    std::fs::write(&path, format!("whsec_{}\n{SECRET}\n", "A".repeat(32))).unwrap();
    deliver(&courier).await.unwrap();
    let signatures = |at: usize| {
        let head = peer.requests.lock().unwrap()[at].clone();
        let line = head.lines().find_map(|line| line.strip_prefix("webhook-signature: ")).unwrap().to_owned();
        line.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(signatures(0).len(), 1);
    assert_eq!(signatures(1)[1], signatures(0)[0], "the old one still signs");
    std::fs::write(&path, "nonsense").unwrap();
    let why = deliver(&courier).await.unwrap_err();
    assert!(why.contains("secret_file") && !why.contains("nonsense"), "{why}");
}

/// `openssl s_server` with a certificate of its own; answers nothing that is HTTP, but TLS decides before that.
struct TlsPeer {
    child: std::process::Child,
    url: String,
    certificate: String,
}

impl TlsPeer {
    fn start(directory: &Path) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ];
        let mut made = Command::new("openssl");
        made.args(arguments).current_dir(directory).stderr(Stdio::null());
        if !made.status().is_ok_and(|status| status.success()) {
            println!("not compared: openssl is absent");
            return None;
        }
        let mut server = Command::new("openssl");
        server.args([
            "s_server",
            "-www",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-key",
            "key.pem",
            "-cert",
            "cert.pem",
        ]);
        let child =
            server.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = child.spawn().unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let certificate = std::fs::read_to_string(directory.join("cert.pem")).unwrap();
        Some(Self { child, url: format!("https://localhost:{port}/"), certificate })
    }
}

impl Drop for TlsPeer {
    fn drop(&mut self) {
        let _ended = self.child.kill().is_err();
        let _status = self.child.wait().is_err();
    }
}

#[tokio::test]
async fn a_receiver_must_be_who_it_should_be() {
    let directory = tempfile::tempdir().unwrap();
    let Some(peer) = TlsPeer::start(directory.path()) else { return };
    let of = |ca: Option<&str>, url: &str| courier(directory.path(), url, ca.map(str::to_owned));
    let why = deliver(&of(None, &peer.url)).await.unwrap_err();
    assert!(why.contains("certificate"), "unknown certificate: {why}");
    let wrong_name = peer.url.replace("localhost", "127.0.0.1");
    let why = deliver(&of(Some(&peer.certificate), &wrong_name)).await.unwrap_err();
    assert!(why.contains("certificate"), "another name: {why}");
    // With its certificate named, TLS stands. `-www` answers 400 to a POST or takes it, but it is not TLS that fails.
    let outcome = deliver(&of(Some(&peer.certificate), &peer.url)).await;
    assert!(outcome.as_ref().err().is_none_or(|why| !why.contains("certificate")), "{outcome:?}");
    let plain = Peer::start(|_| ok("")).await;
    // Neither speaks first then, so it may also end by the clock.
    let outcome = deliver(&of(Some(&peer.certificate), &plain.origin.replace("http:", "https:"))).await;
    assert!(outcome.is_err(), "no TLS at all");
}
