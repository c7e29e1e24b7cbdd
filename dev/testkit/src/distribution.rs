//! A strict registry over HTTP (OCI distribution specification 1.1), in memory, on this machine.
//!
//! It takes nothing that is not as it says it is: a manifest whose digest, blobs or subject do not fit is refused, as
//! real registries do. Tests may have it list referrers or not, demand a token, lose writes, exchange content, or fail.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test fixture")]

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;
use serde_json::{Value, json};

/// Whether it lists by itself what refers to a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// It does.
    Referrers,
    /// It is older than that.
    Nothing,
}

/// What it demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demands {
    /// User `user` and password `secret` with each request.
    Basic,
    /// Nothing.
    Nothing,
    /// A token, given to user `user` with password `secret`.
    Token,
}

#[derive(Debug, Default)]
struct Content {
    blobs: HashMap<String, Vec<u8>>,
    manifests: HashMap<(String, String), (String, Vec<u8>)>,
    tags: BTreeMap<(String, String), String>,
    uploads: u64,
    /// Writes of tags that are forgotten at once, as when another writer overwrites them.
    losses: u32,
    /// What is given instead for a digest.
    exchanged: HashMap<String, Vec<u8>>,
    /// Status for every path that contains the text.
    failing: Option<(String, u16)>,
    log: Vec<String>,
}

/// A running registry; it ends with the process.
#[derive(Debug, Clone)]
pub struct Distribution {
    address: SocketAddr,
    lists: Lists,
    demands: Demands,
    content: Arc<Mutex<Content>>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn status(status: u16) -> Response {
    Response { status, headers: Vec::new(), body: Vec::new() }
}

impl Distribution {
    /// Starts one.
    #[must_use]
    pub fn start(lists: Lists, demands: Demands) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let registry = Self { address, lists, demands, content: Arc::default() };
        let served = registry.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                std::thread::spawn(move || served.serve(stream));
            }
        });
        registry
    }
    /// `127.0.0.1:41234`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }
    /// `127.0.0.1:41234/path`.
    #[must_use]
    pub fn repository(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }
    /// Puts an image of one layer there; answers with the descriptor of its manifest.
    #[must_use]
    pub fn image(&self, path: &str, text: &str) -> Value {
        let config = self.blob(json!({"os": "linux", "architecture": text}).to_string().as_bytes());
        let layer = self.blob(text.as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.0, "size": config.1},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer.0, "size": layer.1}],
        });
        let mut descriptor = self.put(path, None, IMAGE, manifest.to_string().as_bytes());
        descriptor["platform"] = json!({"os": "linux", "architecture": text});
        descriptor
    }
    /// Puts an index of these there, under a tag.
    #[must_use]
    pub fn index(&self, path: &str, tag: &str, manifests: &[Value]) -> Value {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        self.put(path, Some(tag), INDEX, index.to_string().as_bytes())
    }
    /// Puts a manifest there as it is.
    #[must_use]
    pub fn put(&self, path: &str, tag: Option<&str>, media_type: &str, bytes: &[u8]) -> Value {
        let digest = name(bytes);
        let mut content = self.content.lock().unwrap();
        content.manifests.insert((path.into(), digest.clone()), (media_type.into(), bytes.to_vec()));
        if let Some(tag) = tag {
            content.tags.insert((path.into(), tag.into()), digest.clone());
        }
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }
    fn blob(&self, bytes: &[u8]) -> (String, usize) {
        self.content.lock().unwrap().blobs.insert(name(bytes), bytes.to_vec());
        (name(bytes), bytes.len())
    }
    /// The manifest under a tag, with its digest.
    #[must_use]
    pub fn tagged(&self, path: &str, tag: &str) -> Option<Value> {
        let content = self.content.lock().unwrap();
        let digest = content.tags.get(&(path.into(), tag.into()))?;
        let (_, bytes) = content.manifests.get(&(path.into(), digest.clone()))?;
        serde_json::from_slice(bytes).ok()
    }
    /// Forgets a manifest.
    pub fn remove(&self, path: &str, digest: &str) {
        self.content.lock().unwrap().manifests.remove(&(path.into(), digest.into()));
    }
    /// The next writes of tags are lost as soon as they are answered.
    pub fn lose(&self, writes: u32) {
        self.content.lock().unwrap().losses = writes;
    }
    /// Gives other bytes for a digest.
    pub fn exchange(&self, digest: &str, bytes: &[u8]) {
        self.content.lock().unwrap().exchanged.insert(digest.into(), bytes.to_vec());
    }
    /// Answers with a status wherever the path contains the text; with `None` no longer.
    pub fn fail(&self, failing: Option<(&str, u16)>) {
        self.content.lock().unwrap().failing = failing.map(|(text, status)| (text.to_owned(), status));
    }
    /// What was asked, one line each: `GET /v2/app/manifests/v1`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.content.lock().unwrap().log.clone()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(request) = read(&mut reader) {
            let response = self.answer(&request);
            let mut head =
                format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", response.status, response.body.len());
            for (name, value) in &response.headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            let is_head = request.method == "HEAD";
            let body = if is_head { &[] } else { response.body.as_slice() };
            if (&stream)
                .write_all(format!("{head}\r\n").as_bytes())
                .and_then(|()| (&stream).write_all(body))
                .is_err()
            {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Response {
        let mut content = self.content.lock().unwrap();
        content.log.push(format!("{} {}", request.method, request.path));
        if let Some((text, failing)) = &content.failing
            && request.path.contains(text.as_str())
        {
            return status(*failing);
        }
        if request.path == "/token" {
            return self.token(request);
        }
        if let Some(refused) = self.refused(request) {
            return refused;
        }
        let Some(rest) = request.path.strip_prefix("/v2/") else { return status(404) };
        if rest.is_empty() {
            return status(200);
        }
        for (kind, answer) in [
            ("/manifests/", manifests as fn(&Self, &mut Content, &Request, (&str, &str)) -> Response),
            ("/blobs/uploads/", uploads),
            ("/blobs/", blobs),
            ("/referrers/", referrers),
        ] {
            if let Some((path, name)) = rest.split_once(kind) {
                return answer(self, &mut content, request, (path, name));
            }
        }
        status(404)
    }

    fn token(&self, request: &Request) -> Response {
        let right = format!("Basic {}", STANDARD.encode("user:secret"));
        if request.headers.get("authorization") != Some(&right) || !request.query.contains("scope=repository")
        {
            return status(401);
        }
        Response { body: json!({"token": "good"}).to_string().into_bytes(), ..status(200) }
    }

    fn refused(&self, request: &Request) -> Option<Response> {
        let (right, demanded) = match self.demands {
            Demands::Nothing => return None,
            Demands::Basic => {
                (format!("Basic {}", STANDARD.encode("user:secret")), "Basic realm=\"x\"".to_owned())
            }
            Demands::Token => {
                let realm = format!("Bearer realm=\"http://{}/token\",service=\"fake\"", self.address);
                ("Bearer good".to_owned(), realm)
            }
        };
        if request.headers.get("authorization") == Some(&right) {
            return None;
        }
        Some(Response { headers: vec![("www-authenticate", demanded)], ..status(401) })
    }
}

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn name(bytes: &[u8]) -> String {
    format!("sha256:{}", Sha256::of(bytes))
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path: path.to_owned(), query: query.replace("%3A", ":"), headers, body })
}

fn manifests(
    registry: &Distribution,
    content: &mut Content,
    request: &Request,
    (path, reference): (&str, &str),
) -> Response {
    if request.method == "PUT" {
        return put_manifest(registry, content, request, (path, reference));
    }
    let digest = if reference.starts_with("sha256:") {
        reference.to_owned()
    } else {
        match content.tags.get(&(path.to_owned(), reference.to_owned())) {
            Some(digest) => digest.clone(),
            None => return status(404),
        }
    };
    let Some((media_type, bytes)) = content.manifests.get(&(path.to_owned(), digest.clone())) else {
        return status(404);
    };
    let body = content.exchanged.get(&digest).unwrap_or(bytes).clone();
    Response { status: 200, headers: vec![("content-type", media_type.clone())], body }
}

fn put_manifest(
    registry: &Distribution,
    content: &mut Content,
    request: &Request,
    (path, reference): (&str, &str),
) -> Response {
    let digest = name(&request.body);
    let Ok(manifest) = serde_json::from_slice::<Value>(&request.body) else { return status(400) };
    let media_type = request.headers.get("content-type").cloned().unwrap_or_default();
    let has_blob =
        |part: &Value| part["digest"].as_str().is_some_and(|digest| content.blobs.contains_key(digest));
    let has_manifest = |part: &Value| {
        let digest = part["digest"].as_str().unwrap_or_default().to_owned();
        content.manifests.contains_key(&(path.to_owned(), digest))
    };
    let parts = |name: &str| manifest[name].as_array().cloned().unwrap_or_default();
    let fits = manifest["mediaType"].as_str() == Some(&media_type)
        && manifest["schemaVersion"] == 2
        && (manifest["config"].is_null() || has_blob(&manifest["config"]))
        && parts("layers").iter().all(has_blob)
        && parts("manifests").iter().all(has_manifest)
        && (!reference.starts_with("sha256:") || reference == digest);
    if !fits {
        return status(400);
    }
    content.manifests.insert((path.to_owned(), digest.clone()), (media_type, request.body.clone()));
    if !reference.starts_with("sha256:") {
        if content.losses > 0 {
            content.losses -= 1;
        } else {
            content.tags.insert((path.to_owned(), reference.to_owned()), digest.clone());
        }
    }
    let mut response = status(201);
    response.headers.push(("docker-content-digest", digest));
    if let (Lists::Referrers, Some(subject)) = (registry.lists, manifest["subject"]["digest"].as_str()) {
        response.headers.push(("oci-subject", subject.to_owned()));
    }
    response
}

fn uploads(_: &Distribution, content: &mut Content, request: &Request, (path, id): (&str, &str)) -> Response {
    match (request.method.as_str(), id) {
        ("POST", "") => {
            content.uploads += 1;
            let place = format!("/v2/{path}/blobs/uploads/{}?_state=x", content.uploads);
            Response { headers: vec![("location", place)], ..status(202) }
        }
        ("PUT", _) => {
            let digest = name(&request.body);
            if !request.query.contains(&format!("digest={digest}")) || !request.query.contains("_state=x") {
                return status(400);
            }
            content.blobs.insert(digest, request.body.clone());
            status(201)
        }
        _ => status(405),
    }
}

fn blobs(_: &Distribution, content: &mut Content, _: &Request, (_, digest): (&str, &str)) -> Response {
    match content.exchanged.get(digest).or_else(|| content.blobs.get(digest)) {
        Some(bytes) => Response { body: bytes.clone(), ..status(200) },
        None => status(404),
    }
}

fn referrers(
    registry: &Distribution,
    content: &mut Content,
    _: &Request,
    (path, subject): (&str, &str),
) -> Response {
    if registry.lists == Lists::Nothing {
        return status(404);
    }
    let mut found: Vec<Value> = Vec::new();
    for ((repository, digest), (media_type, bytes)) in &content.manifests {
        let manifest: Value = serde_json::from_slice(bytes).unwrap_or_default();
        if repository == path && manifest["subject"]["digest"] == subject {
            // Distribution specification, "Listing Referrers": what an image does not say, its configuration does.
            let named = manifest.get("artifactType").unwrap_or(&manifest["config"]["mediaType"]);
            found.push(json!({
                "mediaType": media_type, "digest": digest, "size": bytes.len(),
                "artifactType": named, "annotations": manifest["annotations"],
            }));
        }
    }
    let body = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": found}).to_string().into_bytes();
    Response { status: 200, headers: vec![("content-type", INDEX.to_owned())], body }
}
