//! A SoftHSM2 token of one's own, in a temporary directory, with a custodian on it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::port::custodian::{Custodian as _, CustodyError, KeyDescription, KeySpec};
use chancery_core::time::Time;
use chancery_core::warrant::ToBeSigned;
use chancery_custody_pkcs11::{Limits, Pkcs11Config, Pkcs11Custodian, TokenConfig, WorkerCommand};
use chancery_testkit::checks::warrant;
use chancery_testkit::conformance::signature::verifies;

pub(crate) const PIN: &str = "123456";

/// Where Debian, Fedora and others put the module.
const MODULES: [&str; 3] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib/pkcs11/libsofthsm2.so"];

/// A token.
pub(crate) struct World {
    root: tempfile::TempDir,
    pub(crate) module: PathBuf,
}

impl World {
    /// Makes a token, or says that SoftHSM2 is absent.
    pub(crate) fn new() -> Option<Self> {
        let module = MODULES.into_iter().map(PathBuf::from).find(|path| path.exists());
        let util = Command::new("softhsm2-util").arg("--version").output();
        let (Some(module), Ok(_)) = (module, util) else {
            println!("not compared: softhsm2 is absent");
            return None;
        };
        let world = Self { root: tempfile::tempdir().unwrap(), module };
        fs::create_dir(world.tokens()).unwrap();
        fs::create_dir(world.path("book")).unwrap();
        let tokens = world.tokens();
        let settings = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
        fs::write(world.path("softhsm2.conf"), settings).unwrap();
        world.secret("pin", PIN);
        world.util(
            "softhsm2-util",
            &["--init-token", "--free", "--label", "t o k", "--so-pin", "12345678", "--pin", PIN],
        );
        Some(world)
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }
    pub(crate) fn tokens(&self) -> PathBuf {
        self.path("tokens")
    }
    pub(crate) fn secret(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    /// Runs a foreign tool on this token.
    pub(crate) fn util(&self, program: &str, arguments: &[&str]) -> Output {
        let output = self.try_util(program, arguments);
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
        output
    }
    pub(crate) fn try_util(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program)
            .args(arguments)
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .output()
            .unwrap()
    }
    /// `pkcs11-tool` logged in at this token, where it is installed.
    pub(crate) fn pkcs11_tool(&self, arguments: &[&str]) -> Option<Output> {
        if Command::new("pkcs11-tool").arg("--help").output().is_err() {
            println!("not compared: pkcs11-tool is absent");
            return None;
        }
        let module = self.module.display().to_string();
        let base = ["--module", &module, "--token-label", "t o k", "--login", "--pin", PIN];
        Some(self.util("pkcs11-tool", &[&base[..], arguments].concat()))
    }
    pub(crate) fn config(&self) -> Pkcs11Config {
        let environment: Vec<(OsString, OsString)> =
            vec![("SOFTHSM2_CONF".into(), self.path("softhsm2.conf").into())];
        Pkcs11Config {
            token: TokenConfig {
                module: self.module.clone(),
                label: "t o k".to_owned(),
                serial: None,
                pin_file: self.path("pin"),
                sessions: 2,
            },
            worker: WorkerCommand {
                program: std::env::current_exe().unwrap(),
                arguments: vec!["worker".into()],
                environment,
            },
            directory: self.path("book"),
            limits: Limits { queue: 64, ..Limits::default() },
        }
    }
    pub(crate) fn open(&self) -> Pkcs11Custodian {
        Pkcs11Custodian::open(self.config()).unwrap()
    }
}

pub(crate) fn spec(id: &str, algorithm: KeyAlgorithm) -> KeySpec {
    KeySpec {
        id: KeyId::parse(id).unwrap(),
        algorithm,
        family: Family::Cms,
        environment: Environment::Production,
        owner: "release".to_owned(),
        purpose: "test".to_owned(),
    }
}

pub(crate) fn make(custodian: &Pkcs11Custodian, id: &str, algorithm: KeyAlgorithm) -> KeyDescription {
    custodian.create(&spec(id, algorithm), Time::from_seconds(1)).unwrap()
}

/// Signs, and says whether the signature is right.
pub(crate) fn sign(
    custodian: &Pkcs11Custodian,
    key: &KeyDescription,
    message: &str,
) -> Result<bool, CustodyError> {
    let wish = ToBeSigned::Message(message.as_bytes().to_vec());
    let signature = custodian.sign(warrant(&key.id, key.family, wish.clone()))?;
    Ok(verifies(&key.public_key, &wish, &signature.0))
}

/// Tries until it signs; every signature on the way must be right.
pub(crate) fn signs_within(custodian: &Pkcs11Custodian, key: &KeyDescription, limit: Duration) {
    let start = std::time::Instant::now();
    loop {
        match sign(custodian, key, "again") {
            Ok(right) => {
                assert!(right, "a wrong signature");
                return;
            }
            Err(CustodyError::Unavailable(_)) if start.elapsed() < limit => std::thread::yield_now(),
            Err(e) => panic!("after {:?}: {e}", start.elapsed()),
        }
    }
}

/// Copies a token directory, or moves it where `from` shall be gone.
pub(crate) fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}
