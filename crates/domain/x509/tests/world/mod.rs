//! A trust domain of throw-away keys, and certificates that no profile would make.

pub(crate) mod foreign;

use std::sync::LazyLock;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::claims::Claims;
use chancery_core::time::Time;
use chancery_testkit::keys::TestKey;
use chancery_x509::certificate::{Certificate, assemble};
use chancery_x509::extension::{self, BasicConstraints, Criticality, Extension, KeyUsage};
use chancery_x509::name::{Attribute, Name};
use chancery_x509::oid;
use chancery_x509::profile::authority::{self, AuthorityKind, Standing};
use chancery_x509::profile::code_signing::{self, CodeSigning};
use chancery_x509::profile::draft::{Issuance, Issuer};
use chancery_x509::serial::Serial;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tlv;
use chancery_x509::validity::{Validity, write_time};

/// 2026-11-20T00:00:00Z.
pub(crate) const NOW: Time = Time::from_seconds(1_795_132_800);
const DAY: i64 = 86_400;

/// A key with its certificate.
#[derive(Debug)]
pub(crate) struct Holder {
    pub key: TestKey,
    pub certificate: Certificate,
}

/// Root, issuing CA and code signing leaf of one algorithm.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) root: Holder,
    pub(crate) issuing: Holder,
    pub leaf: Holder,
}

pub(crate) static P256: LazyLock<World> = LazyLock::new(|| World::of(KeyAlgorithm::EcdsaP256));

pub(crate) fn name(common: &str) -> Name {
    Name::build(&[
        (Attribute::Country, "DE"),
        (Attribute::State, "Berlin"),
        (Attribute::Organization, "Corp, Example"),
        (Attribute::CommonName, common),
    ])
    .unwrap()
}

pub(crate) fn days(from: i64, to: i64) -> Validity {
    Validity::new(NOW.plus_seconds(from * DAY), NOW.plus_seconds(to * DAY)).unwrap()
}

pub(crate) fn sign(tbs: &[u8], issuer: &TestKey) -> Certificate {
    assemble(tbs, issuer.public_key().algorithm, &issuer.sign(tbs)).unwrap()
}

pub(crate) fn root(common: &str, key: TestKey, kind: AuthorityKind, standing: Standing) -> Holder {
    let subject = name(common);
    let issuer = Issuer::itself(&subject, &key.public_key()).unwrap();
    let serial = Serial::new(&[1; 16]).unwrap();
    let public = key.public_key();
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity: days(-30, 3650), key: &public };
    let certificate = sign(&authority::tbs(&issuance, &subject, kind, standing).unwrap(), &key);
    Holder { key, certificate }
}

impl Holder {
    pub(crate) fn issue(
        &self,
        key: &TestKey,
        validity: Validity,
        tbs: impl Fn(&Issuance<'_>) -> Vec<u8>,
    ) -> Certificate {
        let issuer = Issuer::of(&self.certificate).unwrap();
        let serial = Serial::new(&[0x7f, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]).unwrap();
        let public = key.public_key();
        sign(&tbs(&Issuance { issuer: &issuer, serial: &serial, validity, key: &public }), &self.key)
    }
}

impl World {
    pub(crate) fn of(algorithm: KeyAlgorithm) -> Self {
        Self::with(algorithm, Standing::Regular)
    }
    pub(crate) fn with(algorithm: KeyAlgorithm, standing: Standing) -> Self {
        let root = root("Root", TestKey::generate(algorithm), AuthorityKind::Root, standing);
        let key = TestKey::generate(algorithm);
        let certificate = root.issue(&key, days(-20, 1800), |issuance| {
            let kind = AuthorityKind::Issuing { path_length: 0 };
            authority::tbs(issuance, &name("Issuing"), kind, standing).unwrap()
        });
        let issuing = Holder { key, certificate };
        let key = TestKey::generate(algorithm);
        let certificate = issuing.issue(&key, days(-10, 300), |issuance| {
            let leaf = CodeSigning {
                subject: &name("Leaf"),
                uris: &["https://corp.example/team"],
                crl: Some("http://crl.corp.example/issuing.crl"),
            };
            code_signing::tbs(issuance, &leaf).unwrap()
        });
        Self { root, issuing, leaf: Holder { key, certificate } }
    }
}

/// A certificate of any shape, for what must be refused.
#[derive(Debug, Clone)]
pub(crate) struct Odd {
    pub serial: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub issuer: Name,
    pub validity: Validity,
    pub subject: Name,
    pub extensions: Vec<Extension>,
}

impl Odd {
    /// A good code signing leaf, to be spoilt.
    pub(crate) fn leaf(issuer: &Holder) -> Self {
        Self {
            serial: vec![9],
            algorithm: SignatureScheme::of(issuer.key.public_key().algorithm).to_der(),
            issuer: issuer.certificate.subject().clone(),
            validity: days(-10, 300),
            subject: name("Odd"),
            extensions: vec![
                KeyUsage::DIGITAL_SIGNATURE.to_extension(),
                extension::extended_key_usage(&[oid::CODE_SIGNING], Criticality::Optional),
            ],
        }
    }
    /// A good authority, to be spoilt.
    pub(crate) fn authority(issuer: &Holder, common: &str, path_length: Option<u32>) -> Self {
        let constraints = BasicConstraints::Authority { path_length }.to_extension();
        let extensions = vec![constraints, KeyUsage::AUTHORITY.to_extension()];
        Self { subject: name(common), extensions, ..Self::leaf(issuer) }
    }
    /// Replaces the extension of the same identifier, or adds it.
    pub(crate) fn with(mut self, extension: Extension) -> Self {
        self.extensions.retain(|known| known.oid() != extension.oid());
        self.extensions.push(extension);
        self
    }
    /// Drops an extension.
    pub(crate) fn without(mut self, oid: &[u8]) -> Self {
        self.extensions.retain(|known| known.oid() != oid);
        self
    }
    pub(crate) fn der(&self, key: &TestKey, issuer: &TestKey) -> Vec<u8> {
        let validity =
            [write_time(self.validity.not_before()), write_time(self.validity.not_after())].concat();
        let tbs = tlv::write(
            tlv::SEQUENCE,
            &[
                &[0xa0, 3, 2, 1, 2],
                &tlv::write_unsigned(&self.serial),
                &self.algorithm,
                self.issuer.as_der(),
                &tlv::write(tlv::SEQUENCE, &[&validity]),
                self.subject.as_der(),
                &key.public_key().spki,
                &tlv::write(tlv::context(3), &[&extension::write_all(&self.extensions)]),
            ],
        );
        let signature = tlv::write_bit_string(&issuer.sign(&tbs));
        tlv::write(tlv::SEQUENCE, &[&tbs, &self.algorithm, &signature])
    }
    pub(crate) fn make(&self, key: &TestKey, issuer: &TestKey) -> Certificate {
        Certificate::parse(&self.der(key, issuer)).unwrap()
    }
}

/// Claims of a GitHub workflow.
pub(crate) fn claims() -> Claims {
    let some = |text: &str| Some(text.to_owned());
    let raw = [
        ("event_name", "push"),
        ("sha", "c0ffee"),
        ("workflow", "release"),
        ("repository", "corp/app"),
        ("ref", "refs/heads/main"),
    ];
    Claims {
        issuer: "https://token.actions.githubusercontent.com".into(),
        subject: "repo:corp/app:ref:refs/heads/main".into(),
        build_signer_uri: some(IDENTITY),
        build_signer_digest: some("c0ffee"),
        runner_environment: some("github-hosted"),
        source_repository_uri: some("https://github.com/corp/app"),
        source_repository_digest: some("c0ffee"),
        source_repository_ref: some("refs/heads/main"),
        source_repository_identifier: some("1296269"),
        source_repository_owner_uri: some("https://github.com/corp"),
        source_repository_owner_identifier: some("9919"),
        build_config_uri: some(IDENTITY),
        build_config_digest: some("c0ffee"),
        build_trigger: some("push"),
        run_invocation_uri: some("https://github.com/corp/app/actions/runs/1/attempts/1"),
        source_repository_visibility: some("private"),
        deployment_environment: some("production"),
        raw: raw.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

pub(crate) const IDENTITY: &str = "https://github.com/corp/app/.github/workflows/release.yml@refs/heads/main";
