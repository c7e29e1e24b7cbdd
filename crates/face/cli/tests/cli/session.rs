//! One command on captured streams, with a fixed clock and a chosen environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chancery_cli::Streams;
use chancery_cli::failure::Failure;
use chancery_cli::host::{
    Archive, ArchivePlace, BackupOptions, BackupReport, HiddenRole, Host, IdentityToken, InitOptions,
    NoToken, ServeOptions,
};
use chancery_core::time::Time;

use crate::world;

/// A host that gives no token unless the test says so.
#[derive(Debug, Default)]
pub(crate) struct TestHost {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) token: Option<String>,
    pub(crate) audiences: std::sync::Mutex<Vec<String>>,
}

impl Host for TestHost {
    fn now(&self) -> Time {
        world::now()
    }
    fn nonce(&self) -> [u8; 16] {
        [7; 16]
    }
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
    fn token(&self, audience: &str) -> Result<IdentityToken, NoToken> {
        self.audiences.lock().unwrap().push(audience.to_owned());
        let missing = || NoToken { what: "no identity token found".into(), hint: "run inside a CI".into() };
        self.token.clone().map(|token| IdentityToken::new(token, "test")).ok_or_else(missing)
    }
    fn registry(&self) -> std::sync::Arc<dyn chancery_core::port::registry::Registry> {
        std::sync::Arc::new(chancery_testkit::registry::NoRegistry)
    }
    fn program(&self) -> Result<PathBuf, Failure> {
        Ok(PathBuf::from("/bin/false"))
    }
    fn serve(&self, _: &ServeOptions) -> Result<(), Failure> {
        Err(Failure::error("not here"))
    }
    fn keyguard(&self, _: &Path) -> Result<(), Failure> {
        Err(Failure::error("not here"))
    }
    fn init(&self, options: &InitOptions) -> Result<Vec<PathBuf>, Failure> {
        Ok(vec![options.directory.join("chancery.toml")])
    }
    fn archive(&self, _: &ArchivePlace) -> Result<Archive, Failure> {
        Err(Failure::error("not here"))
    }
    fn evidence_export(&self, _: &std::path::Path, _: &std::path::Path) -> Result<u64, Failure> {
        Err(Failure::error("not here"))
    }
    fn backup(&self, _: &BackupOptions) -> Result<BackupReport, Failure> {
        Err(Failure::error("not here"))
    }
    fn backup_verify(&self, _: &Path) -> Result<BackupReport, Failure> {
        Err(Failure::error("not here"))
    }
    fn restore(&self, _: &Path, _: &Path) -> Result<BackupReport, Failure> {
        Err(Failure::error("not here"))
    }
    fn hidden(&self, role: HiddenRole, arguments: &[OsString]) -> u8 {
        match role {
            HiddenRole::Gateway => u8::try_from(arguments.len()).unwrap(),
            HiddenRole::Keyguard | HiddenRole::Pkcs11Worker => 99,
        }
    }
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.err, "", "messages beside JSON");
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs `chancery <line>`.
pub(crate) fn run(host: &TestHost, line: &[&str]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let streams = Streams { out: &mut out, err: &mut err, err_is_terminal: false };
    let arguments = std::iter::once("chancery").chain(line.iter().copied()).map(OsString::from);
    let code = chancery_cli::run_on(arguments, host, streams);
    Ran { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}
