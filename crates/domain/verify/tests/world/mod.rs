//! A whole private trust domain from throw-away keys: authorities, CT key, TSA, ledger, keyguard, and signers.
//!
//! Built with the product's own phase 1 and phase 2 functions and the format's hooks, as gateway and keyguard do.

#![expect(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "shared by test programs")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::caller::{AudienceBinding, Caller, CallerKind};
use chancery_core::claims::Claims;
use chancery_core::depth::Depth;
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::environment::Environment;
use chancery_core::format::FormatName;
use chancery_core::id::{IssuerName, ProfileName};
use chancery_core::receipt::Receipt;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_core::warrant::ToBeSigned;
use chancery_format::seam::{LedgerProof, Options, Parts, Signer};
use chancery_format::sigstore::FORMAT;
use chancery_format::sigstore::bundle::{Bundle, Content, TlogEntry};
use chancery_format::sigstore::dsse;
use chancery_ledger::checkpoint::{Checkpoint, Origin, sign_with};
use chancery_ledger::cosignature;
use chancery_ledger::hashedrekord::{HashedRekord, digest_name};
use chancery_ledger::merkle::{Edge, Head, Node, Nodes, inclusion_proof, leaf_hash};
use chancery_ledger::note::KeyName;
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_testkit::keys::TestKey;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::{Cosigner, Stage, TrustSnapshot};
use chancery_verify::trusted_root::{Authority, CtLog, Ledger, TrustedRoot};
use chancery_verify::verify::{Context, Evidence, verify};
use chancery_verify::window::Window;
use chancery_x509::certificate::{self, Certificate};
use chancery_x509::key::VerifyingKey;
use chancery_x509::name::{Attribute, Name};
use chancery_x509::profile::authority::{self, AuthorityKind, Standing};
use chancery_x509::profile::draft::{Issuance, Issuer};
use chancery_x509::profile::identity_leaf;
use chancery_x509::profile::timestamping;
use chancery_x509::sct::{self, Sct};
use chancery_x509::serial::Serial;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::CertificateWish;
use chancery_x509::tsp::tst_info::{Accuracy, TstInfo};
use chancery_x509::tsp::{response, token};
use chancery_x509::validity::Validity;
use serde_json::{Value, json};

pub const IDENTITY: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";
pub const ORIGIN: &str = "log2026.sign.example";

/// The moment of signing, unless a test says otherwise.
pub fn signing_time() -> Time {
    Time::parse_rfc3339("2026-11-20T12:00:00Z").unwrap()
}
/// The moment of verification.
pub fn now() -> Time {
    signing_time().plus_seconds(3600)
}
pub fn new_year() -> Time {
    Time::parse_rfc3339("2026-01-01T00:00:00Z").unwrap()
}
pub fn open_window() -> Window {
    Window::new(new_year(), None).unwrap()
}

/// A key with its certificate.
pub struct Holder {
    pub key: TestKey,
    pub certificate: Certificate,
}

pub struct World {
    pub root: Holder,
    pub issuing: Holder,
    pub tsa_root: Holder,
    pub tsa: Holder,
    pub ct: TestKey,
    pub ledger: TestKey,
    pub cosigner: TestKey,
    pub standing: Standing,
    serial: Mutex<u64>,
}

/// What a test may choose for one signature.
#[derive(Debug, Clone)]
pub struct Wish {
    pub options: serde_json::Value,
    pub identity: String,
    pub claims: Claims,
    pub leaf_from: Time,
    pub stamped_at: Time,
    pub with_sct: bool,
    pub holder: identity_leaf::Holder,
    pub index: u64,
    pub size: u64,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            options: serde_json::json!({}),
            identity: IDENTITY.into(),
            claims: claims(),
            leaf_from: signing_time().plus_seconds(-10),
            stamped_at: signing_time(),
            with_sct: true,
            holder: identity_leaf::Holder::Custody,
            index: 9,
            size: 13,
        }
    }
}

impl Wish {
    pub fn message() -> Self {
        Self { options: serde_json::json!({"family": "message"}), ..Self::default() }
    }
}

/// Everything that a bundle was made of.
pub struct Made {
    pub statement: Statement,
    pub caller: Caller,
    pub signature: Vec<u8>,
    pub leaf: Vec<u8>,
    pub token: Vec<u8>,
    pub json: String,
    pub artifact: Sha256,
}

impl Made {
    pub fn bundle(&self) -> Bundle {
        Bundle::parse(self.json.as_bytes()).unwrap()
    }
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence::Sigstore { artifact: self.artifact, bundle: self.json.as_bytes() }
    }
}

pub fn claims() -> Claims {
    let raw = [
        ("repository", "acme/app"),
        ("workflow_ref", "acme/app/.github/workflows/release.yml@refs/heads/main"),
        ("job_workflow_ref", "acme/app/.github/workflows/release.yml@refs/heads/main"),
        ("event_name", "push"),
        ("sha", "5f3c2e1a"),
        ("ref", "refs/heads/main"),
    ];
    Claims {
        issuer: ISSUER.into(),
        subject: "repo:acme/app:ref:refs/heads/main".into(),
        build_signer_uri: Some(IDENTITY.into()),
        runner_environment: Some("github-hosted".into()),
        source_repository_uri: Some("https://github.com/acme/app".into()),
        source_repository_digest: Some("5f3c2e1a".into()),
        source_repository_ref: Some("refs/heads/main".into()),
        source_repository_identifier: Some("42".into()),
        build_trigger: Some("push".into()),
        run_invocation_uri: Some("https://github.com/acme/app/actions/runs/7/attempts/1".into()),
        raw: raw.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        ..Claims::default()
    }
}

pub fn caller(claims: &Claims) -> Caller {
    Caller {
        issuer_name: IssuerName::parse("github").unwrap(),
        kind: CallerKind::Workload,
        claims: claims.clone(),
        binding: AudienceBinding::Fixed,
        token_use: Sha256::of(b"token"),
        issued_at: signing_time(),
        expires_at: signing_time().plus_seconds(300),
    }
}

pub fn policy() -> VerificationPolicy {
    VerificationPolicy::exactly(Environment::Production, FormatName::Sigstore, ISSUER, IDENTITY)
}

fn years() -> Validity {
    Validity::new(new_year(), new_year().plus_seconds(10 * 365 * 86_400)).unwrap()
}

fn name(common: &str) -> Name {
    Name::build(&[(Attribute::Organization, "sign.example"), (Attribute::CommonName, common)]).unwrap()
}

fn p256() -> TestKey {
    TestKey::generate(KeyAlgorithm::EcdsaP256)
}

pub fn public_bytes(key: &TestKey) -> [u8; 32] {
    let spki = key.public_key().spki;
    *spki.last_chunk::<32>().unwrap()
}

fn self_signed(common: &str, kind: AuthorityKind, standing: Standing) -> Holder {
    let key = p256();
    let subject = name(common);
    let issuer = Issuer::itself(&subject, &key.public_key()).unwrap();
    let serial = Serial::new(&[1, 1]).unwrap();
    let public = key.public_key();
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity: years(), key: &public };
    let tbs = authority::tbs(&issuance, &subject, kind, standing).unwrap();
    let certificate = certificate::assemble(&tbs, KeyAlgorithm::EcdsaP256, &key.sign(&tbs)).unwrap();
    Holder { key, certificate }
}

impl World {
    pub fn new() -> Self {
        Self::standing(Standing::Regular)
    }
    pub fn standing(standing: Standing) -> Self {
        let root = self_signed("Code Signing Root", AuthorityKind::Root, standing);
        let key = p256();
        let issuer = Issuer::of(&root.certificate).unwrap();
        let serial = Serial::new(&[1, 2]).unwrap();
        let public = key.public_key();
        let issuance = Issuance { issuer: &issuer, serial: &serial, validity: years(), key: &public };
        let kind = AuthorityKind::Issuing { path_length: 0 };
        let tbs = authority::tbs(&issuance, &name("Code Signing CA"), kind, standing).unwrap();
        let signed = certificate::assemble(&tbs, KeyAlgorithm::EcdsaP256, &root.key.sign(&tbs)).unwrap();
        let tsa_root = self_signed("Timestamp Root", AuthorityKind::TimestampRoot, standing);
        let tsa = tsa_under(&tsa_root);
        Self {
            root,
            issuing: Holder { key, certificate: signed },
            tsa_root,
            tsa,
            ct: p256(),
            ledger: TestKey::generate(KeyAlgorithm::Ed25519),
            cosigner: TestKey::generate(KeyAlgorithm::Ed25519),
            standing,
            serial: Mutex::new(0),
        }
    }

    pub fn ledger_key(&self) -> VerifierKey {
        VerifierKey::new(KeyName::parse(ORIGIN).unwrap(), KeyKind::Ledger, public_bytes(&self.ledger))
    }
    pub fn cosigner_key(&self) -> VerifierKey {
        let name = KeyName::parse("keyguard.sign.example").unwrap();
        VerifierKey::new(name, KeyKind::Cosigner, public_bytes(&self.cosigner))
    }

    pub fn roots(&self) -> TrustedRoot {
        let chain = |holders: &[&Holder]| holders.iter().map(|holder| holder.certificate.clone()).collect();
        let code = chain(&[&self.issuing, &self.root]);
        let stamp = chain(&[&self.tsa, &self.tsa_root]);
        let names = ("sign.example", "Root");
        let ct = VerifyingKey::parse(&self.ct.public_key().spki).unwrap();
        TrustedRoot {
            authorities: vec![Authority::new(names, "https://sign.example", code, open_window()).unwrap()],
            ct_logs: vec![CtLog::new("https://ct.sign.example", ct, open_window()).unwrap()],
            ledgers: vec![
                Ledger::new("https://log2026.sign.example", self.ledger_key(), open_window()).unwrap(),
            ],
            timestamp_authorities: vec![
                Authority::new(names, "https://sign.example/tsa", stamp, open_window()).unwrap(),
            ],
        }
    }

    pub fn snapshot(&self) -> TrustSnapshot {
        TrustSnapshot {
            environment: Environment::Production,
            stage: Stage::Real,
            taken_at: signing_time().plus_seconds(-60),
            expires: signing_time().plus_seconds(30 * 86_400),
            roots: self.roots(),
            cosigners: vec![Cosigner { key: self.cosigner_key(), window: open_window() }],
            quorum: 1,
            native_roots: vec![],
            revocations: vec![],
            revocation_lists: Vec::new(),
            policies: BTreeMap::new(),
        }
    }

    pub fn serial(&self) -> Serial {
        let mut next = self.serial.lock().unwrap();
        *next += 1;
        let mut bytes = vec![0x11; 8];
        bytes.extend_from_slice(&next.to_be_bytes());
        Serial::new(&bytes).unwrap()
    }

    /// The identity leaf over a signer's key.
    pub fn leaf(&self, key: &TestKey, wish: &Wish) -> Vec<u8> {
        let issuer = Issuer::of(&self.issuing.certificate).unwrap();
        let serial = self.serial();
        let public = key.public_key();
        let validity = identity_leaf::validity(wish.leaf_from).unwrap();
        let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: &public };
        let before =
            identity_leaf::precertificate_tbs(&issuance, &wish.identity, &wish.claims, wish.holder).unwrap();
        let log = VerifyingKey::parse(&self.ct.public_key().spki).unwrap();
        let data = sct::signed_data(&before, issuer.key(), wish.leaf_from).unwrap();
        let stamp = Sct::new(&log, wish.leaf_from, &self.ct.sign(&data)).unwrap();
        let tbs = if wish.with_sct { identity_leaf::final_tbs(&before, &stamp).unwrap() } else { before };
        let signature = self.issuing.key.sign(&tbs);
        certificate::assemble(&tbs, KeyAlgorithm::EcdsaP256, &signature).unwrap().as_der().to_vec()
    }

    /// An RFC 3161 token over a signature.
    pub fn stamp(&self, signature: &[u8], at: Time) -> Vec<u8> {
        let info = TstInfo {
            policy: der::oid::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2"),
            imprint: Imprint::of(DigestAlgorithm::Sha256, signature),
            serial: self.serial(),
            gen_time: at,
            accuracy: Some(Accuracy { seconds: 1, ..Accuracy::default() }),
            nonce: None,
        };
        let info = info.to_der().unwrap();
        let scheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);
        let authority = token::Authority { certificate: &self.tsa.certificate, issuers: &[], scheme };
        let attributes = token::attributes(&info, &authority).unwrap();
        let value = self.tsa.key.sign(attributes.to_be_signed());
        token::assemble(&info, &authority, CertificateWish::Include, &value).unwrap()
    }

    /// Puts an entry into a ledger of `size` leaves at `index`, and proves it under a cosigned checkpoint.
    pub fn log(&self, entry: &str, index: u64, size: u64) -> Receipt {
        let mut nodes = Known(HashMap::new());
        let mut edge = Edge::default();
        for position in 0..size {
            let filler = leaf_hash(format!("filler {position}").as_bytes());
            let leaf = if position == index { leaf_hash(entry.as_bytes()) } else { filler };
            edge.append(leaf, |node: Node| nodes.keep(node)).unwrap();
        }
        let head = Head { size, root: edge.root() };
        let checkpoint = Checkpoint { origin: Origin::parse(ORIGIN).unwrap(), head };
        let signature = self.ledger.sign(checkpoint.text().as_bytes());
        let mut note = sign_with(&checkpoint, &self.ledger_key(), &signature);
        let at = signing_time().plus_seconds(2);
        let cosignature = self.cosigner.sign(&cosignature::message(&checkpoint.text(), at));
        note.push_str(&cosignature::line(&self.cosigner_key(), at, &cosignature));
        Receipt {
            origin: ORIGIN.into(),
            index,
            size,
            leaf_hash: leaf_hash(entry.as_bytes()),
            proof: inclusion_proof(index, size, &nodes).unwrap(),
            checkpoint: note,
        }
    }

    /// Signs bytes as gateway and keyguard do: prepare, rebuild, sign, certify, stamp, log, assemble.
    pub fn sign(&self, artifact: &[u8], key: &TestKey, wish: &Wish) -> Made {
        let options = Options { values: wish.options.as_object().unwrap(), key: None };
        let prepared = (FORMAT.prepare)(&mut std::io::Cursor::new(artifact), &options).unwrap();
        let statement = prepared.statement(FormatName::Sigstore, "app.bin", Depth::Structured);
        let caller = caller(&wish.claims);
        let profile = ProfileName::parse("acme-release").unwrap();
        let public = key.public_key();
        let signer = Signer {
            public_key: &public,
            caller: &caller,
            profile: &profile,
            builder: "https://sign.example",
        };
        let (signature, digest) = match (FORMAT.to_be_signed)(&statement, &signer).unwrap() {
            ToBeSigned::Message(bytes) => (key.sign(&bytes), Sha256::of(&bytes)),
            ToBeSigned::Prehashed(DigestAlgorithm::Sha256, _) => (key.sign(artifact), Sha256::of(artifact)),
            ToBeSigned::Prehashed(..) => panic!("sigstore signs SHA-256 only"),
        };
        let leaf = self.leaf(key, wish);
        let token = self.stamp(&signature, wish.stamped_at);
        let record = HashedRekord::new(
            KeyAlgorithm::EcdsaP256,
            digest.as_bytes().to_vec(),
            signature.clone(),
            leaf.clone(),
        );
        let entry = record.unwrap().encode().unwrap();
        let receipt = self.log(&entry, wish.index, wish.size);
        let log_id = self.ledger_key().log_id();
        let ledger = LedgerProof { entry: entry.as_bytes(), receipt: &receipt, log_id: log_id.as_bytes() };
        let certificates = [leaf.clone(), self.issuing.certificate.as_der().to_vec()];
        let parts = Parts {
            signature: &signature,
            certificates: &certificates,
            timestamp: Some(&token),
            ledger: Some(ledger),
        };
        let json = (FORMAT.assemble)(&statement, &signer, &parts).unwrap();
        let json = String::from_utf8(json).unwrap();
        Made { statement, caller, signature, leaf, token, json, artifact: prepared.digest }
    }

    /// A bundle over a payload of the test's choice, put together by hand: the format would not build it.
    pub fn sign_payload(&self, payload: &[u8], key: &TestKey, wish: &Wish) -> Bundle {
        let signed = dsse::encode(dsse::IN_TOTO, payload);
        let signature = key.sign(&signed);
        let envelope = dsse::Envelope {
            payload: payload.to_vec(),
            payload_type: dsse::IN_TOTO.into(),
            signature: signature.clone(),
        };
        let certificate = self.leaf(key, wish);
        let digest = Sha256::of(&signed).as_bytes().to_vec();
        let record =
            HashedRekord::new(KeyAlgorithm::EcdsaP256, digest, signature.clone(), certificate.clone());
        let body = record.unwrap().encode().unwrap();
        let receipt = self.log(&body, wish.index, wish.size);
        let entry = TlogEntry::new(self.ledger_key().log_id(), body.into_bytes(), receipt).unwrap();
        let timestamps = vec![response::granted(&self.stamp(&signature, wish.stamped_at))];
        Bundle { certificate, content: Content::Dsse(envelope), entry, timestamps }
    }

    /// A bundle by a key that no certificate names: the entry names the key, the bundle a hint.
    pub fn sign_by_key(
        &self,
        payload: &[u8],
        key: &TestKey,
        (algorithm, details): (DigestAlgorithm, &str),
    ) -> Value {
        let encoded = dsse::encode(dsse::IN_TOTO, payload);
        let signature = key.sign(&encoded);
        let digest = STANDARD.encode(algorithm.hash(&encoded));
        let verifier = json!({
            "keyDetails": details, "publicKey": {"rawBytes": STANDARD.encode(key.public_key().spki)}
        });
        let body = json!({
            "apiVersion": "0.0.2", "kind": "hashedrekord",
            "spec": {"hashedRekordV002": {
                "data": {"algorithm": digest_name(algorithm), "digest": digest},
                "signature": {"content": STANDARD.encode(&signature), "verifier": verifier},
            }},
        });
        let body = chancery_core::canonical::to_string(&body).unwrap();
        let receipt = self.log(&body, 3, 8);
        let hashes: Vec<String> = receipt.proof.iter().map(|hash| STANDARD.encode(hash.as_bytes())).collect();
        let root = receipt.checkpoint.lines().nth(2).unwrap();
        let token = response::granted(&self.stamp(&signature, signing_time()));
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "publicKey": {"hint": "release"},
                "tlogEntries": [{
                    "logIndex": "3",
                    "logId": {"keyId": STANDARD.encode(self.ledger_key().log_id().as_bytes())},
                    "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
                    "canonicalizedBody": STANDARD.encode(body),
                    "inclusionProof": {
                        "logIndex": "3", "treeSize": "8", "rootHash": root, "hashes": hashes,
                        "checkpoint": {"envelope": receipt.checkpoint},
                    },
                }],
                "timestampVerificationData": {
                    "rfc3161Timestamps": [{"signedTimestamp": STANDARD.encode(token)}],
                },
            },
            "dsseEnvelope": {
                "payload": STANDARD.encode(payload), "payloadType": dsse::IN_TOTO,
                "signatures": [{"sig": STANDARD.encode(signature)}],
            },
        })
    }

    /// The outcome of verifying with this world's snapshot, the usual policy and moment.
    pub fn verdict(&self, evidence: &Evidence<'_>) -> chancery_core::verdict::Verdict {
        verify(evidence, &Context { trust: &self.snapshot(), policy: &policy(), at: now() })
    }
}

/// A TSA certificate under a root.
pub fn tsa_under(root: &Holder) -> Holder {
    let key = p256();
    let issuer = Issuer::of(&root.certificate).unwrap();
    let serial = Serial::new(&[1, 3]).unwrap();
    let public = key.public_key();
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity: years(), key: &public };
    let tbs = timestamping::tbs(&issuance, &name("TSA"), None).unwrap();
    let certificate = certificate::assemble(&tbs, KeyAlgorithm::EcdsaP256, &root.key.sign(&tbs)).unwrap();
    Holder { key, certificate }
}

struct Known(HashMap<(u8, u64), Sha256>);
impl Nodes for Known {
    fn node(&self, level: u8, index: u64) -> Option<Sha256> {
        self.0.get(&(level, index)).copied()
    }
}
impl Known {
    fn keep(&mut self, node: Node) {
        self.0.insert((node.level, node.index), node.hash);
    }
}
