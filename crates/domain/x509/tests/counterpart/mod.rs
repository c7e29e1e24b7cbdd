//! A throw-away PKI in a directory of its own, and openssl as the other side of CMS and timestamp tests.

use std::path::PathBuf;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::time::Time;
use chancery_testkit::keys::TestKey;
use chancery_testkit::pki::{CertificateSpec, Usage};
use chancery_x509::certificate::Certificate;

/// A root, an issuing authority, and leaves as the test wants them.
pub(crate) struct Domain {
    dir: tempfile::TempDir,
    pub(crate) root: Certificate,
    pub(crate) issuing_key: TestKey,
    pub(crate) issuing: Certificate,
}

/// The moment at which every test stands.
pub(crate) fn now() -> Time {
    Time::parse_rfc3339("2026-11-20T12:00:00Z").unwrap()
}

impl Domain {
    pub(crate) fn new() -> Self {
        Self::around(now())
    }
    /// Authorities that are valid for half a day around a moment.
    pub(crate) fn around(moment: Time) -> Self {
        let root_key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let issuing_key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let spec = CertificateSpec {
            subject: "root",
            issuer: "root",
            serial: 1,
            not_before: moment.plus_seconds(-43_200),
            not_after: moment.plus_seconds(43_200),
            usage: Usage::Authority,
        };
        let root = spec.issue(&root_key.public_key(), &root_key);
        let spec = CertificateSpec { subject: "issuing", serial: 2, ..spec };
        let issuing = spec.issue(&issuing_key.public_key(), &root_key);
        Self {
            dir: tempfile::tempdir().unwrap(),
            root: Certificate::parse(&root).unwrap(),
            issuing_key,
            issuing: Certificate::parse(&issuing).unwrap(),
        }
    }
    /// A leaf under the issuing authority with the same validity.
    pub(crate) fn leaf(&self, serial: u8, usage: Usage<'_>, key: &TestKey) -> Certificate {
        let validity = self.issuing.validity();
        let spec = CertificateSpec {
            subject: "leaf",
            issuer: "issuing",
            serial,
            not_before: validity.not_before(),
            not_after: validity.not_after(),
            usage,
        };
        Certificate::parse(&spec.issue(&key.public_key(), &self.issuing_key)).unwrap()
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
    /// Writes a private key as PEM.
    pub(crate) fn write_key(&self, name: &str, key: &TestKey) {
        self.write(name, pem("PRIVATE KEY", &key.pkcs8()).as_bytes());
    }
    /// Writes certificates as PEM.
    pub(crate) fn write_certificates(&self, name: &str, certificates: &[&Certificate]) {
        let text: String = certificates.iter().map(|one| pem("CERTIFICATE", one.as_der())).collect();
        self.write(name, text.as_bytes());
    }
    /// Runs openssl in the directory.
    pub(crate) fn openssl(&self, arguments: &str) -> Output {
        Command::new("openssl").args(arguments.split(' ')).current_dir(self.dir.path()).output().unwrap()
    }
    /// Runs openssl, which must succeed; answers what it printed.
    pub(crate) fn openssl_ok(&self, arguments: &str) -> String {
        let output = self.openssl(arguments);
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|t| String::from_utf8_lossy(&t).into_owned());
        assert!(output.status.success(), "openssl {arguments}: {stdout}{stderr}");
        format!("{stdout}{stderr}")
    }
}

/// Whether openssl is there; tells when it is not.
pub(crate) fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        println!("not compared: openssl is absent");
    }
    found
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
