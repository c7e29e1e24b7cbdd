//! A strict local service: answers exactly the routes that signing needs, signs with a throw-away trust domain, and
//! remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::request::Request;
use chancery_ledger::tile::{Content, Tile, push_entry};
use chancery_testkit::keys::TestKey;
use serde_json::{Value, json};

use crate::trust::TrustSigner;
use crate::world::{self, Wish, World};

pub(crate) const TOKEN: &str = "header.payload.signature";

/// How the service behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    Honest,
    /// Signs another artifact than was asked for.
    OtherArtifact,
    /// Says another request id.
    OtherRequest,
    /// Refuses with a trace.
    Refuses,
    /// Is too busy.
    Busy,
}

/// A running service; its thread ends with the process.
pub(crate) struct Fake {
    pub(crate) address: String,
    /// The key that signs its trust document.
    pub(crate) trust_key: String,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    /// Artifacts that it will be asked about, by digest.
    pub(crate) artifacts: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// Static files by path: the ledger.
    pub(crate) files: Arc<Mutex<BTreeMap<String, String>>>,
    /// Proofs of possession, as they came.
    pub(crate) proofs: Arc<Mutex<Vec<String>>>,
    service: Arc<Service>,
}

struct Service {
    world: World,
    signer: TrustSigner,
    key: TestKey,
    manner: Manner,
    released: Mutex<BTreeMap<String, String>>,
    asked: Arc<Mutex<Vec<String>>>,
    artifacts: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    files: Arc<Mutex<BTreeMap<String, String>>>,
    proofs: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (asked, artifacts, files) = (Arc::default(), Arc::default(), Arc::default());
        let signer = TrustSigner::new();
        let trust_key = signer.vkey().to_string();
        let service = Arc::new(Service {
            world: World::new(),
            signer,
            key: TestKey::generate(KeyAlgorithm::EcdsaP256),
            manner,
            released: Mutex::default(),
            asked: Arc::clone(&asked),
            artifacts: Arc::clone(&artifacts),
            files: Arc::clone(&files),
            proofs: Arc::default(),
        });
        let serving = Arc::clone(&service);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let service = Arc::clone(&serving);
                std::thread::spawn(move || service.talk(stream));
            }
        });
        let proofs = Arc::clone(&service.proofs);
        Self { address, trust_key, asked, artifacts, files, proofs, service }
    }
    /// Serves the entries `filler 0`, `filler 1` … under a cosigned checkpoint; `other` is the place of an entry that is
    /// another.
    pub(crate) fn serve_ledger(&self, size: u64, other: Option<u64>) {
        let odd = other.map_or_else(|| "filler 0".to_owned(), |_| "another".to_owned());
        let note = self.service.world.log(&odd, other.unwrap_or(0), size).checkpoint;
        let mut files = self.files.lock().unwrap();
        files.clear();
        files.insert("/ledger/checkpoint".into(), note);
        for index in 0..size.div_ceil(256) {
            let range = index * 256..size.min((index + 1) * 256);
            let width = u16::try_from(range.end - range.start).unwrap();
            let tile = Tile { content: Content::Entries, index, width };
            files.insert(format!("/ledger/{tile}"), Self::entries(range, other));
        }
    }
    /// A bundle of these entries.
    pub(crate) fn entries(range: std::ops::Range<u64>, other: Option<u64>) -> String {
        let mut bundle = Vec::new();
        for index in range {
            let leaf = if other == Some(index) { "another".into() } else { format!("filler {index}") };
            push_entry(&mut bundle, leaf.as_bytes()).unwrap();
        }
        String::from_utf8(bundle).unwrap()
    }
}

impl Service {
    fn talk(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut stream = stream;
        loop {
            let mut first = String::new();
            reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
            let (mut length, mut bearer, mut proof) = (0usize, String::new(), String::new());
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).ok()?;
                let line = line.trim_end();
                if line.is_empty() {
                    break;
                }
                let (name, value) = line.split_once(": ")?;
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.parse().ok()?,
                    "authorization" => value.clone_into(&mut bearer),
                    "chancery-possession" => value.clone_into(&mut proof),
                    _ => {}
                }
            }
            let mut body = vec![0u8; length];
            reader.read_exact(&mut body).ok()?;
            let target = first.rsplit_once(' ')?.0.to_owned();
            self.asked.lock().unwrap().push(target.clone());
            self.proofs.lock().unwrap().extend((!proof.is_empty()).then_some(proof));
            let (status, answer) = self.answer(&target, &bearer, &String::from_utf8(body).unwrap());
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nx-request-id: r-7f3a\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            stream.write_all(format!("{head}{answer}").as_bytes()).ok()?;
        }
    }

    fn answer(&self, target: &str, bearer: &str, body: &str) -> (u16, String) {
        if let Some(text) =
            target.strip_prefix("GET ").and_then(|path| self.files.lock().unwrap().get(path).cloned())
        {
            return (200, text);
        }
        match target {
            "GET /v1/profiles/dev" => (200, profile().to_string()),
            "GET /v1/profiles/exchanged" => {
                let mut profile = profile();
                profile["name"] = json!("exchanged");
                profile["binding"] = json!("session");
                (200, profile.to_string())
            }
            "POST /v1/sessions" => {
                (201, json!({"key": "0".repeat(64), "expires_at": "2026-11-20T12:10:00Z"}).to_string())
            }
            "GET /v1/trust.json" => (200, self.trust()),
            "POST /v1/sign" if bearer != format!("Bearer {TOKEN}") => {
                (401, json!({"code": "CH3008", "detail": "no identity token was sent"}).to_string())
            }
            "POST /v1/sign" => self.sign(body),
            _ => (404, json!({"code": "CH2008", "detail": "no such path"}).to_string()),
        }
    }

    fn trust(&self) -> String {
        let mut snapshot = self.world.snapshot();
        snapshot.policies.insert("release".into(), world::policy());
        self.signer.seal(&snapshot)
    }

    fn sign(&self, body: &str) -> (u16, String) {
        match self.manner {
            Manner::Honest | Manner::OtherArtifact | Manner::OtherRequest => {}
            Manner::Busy => return (503, json!({"code": "CH7501", "detail": "not now"}).to_string()),
            Manner::Refuses => return (403, refusal().to_string()),
        }
        let request = Request::parse(body).unwrap();
        let results: Vec<Value> = request
            .statements()
            .iter()
            .map(|(id, statement)| {
                let known = self.artifacts.lock().unwrap();
                let bytes = known.get(&statement.artifact.digest.to_string()).cloned().unwrap_or_default();
                let bytes = if self.manner == Manner::OtherArtifact { b"evil".to_vec() } else { bytes };
                let mut released = self.released.lock().unwrap();
                let blob = released
                    .entry(id.to_string())
                    .or_insert_with(|| self.world.sign(&bytes, &self.key, &Wish::default()).json);
                result(&id.to_string(), statement.artifact.name.as_str(), blob)
            })
            .collect();
        let id = if self.manner == Manner::OtherRequest { "0".repeat(64) } else { request.id().to_string() };
        (200, json!({"schema": "chancery.signed/1", "request_id": id, "results": results}).to_string())
    }
}

fn profile() -> Value {
    let families = json!({"provenance-dsse": {"key": "k", "algorithm": "ecdsa-p256"}});
    json!({
        "name": "dev", "environment": "production", "binding": "request", "audience_host": "sign.example",
        "formats": {"sigstore": {"depth": "structured", "families": families}},
    })
}

fn result(statement: &str, name: &str, blob: &str) -> Value {
    json!({
        "statement": statement, "artifact": name, "format": "sigstore", "family": "provenance-dsse",
        "depth": "structured", "key": "k", "blob": base64::engine::general_purpose::STANDARD.encode(blob),
        "suffix": ".sigstore.json", "certificate_identity": world::IDENTITY,
        "certificate_oidc_issuer": world::ISSUER,
        "ledger": {"origin": world::ORIGIN, "index": 9, "size": 13}, "leaf": "{}", "tlog_proof": "",
        "timestamp": "2026-11-20T12:00:00Z",
    })
}

fn refusal() -> Value {
    let line = |attribute: &str, actual: &str, expected: &str, ok: bool| json!({"rule": "acme", "attribute": attribute, "actual": actual, "expected": expected, "ok": ok});
    json!({
        "type": "urn:chancery:problem:CH4012", "title": "t", "status": 403, "code": "CH4012",
        "detail": "grant `acme` of profile `dev` does not hold: source_repository_ref",
        "hint": "run this job from `refs/heads/main`", "request_id": "r-7f3a",
        "trace": [
            line("source_repository_ref", "refs/heads/feature-x", "refs/heads/main", false),
            line("source_repository_identifier", "42", "42", true),
        ],
    })
}
