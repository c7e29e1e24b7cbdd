//! A keyguard on another host: two processes over TCP on this machine, with certificates on both sides.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test"
)]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_testkit::keys::TestKey;
use chancery_testkit::pki::{CertificateSpec, Usage, purpose};
use chancery_x509::certificate::write_pem;
use serde_json::Value;
use world::{CHANCERY, World, kill, lives, until};

const DAY: i64 = 86_400;

/// A service whose keyguard moved to a directory that stands for another host.
struct Far {
    world: World,
    door: Option<Child>,
    port: u16,
    authority: TestKey,
}

impl Far {
    /// Makes an installation with its keyguard beside it, then moves the keyguard away.
    fn new() -> Self {
        let mut world = World::start();
        sign(&world, "before");
        world.stop();
        let authority = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let mut far = Self { world, door: None, port: 0, authority };
        std::fs::create_dir_all(far.host("data")).unwrap();
        std::fs::rename(far.world.data().join("keyguard"), far.host("data/keyguard")).unwrap();
        far.certify();
        far.open();
        far.configure_gateway();
        far
    }
    /// As whoever installs a service anew: nothing was made on either host.
    fn fresh() -> Self {
        let authority = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let mut far = Self { world: World::cold(), door: None, port: 0, authority };
        std::fs::create_dir_all(far.host("data/keyguard")).unwrap();
        std::fs::create_dir_all(far.world.data()).unwrap();
        let kek = far.host("data/keyguard/kek");
        std::fs::write(&kek, "5f".repeat(32)).unwrap();
        std::fs::set_permissions(&kek, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        far.certify();
        far.open();
        let start = "dev = true\nhost = \"dev.localhost\"\norganisation = \"Development\"\nlisten = \"127.0.0.1:0\"\n\
                     data_dir = \".\"\ngovernance_dir = \"governance\"\n\n[ledger]\norigin = \"log2026.dev.localhost\"\n\
                     reserve = 67108864\n\n[keyguard]\n";
        std::fs::write(far.world.data().join("chancery.toml"), start).unwrap();
        far.configure_gateway();
        far
    }
    fn certify(&self) {
        let spec = self.spec("Authority", Usage::Authority);
        self.write("ca.pem", "CERTIFICATE", &spec.issue(&self.authority.public_key(), &self.authority));
        self.issue("keyguard", Usage::Tls(purpose::SERVER_AUTH, &["localhost"]));
        let gateway = self.issue("gateway", Usage::Tls(purpose::CLIENT_AUTH, &["gateway.example"]));
        self.configure_keyguard(gateway);
    }
    fn host(&self, name: &str) -> PathBuf {
        self.world.path("far").join(name)
    }
    fn spec<'a>(&self, subject: &'a str, usage: Usage<'a>) -> CertificateSpec<'a> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = Time::from_seconds(i64::try_from(now.as_secs()).unwrap());
        let (not_before, not_after) = (now.plus_seconds(-DAY), now.plus_seconds(DAY));
        CertificateSpec { subject, issuer: "Authority", serial: 3, not_before, not_after, usage }
    }
    fn write(&self, name: &str, label: &str, der: &[u8]) {
        std::fs::write(self.host(name), write_pem(label, der)).unwrap();
    }
    fn issue(&self, name: &str, usage: Usage<'_>) -> Sha256 {
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let certificate = self.spec(name, usage).issue(&key.public_key(), &self.authority);
        self.write(&format!("{name}.pem"), "CERTIFICATE", &certificate);
        self.write(&format!("{name}.key"), "PRIVATE KEY", &key.pkcs8());
        Sha256::of(&key.public_key().spki)
    }
    fn configure_keyguard(&self, gateway: Sha256) {
        let text = format!(
            "host = \"dev.localhost\"\nlisten = \"127.0.0.1:{}\"\ndata_dir = \"data\"\n\n[tls]\n\
             certificate = \"keyguard.pem\"\nkey = \"keyguard.key\"\nclient_ca = \"ca.pem\"\n\
             client_spki_sha256 = [\"{gateway}\"]\n\n[keyguard]\ncredential_file = \"data/keyguard/kek\"\n",
            self.port
        );
        std::fs::write(self.host("keyguard.toml"), text).unwrap();
    }
    fn configure_gateway(&self) {
        let path = self.world.data().join("chancery.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, _) = text.split_once("[keyguard]").unwrap();
        let file = |name: &str| self.host(name).display().to_string();
        let text = format!(
            "{head}[keyguard]\naddress = \"localhost:{}\"\nca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\n",
            self.port,
            file("ca.pem"),
            file("gateway.pem"),
            file("gateway.key")
        );
        std::fs::write(path, text).unwrap();
    }
    /// Starts the door and waits until it listens; from then on always on the same port.
    fn open(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.host("log")).unwrap();
        let mut command = Command::new(CHANCERY);
        command.arg("keyguard").arg("--config").arg(self.host("keyguard.toml")).stdin(Stdio::null());
        let mut door = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(door.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.door = Some(door);
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no ready line but {line:?}\n{}", self.log()));
        assert_eq!(ready["schema"], "chancery.keyguard-ready/1");
        let address = ready["listen"].as_str().unwrap();
        self.port = address.rsplit(':').next().unwrap().parse().unwrap();
        let text = std::fs::read_to_string(self.host("keyguard.toml")).unwrap();
        let text = text.replace("127.0.0.1:0", &format!("127.0.0.1:{}", self.port));
        std::fs::write(self.host("keyguard.toml"), text).unwrap();
    }
    fn serve(&mut self) {
        let mut command = Command::new(CHANCERY);
        command.args(["serve", "--config"]).arg(self.world.data().join("chancery.toml"));
        command.env_remove("GITHUB_ACTIONS").stdin(Stdio::null()).stdout(Stdio::piped());
        self.world.serve_with(command);
    }
    fn log(&self) -> String {
        std::fs::read_to_string(self.host("log")).unwrap_or_default()
    }
    /// The keyguard behind the door.
    fn keyguard(&self) -> Option<u32> {
        let parent = self.door.as_ref()?.id();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        children.split_whitespace().find_map(|pid| pid.parse().ok())
    }
    fn close(&mut self) {
        let mut door = self.door.take().unwrap();
        kill("-TERM", door.id());
        until("the door ends", || door.try_wait().unwrap().is_some());
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        if let Some(mut door) = self.door.take() {
            let _gone = door.kill().is_err();
            let _gone = door.wait().is_err();
        }
    }
}

/// Signs a file and verifies what came of it.
fn sign(world: &World, name: &str) {
    world.write(name, name.as_bytes());
    world.run(&["sign", name]).expect(0);
    world.run(&["verify", name]).expect(0);
}

#[test]
fn a_service_works_with_its_keyguard_on_another_host() {
    let mut far = Far::new();
    far.serve();
    assert_eq!(far.world.role("keyguard"), None, "no keyguard beside the gateway");
    sign(&far.world, "over the network");
    // What was signed before the keyguard moved is still good.
    far.world.run(&["verify", "before"]).expect(0);
    // The keyguard dies: another takes its place, and the line is made anew.
    let first = far.keyguard().unwrap();
    kill("-KILL", first);
    until("a killed keyguard is gone", || !lives(first));
    sign(&far.world, "after a crash");
    assert_ne!(far.keyguard(), Some(first));
    // The whole host is away for a moment.
    far.close();
    far.open();
    sign(&far.world, "after a break");
    assert_eq!(far.world.stop(), 0);
    far.close();
    assert!(!far.log().contains("panic"), "{}", far.log());
}

/// Whoever installs the keyguard says which root it shall know; a gateway that names another gets nothing made.
#[test]
fn a_new_installation_begins_under_the_root_that_the_keyguards_host_names() {
    let mut far = Far::fresh();
    let file = far.host("keyguard.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    far.close();
    std::fs::write(&file, format!("root_sha256 = \"{}\"\n{good}", "5f".repeat(32))).unwrap();
    far.open();
    let refused = far.world.service().stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("the keyguard's configuration says"), "{said}");
    let keys: Vec<_> = std::fs::read_dir(far.host("data/keyguard/keys")).unwrap().flatten().collect();
    let made = keys.iter().filter(|file| file.file_name().to_string_lossy().contains("chancery-")).count();
    assert_eq!(made, 0, "{keys:?}");
    far.close();
    let root = std::fs::read(far.world.data().join("governance/root.toml")).unwrap();
    std::fs::write(&file, format!("root_sha256 = \"{}\"\n{good}", Sha256::of(&root))).unwrap();
    far.open();
    far.world.serve(&[]);
    sign(&far.world, "first");
}

#[test]
fn a_keyguard_that_hangs_is_replaced() {
    let mut far = Far::new();
    far.serve();
    let first = far.keyguard().unwrap();
    kill("-STOP", first);
    until("the hung keyguard is replaced", || far.keyguard().is_some_and(|now| now != first));
    sign(&far.world, "after a hang");
    assert!(far.log().contains("keyguard hangs"), "{}", far.log());
}

#[test]
fn strangers_are_not_heard() {
    let far = Far::new();
    far.issue("stranger", Usage::Tls(purpose::CLIENT_AUTH, &["gateway.example"]));
    let connect = |more: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-brief", "-tls1_3", "-CAfile", "ca.pem", "-connect"]);
        command.arg(format!("localhost:{}", far.port)).args(more).current_dir(far.host(""));
        command.stdin(Stdio::piped()).output()
    };
    let cases: [&[&str]; 3] = [
        &[],
        &["-cert", "stranger.pem", "-key", "stranger.key"],
        &["-cert", "keyguard.pem", "-key", "keyguard.key"],
    ];
    for (before, more) in cases.into_iter().enumerate() {
        if connect(more).is_err() {
            println!("not compared: openssl is absent");
            return;
        }
        until("the door refused it", || far.log().matches("a gateway was refused").count() > before);
    }
    assert!(!far.log().contains("gateway connected"), "{}", far.log());
    // TLS 1.2 is not spoken.
    let mut old = Command::new("openssl");
    old.args(["s_client", "-brief", "-tls1_2", "-connect"]).arg(format!("localhost:{}", far.port));
    let said = old.stdin(Stdio::null()).output().unwrap();
    assert!(!said.status.success());
}

#[test]
fn configurations_that_contradict_themselves_are_refused() {
    let far = Far::new();
    let file = far.host("keyguard.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let refused = |text: &str, expected: &str| {
        std::fs::write(&file, text).unwrap();
        let said = Command::new(CHANCERY).arg("keyguard").arg("--config").arg(&file).output().unwrap();
        let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("CH2009") && stderr.contains(expected), "{stderr}");
    };
    refused(&good.replace("client_", "klient_"), "unknown field");
    let lines = |without: &str| {
        good.lines().filter(|l| !l.starts_with(without)).map(|l| format!("{l}\n")).collect::<String>()
    };
    refused(&lines("client_"), "who may connect");
    refused(&lines("credential_file"), "credential_file");
    refused(&format!("root_sha256 = \"AB\"\n{good}"), "64 lower-case hexadecimal digits");
    refused(&format!("{good}address = \"x:1\"\n"), "names another host");
    let gateway = far.world.data().join("chancery.toml");
    let good = std::fs::read_to_string(&gateway).unwrap();
    let refused = |text: &str, expected: &str| {
        std::fs::write(&gateway, text).unwrap();
        let said = Command::new(CHANCERY).args(["serve", "--config"]).arg(&gateway).output().unwrap();
        let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("CH2009") && stderr.contains(expected), "{stderr}");
    };
    refused(&format!("{good}credential_file = \"kek\"\n"), "that host's own file");
    refused(&good.replace("localhost:", "localhost-"), "expected `host:port`");
    refused(&good.replace("\nca = ", "\n# "), "needs all of");
}
