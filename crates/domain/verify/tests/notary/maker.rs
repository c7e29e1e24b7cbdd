//! Envelopes as gateway and keyguard make them, from a long-lived leaf of the world's authority.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::depth::Depth;
use chancery_core::format::FormatName;
use chancery_core::id::ProfileName;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_core::verdict::Verdict;
use chancery_core::warrant::ToBeSigned;
use chancery_format::notary::FORMAT;
use chancery_format::seam::{Options, Parts, Signer};
use chancery_format::stamped::stamped;
use chancery_testkit::keys::TestKey;
use chancery_verify::notary::Named;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::verify::{Context, Evidence, verify};
use chancery_x509::certificate::{self, Certificate};
use chancery_x509::name::{Attribute, Name};
use chancery_x509::profile::code_signing::{self, CodeSigning};
use chancery_x509::profile::draft::{Issuance, Issuer};
use chancery_x509::validity::Validity;

use crate::world::{World, caller, claims, new_year, now, signing_time};

pub(crate) const SUBJECT: &str = "CN=acme release,O=Acme,ST=Berlin,C=DE";
pub(crate) const MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A signer with a certificate.
pub(crate) struct Maker {
    pub(crate) world: World,
    pub(crate) key: TestKey,
    pub(crate) leaf: Certificate,
}

/// What a test may choose for one envelope.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) options: serde_json::Value,
    pub(crate) stamped_at: Option<Time>,
}

impl Wish {
    /// An envelope over an image.
    pub(crate) fn image(envelope: &str) -> Self {
        let options = serde_json::json!({"envelope": envelope, "media_type": MANIFEST_TYPE});
        Self { options, stamped_at: Some(signing_time()) }
    }
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.options[name] = value.into();
        self
    }
}

impl Maker {
    pub(crate) fn new(algorithm: KeyAlgorithm) -> Self {
        let days = Validity::new(new_year(), new_year().plus_seconds(460 * 86_400)).unwrap();
        Self::valid(algorithm, days)
    }
    pub(crate) fn valid(algorithm: KeyAlgorithm, validity: Validity) -> Self {
        let (world, key) = (World::new(), TestKey::generate(algorithm));
        let leaf = leaf(&world, &key, (validity, None));
        Self { world, key, leaf }
    }
    /// The same signer with a certificate that names a revocation list.
    pub(crate) fn with_list(mut self, url: &str) -> Self {
        self.leaf = leaf(&self.world, &self.key, (self.leaf.validity(), Some(url)));
        self
    }
    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        let all = [&self.leaf, &self.world.issuing.certificate, &self.world.root.certificate];
        all.map(|certificate| certificate.as_der().to_vec()).to_vec()
    }
    pub(crate) fn statement(bytes: &[u8], wish: &Wish) -> Statement {
        let options = Options { values: wish.options.as_object().unwrap(), key: None };
        let prepared = (FORMAT.prepare)(&mut std::io::Cursor::new(bytes), &options).unwrap();
        prepared.statement(FormatName::Notary, "app.bin", Depth::Structured)
    }
    pub(crate) fn sign(&self, bytes: &[u8], wish: &Wish) -> Vec<u8> {
        let statement = Self::statement(bytes, wish);
        self.with_parts(&statement, wish.stamped_at, |signer, parts| {
            (FORMAT.assemble)(&statement, signer, parts).unwrap()
        })
    }
    pub(crate) fn with_parts<T>(
        &self,
        statement: &Statement,
        stamped_at: Option<Time>,
        work: impl FnOnce(&Signer<'_>, &Parts<'_>) -> T,
    ) -> T {
        let (caller, public) = (caller(&claims()), self.key.public_key());
        let profile = ProfileName::parse("acme-release").unwrap();
        let builder = "https://sign.example";
        let signer = Signer { public_key: &public, caller: &caller, profile: &profile, builder };
        let (ToBeSigned::Message(message) | ToBeSigned::Prehashed(_, message)) =
            (FORMAT.to_be_signed)(statement, &signer).unwrap();
        let signature = self.key.sign(&message);
        let value = stamped(FormatName::Notary, &public, &signature).unwrap();
        let token = stamped_at.map(|at| self.world.stamp(&value, at));
        let certificates = self.chain();
        let timestamp = token.as_deref();
        let parts = Parts { signature: &signature, certificates: &certificates, timestamp, ledger: None };
        work(&signer, &parts)
    }

    pub(crate) fn snapshot(&self) -> TrustSnapshot {
        let native_roots = vec![self.world.root.certificate.clone()];
        TrustSnapshot { native_roots, ..self.world.snapshot() }
    }
    pub(crate) fn judge(&self, bytes: &[u8], envelope: &[u8]) -> Verdict {
        judge(bytes, envelope, &Context { trust: &self.snapshot(), policy: &policy(), at: now() })
    }
}

pub(crate) fn leaf(world: &World, key: &TestKey, (validity, crl): (Validity, Option<&str>)) -> Certificate {
    let subject = [
        (Attribute::Country, "DE"),
        (Attribute::State, "Berlin"),
        (Attribute::Organization, "Acme"),
        (Attribute::CommonName, "acme release"),
    ];
    let subject = Name::build(&subject).unwrap();
    let issuer = Issuer::of(&world.issuing.certificate).unwrap();
    let (serial, public) = (world.serial(), key.public_key());
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: &public };
    let tbs = code_signing::tbs(&issuance, &CodeSigning { subject: &subject, uris: &[], crl }).unwrap();
    certificate::assemble(&tbs, KeyAlgorithm::EcdsaP256, &world.issuing.key.sign(&tbs)).unwrap()
}

pub(crate) fn policy() -> VerificationPolicy {
    let text = format!("environment = \"production\"\nformats = [\"notary\"]\nsubject = \"{SUBJECT}\"\n");
    VerificationPolicy::parse_toml(&text).unwrap()
}

pub(crate) fn judge(bytes: &[u8], envelope: &[u8], context: &Context<'_>) -> Verdict {
    let artifact = chancery_core::digest::Sha256::of(bytes);
    let named = Named { artifact, size: bytes.len() as u64, media_type: None };
    verify(&Evidence::Notary { named, envelope }, context)
}
