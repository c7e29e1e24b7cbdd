//! A throw-away trust domain that signs PE images through the format's hooks, as gateway and keyguard do.

use std::path::Path;
use std::process::Command;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::caller::{AudienceBinding, Caller, CallerKind};
use chancery_core::claims::Claims;
use chancery_core::depth::Depth;
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::format::FormatName;
use chancery_core::id::{IssuerName, ProfileName};
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_core::warrant::ToBeSigned;
use chancery_format::pe::FORMAT;
use chancery_format::seam::{Attachment, FormatError, Options, Parts, Prepared, Signer};
use chancery_testkit::keys::TestKey;
use chancery_testkit::pki::{CertificateSpec, Usage, purpose};
use chancery_x509::certificate::Certificate;
use chancery_x509::serial::Serial;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::CertificateWish;
use chancery_x509::tsp::token::{self, Authority};
use chancery_x509::tsp::tst_info::TstInfo;
use serde_json::{Map, Value};

/// Start of all certificates: 2025-01-01.
pub(crate) const START: i64 = 1_735_689_600;
/// End of the authorities: 2045-01-01.
pub(crate) const END: i64 = 2_366_841_600;
/// When the timestamping authority stamps: half a year after the start.
pub(crate) const STAMPED: i64 = START + 180 * 86_400;

/// Keys and certificates of one trust domain.
pub(crate) struct Domain {
    pub(crate) key: TestKey,
    pub(crate) leaf: Vec<u8>,
    pub(crate) issuing: Vec<u8>,
    pub(crate) root: Vec<u8>,
    pub(crate) tsa_key: TestKey,
    pub(crate) tsa: Vec<u8>,
    pub(crate) tsa_root: Vec<u8>,
}

impl Domain {
    /// A domain whose code-signing key is of this algorithm; the leaf is valid until `leaf_end`.
    pub(crate) fn new(algorithm: KeyAlgorithm, leaf_end: i64) -> Self {
        let [root, issuing, tsa_root, tsa_key] = [(); 4].map(|()| TestKey::generate(KeyAlgorithm::EcdsaP256));
        let key = TestKey::generate(algorithm);
        let issue = |subject, issuer, serial, usage, end, key: &TestKey, by: &TestKey| {
            let (not_before, not_after) = (Time::from_seconds(START), Time::from_seconds(end));
            CertificateSpec { subject, issuer, serial, not_before, not_after, usage }
                .issue(&key.public_key(), by)
        };
        let code = Usage::Leaf(&[purpose::CODE_SIGNING]);
        let stamp = Usage::Leaf(&[purpose::TIME_STAMPING]);
        Self {
            root: issue("Root", "Root", 1, Usage::Authority, END, &root, &root),
            issuing: issue("Issuing", "Root", 2, Usage::Authority, END, &issuing, &root),
            leaf: issue("Acme", "Issuing", 3, code, leaf_end, &key, &issuing),
            tsa_root: issue("TSA Root", "TSA Root", 4, Usage::Authority, END, &tsa_root, &tsa_root),
            tsa: issue("TSA", "TSA Root", 5, stamp, END, &tsa_key, &tsa_root),
            key,
            tsa_key,
        }
    }

    /// A timestamp token over a message.
    pub(crate) fn stamp(&self, message: &[u8], seconds: i64) -> Vec<u8> {
        let info = TstInfo {
            policy: chancery_x509::cms::oid::DATA,
            imprint: Imprint::of(DigestAlgorithm::Sha256, message),
            serial: Serial::new(&[9]).unwrap(),
            gen_time: Time::from_seconds(seconds),
            accuracy: None,
            nonce: None,
        };
        let info = info.to_der().unwrap();
        let certificate = Certificate::parse(&self.tsa).unwrap();
        let scheme = SignatureScheme::of(KeyAlgorithm::EcdsaP256);
        let authority = Authority { certificate: &certificate, issuers: &[], scheme };
        let attributes = token::attributes(&info, &authority).unwrap();
        let signature = self.tsa_key.sign(attributes.to_be_signed());
        token::assemble(&info, &authority, CertificateWish::Include, &signature).unwrap()
    }

    /// Prepares an image for this domain's key.
    pub(crate) fn prepare(&self, original: &[u8], options: Value) -> Result<Prepared, FormatError> {
        let values: Map<String, Value> = serde_json::from_value(options).unwrap();
        let key = Some(self.key.public_key().algorithm);
        (FORMAT.prepare)(&mut &*original, &Options { values: &values, key })
    }

    /// Signs a statement, stamped at the given second or not at all, and hands over what a blob is assembled from.
    pub(crate) fn with_parts<T>(
        &self,
        statement: &Statement,
        stamped: Option<i64>,
        then: impl FnOnce(&Signer<'_>, &Parts<'_>) -> T,
    ) -> T {
        let (public_key, caller) = (self.key.public_key(), caller());
        let profile = ProfileName::parse("p").unwrap();
        let builder = "https://sign.example";
        let signer = Signer { public_key: &public_key, caller: &caller, profile: &profile, builder };
        let ToBeSigned::Message(message) = (FORMAT.to_be_signed)(statement, &signer).unwrap() else {
            panic!("cms signs messages")
        };
        let signature = self.key.sign(&message);
        let token = stamped.map(|seconds| self.stamp(&signature, seconds));
        let certificates = [self.leaf.clone(), self.issuing.clone()];
        let timestamp = token.as_deref();
        let parts = Parts { signature: &signature, certificates: &certificates, timestamp, ledger: None };
        then(&signer, &parts)
    }

    /// The CMS blob over a statement.
    pub(crate) fn blob(&self, statement: &Statement, stamped: Option<i64>) -> Vec<u8> {
        self.with_parts(statement, stamped, |signer, parts| {
            (FORMAT.assemble)(statement, signer, parts).unwrap()
        })
    }

    /// The signed image.
    pub(crate) fn sign(&self, original: &[u8], options: Value, stamped: Option<i64>) -> Vec<u8> {
        let prepared = self.prepare(original, options).unwrap();
        let statement = prepared.statement(FormatName::Pe, "app.exe", Depth::Structured);
        attach(&prepared, original, &self.blob(&statement, stamped))
    }
}

/// Attaches a blob to the bytes it was prepared from.
pub(crate) fn attach(prepared: &Prepared, original: &[u8], blob: &[u8]) -> Vec<u8> {
    let Attachment::Patch(patch) = (FORMAT.attach)(&prepared.layout, blob).unwrap() else {
        panic!("pe signatures are embedded")
    };
    let mut out = Vec::new();
    patch.copy(&mut &*original, Sha256::of(original), &mut out).unwrap();
    out
}

/// Any caller: nothing of it is in these signatures.
fn caller() -> Caller {
    Caller {
        issuer_name: IssuerName::parse("github").unwrap(),
        kind: CallerKind::Workload,
        claims: Claims::default(),
        binding: AudienceBinding::Fixed,
        token_use: Sha256::of(b"token"),
        issued_at: Time::from_seconds(STAMPED),
        expires_at: Time::from_seconds(STAMPED + 600),
    }
}

/// Writes a certificate as PEM.
pub(crate) fn write_pem(path: &Path, der: &[u8]) {
    std::fs::write(path, Certificate::parse(der).unwrap().to_pem()).unwrap();
}

/// Runs a foreign tool and returns what it said; `None`, and a line that says so, when it is absent.
pub(crate) fn run(directory: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let result = Command::new(program).args(arguments).current_dir(directory).output();
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("not compared: {program} is absent");
            None
        }
        result => {
            let output = result.unwrap();
            let text = [output.stdout, output.stderr].concat();
            Some(String::from_utf8_lossy(&text).into_owned())
        }
    }
}
