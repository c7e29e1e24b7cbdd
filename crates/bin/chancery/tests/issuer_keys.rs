//! An issuer on the network: two processes, real TLS, the keyguard in its sandbox. What the keyguard fetched is in the
//! ledger, and whatever stands in the issuer's place is not believed.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_identity::dev_issuer::{DevKey, DevToken};
use chancery_testkit::issuer::{Answer, Issuers};
use chancery_testkit::keys::TestKey;
use chancery_x509::certificate::write_pem;
use world::{ISSUER, Said, World, kill, lives, of_kind, until};

const VERIFICATION: &str = include_str!("../../../../testdata/governance/dev/verification/dev.toml");

fn now() -> Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_seconds(i64::try_from(now.as_secs()).unwrap())
}

/// A service whose issuer speaks TLS at `https://localhost:<port>`, and a runner that hands its tokens out.
struct Issued {
    world: World,
    url: String,
    runner: String,
    jwks: String,
}

impl Issued {
    /// `roots` is whom the keyguard believes, beside the machine's own authorities.
    fn new(issuers: &Arc<Issuers>, roots: &Issuers) -> Self {
        let url = format!("https://localhost:{}", issuers.listen("localhost").unwrap());
        let pkcs8 = TestKey::generate(KeyAlgorithm::EcdsaP256).pkcs8();
        let key = DevKey::from_pkcs8(&pkcs8).unwrap();
        issuers.serve(&url, &key.jwks());
        let world = World::cold();
        let write = |name: &str, text: &str| {
            let path = world.data().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let registration: String = key
            .registration(&url)
            .lines()
            .filter(|line| !line.starts_with("pinned_keys"))
            .map(|line| format!("{line}\n"))
            .collect();
        write("governance/issuers.toml", &registration);
        write("governance/verification/dev.toml", &VERIFICATION.replace(ISSUER, &url));
        write("issuer-ca.pem", &write_pem("CERTIFICATE", roots.authority()));
        write(
            "chancery.toml",
            "dev = true\nhost = \"dev.localhost\"\norganisation = \"Development\"\nlisten = \"127.0.0.1:0\"\n\
             data_dir = \".\"\ngovernance_dir = \"governance\"\n\n[ledger]\norigin = \"log2026.dev.localhost\"\n\
             reserve = 67108864\n\n[keyguard]\ncredential_file = \"keyguard/kek\"\nissuer_ca = \"issuer-ca.pem\"\n",
        );
        let jwks = key.jwks();
        let runner = runner(key, url.clone());
        let mut issued = Self { world, url, runner, jwks };
        issued.world.serve(&[]);
        issued
    }
    fn sign(&self, name: &str) -> Said {
        self.world.write(name, name.as_bytes());
        let mut command = self.world.command(&["sign", name, "--timeout", "30"]);
        command.env("ACTIONS_ID_TOKEN_REQUEST_URL", &self.runner).output().unwrap().into()
    }
    fn keyguard(&self) -> u32 {
        self.world.role("keyguard").unwrap()
    }
}

/// What a CI runner does: a token for the audience that a job asks for. Answers with the address to ask at.
fn runner(key: DevKey, issuer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/token?job=1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            head.read_line(&mut line).unwrap();
            let asked = line.split("audience=").nth(1).unwrap().split(' ').next().unwrap();
            let token = DevToken { audience: asked.replace("%3A", ":"), ..DevToken::default() };
            let token = key.mint(&issuer, &token, now()).unwrap();
            while !matches!(line.as_str(), "\r\n" | "") {
                line.clear();
                head.read_line(&mut line).unwrap();
            }
            let body = format!("{{\"value\":\"{token}\"}}");
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    address
}

#[test]
fn keys_come_through_the_gateway_into_the_sandboxed_keyguard() {
    let issuers = Issuers::new(now());
    let issued = Issued::new(&issuers, &issuers);
    for name in ["one", "two"] {
        issued.sign(name).expect(0);
        issued.world.run(&["verify", name, "--policy", "dev"]).expect(0);
    }
    assert_eq!(issuers.asked().len(), 2, "one document and one key set");
    let leaves = issued.world.leaves(0);
    let recorded = of_kind(&leaves, "issuer-keys");
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0]["issuer"], "dev");
    assert_eq!(recorded[0]["sha256"], Sha256::of(issued.jwks.as_bytes()).to_string());
    // A keyguard that was started anew knows what it fetched.
    let first = issued.keyguard();
    kill("-KILL", first);
    until("the keyguard is gone", || !lives(first));
    issued.sign("three").expect(0);
    assert_eq!(issuers.asked().len(), 2);
    let report = issued.world.run(&["doctor"]);
    assert!(
        !report.out.contains("✗ sandbox") && !report.err.contains("✗ sandbox"),
        "{}{}",
        report.out,
        report.err
    );
}

#[test]
fn nobody_stands_in_the_issuers_place() {
    // Its certificate is of an authority that neither the machine nor the configuration names.
    let issuers = Issuers::new(now());
    let issued = Issued::new(&issuers, &Issuers::new(now()));
    let said = issued.sign("one").expect(75);
    assert!(said.err.contains("CH7501"), "{}", said.err);
    assert!(issued.world.log().contains("issuer keys not fetched"), "{}", issued.world.log());
    assert!(issuers.asked().is_empty(), "nothing was asked of a stranger");
    assert!(of_kind(&issued.world.leaves(0), "issuer-keys").is_empty());
}

#[test]
fn an_issuer_that_answers_wrongly_brings_nothing() {
    let issuers = Issuers::new(now());
    let issued = Issued::new(&issuers, &issuers);
    let elsewhere = format!(r#"{{"issuer":"{}","jwks_uri":"https://localhost:1/jwks"}}"#, issued.url);
    issuers.behave(move |_, _| Answer::ok(&elsewhere));
    issued.sign("one").expect(75);
    assert!(issued.world.log().contains("neither its own host"), "{}", issued.world.log());
    assert!(of_kind(&issued.world.leaves(0), "intent").is_empty());
}
