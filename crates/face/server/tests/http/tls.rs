//! TLS: the development certificate, files, ALPN, and no clear text beyond this machine.

use std::path::Path;
use std::process::{Command, Stdio};

use chancery_core::time::Time;
use chancery_server::ServerError;
use chancery_server::dev_certificate::DevCertificate;
use chancery_server::tls::{Tls, TlsError};

use crate::raw;
use crate::world::{Stage, World};

/// The certificate must be valid now for real clients; nothing else in these tests looks at the time.
fn now() -> Time {
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    Time::from_seconds(i64::try_from(seconds).unwrap())
}

async fn encrypted() -> (World, String) {
    let certificate = DevCertificate::generate(now()).unwrap();
    let pem = certificate.pem();
    (World::start_as(Stage::Development, Tls::Dev(certificate), Some(&pem)).await, pem)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_development_certificate_is_accepted_where_it_is_trusted() {
    let (world, pem) = encrypted().await;
    assert_eq!(world.get("/livez").await.status, 200);
    let host = world.url("/livez").replace("127.0.0.1", "localhost");
    let trusting = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()]);
    let answer = trusting.build().unwrap().get(host).send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    let stranger = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    assert!(stranger.get(world.url("/livez")).send().await.is_err());
    let clear = raw::exchange(&world, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(!clear.contains("200"), "{clear}");
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_and_curl_accept_it() {
    let (world, pem) = encrypted().await;
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, &pem).unwrap();
    let address = world.address.to_string();
    for (tool, arguments) in [
        (
            "openssl",
            vec![
                "s_client",
                "-connect",
                &address,
                "-verify_return_error",
                "-verify_ip",
                "127.0.0.1",
                "-alpn",
                "h2",
                "-CAfile",
            ],
        ),
        ("curl", vec!["--silent", "--fail", "--noproxy", "*", &world.url("/livez"), "--cacert"]),
    ] {
        let mut command = Command::new(tool);
        command.args(arguments).arg(&ca).stdin(Stdio::null());
        let output = match tokio::task::spawn_blocking(move || command.output()).await.unwrap() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                println!("not compared: {tool} is absent");
                continue;
            }
            output => output.unwrap(),
        };
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        if tool == "openssl" {
            assert!(String::from_utf8_lossy(&output.stdout).contains("ALPN protocol: h2"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_text_stays_on_this_machine() {
    let (world, _) = encrypted().await;
    let directory = tempfile::tempdir().unwrap();
    let parts = |tls, name: &str| chancery_server::Parts {
        webhooks: chancery_gateway::webhook::Webhooks::none(),
        gateway: std::sync::Arc::clone(&world.gateway),
        listener: std::net::TcpListener::bind("0.0.0.0:0").unwrap(),
        tls,
        admin: std::os::unix::net::UnixListener::bind(directory.path().join(name)).unwrap(),
        dev: None,
        measures: Vec::new(),
    };
    let refused = chancery_server::run(parts(Tls::Plain, "a"), async {}).await;
    assert!(matches!(refused, Err(ServerError::Tls(TlsError::NotLoopback(_)))), "{refused:?}");
    let missing =
        Tls::Files { certificate: directory.path().join("none"), key: directory.path().join("none") };
    let refused = chancery_server::run(parts(missing, "b"), async {}).await;
    assert!(matches!(refused, Err(ServerError::Tls(TlsError::Pem { .. }))), "{refused:?}");
}

/// Makes certificate and key; `None` where openssl is absent.
fn certify(certificate: &Path, key: &Path, name: &str) -> Option<String> {
    let (subject, address) = (format!("/CN={name}"), "subjectAltName=IP:127.0.0.1");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", &subject, "-addext", address, "-addext", "basicConstraints=CA:FALSE", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .output();
    let output = made.ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read_to_string(certificate).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_made_by_openssl_are_served_and_renewed_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let (certificate, key) = (place("c.pem"), place("k.pem"));
    let Some(first) = certify(&certificate, &key, "first") else {
        return println!("not compared: openssl is absent");
    };
    let tls = Tls::Files { certificate: certificate.clone(), key: key.clone() };
    let world = World::start_as(Stage::Production, tls, Some(&first)).await;
    assert_eq!(world.get("/livez").await.status, 200);
    // A new connection each time: what it trusts tells which certificate is served.
    let serves = async |pem: &str| {
        let trusted = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
        client.get(world.url("/livez")).send().await.is_ok()
    };
    let (new_certificate, new_key) = (place("c2.pem"), place("k2.pem"));
    let second = certify(&new_certificate, &new_key, "second").unwrap();
    assert!(serves(&first).await && !serves(&second).await);
    let waited = std::time::Instant::now();
    // Half of a renewal, then a broken one: what was served stays, for longer than the files are not looked at.
    std::fs::rename(&new_certificate, &certificate).unwrap();
    while waited.elapsed() < std::time::Duration::from_millis(1500) {
        assert!(serves(&first).await);
    }
    std::fs::write(&certificate, "no certificate").unwrap();
    while waited.elapsed() < std::time::Duration::from_millis(3000) {
        assert!(serves(&first).await);
    }
    std::fs::write(&certificate, &second).unwrap();
    std::fs::rename(&new_key, &key).unwrap();
    while !serves(&second).await {
        assert!(
            waited.elapsed() < std::time::Duration::from_secs(30),
            "the renewed certificate is not served"
        );
    }
    assert!(!serves(&first).await);
    std::fs::remove_file(&certificate).unwrap();
    std::fs::remove_file(&key).unwrap();
    assert!(serves(&second).await);
}

#[test]
fn debug_hides_the_key() {
    let shown = format!("{:?}", Tls::Dev(DevCertificate::generate(now()).unwrap()));
    assert_eq!(shown, "Dev(DevCertificate([hidden]))");
}
