//! One connection to the service, kept alive; requests are made one after the other.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Method, Url};
use tokio::runtime::{Builder, Runtime};

use super::curl::{Body, Credential, Curl, Sent};
use super::{address, problem};
use crate::arguments::Globals;
use crate::catalogue::Code;
use crate::failure::Failure;
use crate::host::{Host, IdentityToken};
use crate::sign::session::Sessions;

/// Longest answer in bytes: 1,000 results with their bundles.
const MAX_ANSWER: usize = 64 << 20;

/// An answer with status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The body.
    pub(crate) body: Vec<u8>,
    /// The `Date` header.
    pub(crate) date: Option<String>,
    /// The exchange's id.
    pub(crate) request_id: Option<String>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let mut failure =
                Failure::new(Code::Answer, format!("the service's answer cannot be read: {error}"));
            failure.request_id.clone_from(&self.request_id);
            failure
        })
    }
    /// The body as text.
    pub(crate) fn text(self) -> Result<String, Failure> {
        String::from_utf8(self.body)
            .map_err(|_| Failure::new(Code::Answer, "the service's answer is not text"))
    }
}

/// The service.
#[derive(Debug)]
pub(crate) struct Server {
    runtime: Runtime,
    client: Client,
    base: Url,
    debug: bool,
    curl: Option<Curl>,
    sessions: Sessions,
}

impl Server {
    /// The service named by `--server`; nothing is sent yet.
    pub(crate) fn new(globals: &Globals, host: &dyn Host) -> Result<Self, Failure> {
        let address = globals.server.as_deref().filter(|text| !text.is_empty()).ok_or_else(|| {
            Failure::new(Code::Server, "no service is named")
                .hint("set CHANCERY_SERVER or give --server https://sign.example")
        })?;
        Self::at(address, globals, host)
    }
    /// A service of another address, with the same flags.
    pub(crate) fn at(address: &str, globals: &Globals, host: &dyn Host) -> Result<Self, Failure> {
        let _ = host;
        let base = address::parse(address)?;
        let builder = builder(globals);
        let builder = match &globals.ca {
            Some(path) => builder.tls_certs_only(certificates(path)?),
            // Plain HTTP to this machine needs no roots, and reading them takes longer than the exchange.
            None if base.scheme() == "http" => builder.tls_certs_only([]),
            None => builder,
        };
        Self::build(builder, (base, Curl::with_certificates(globals.ca.as_deref())), globals)
    }
    /// The administrator's socket, where the permission of the file is the authority.
    pub(crate) fn admin(globals: &Globals, socket: &Path) -> Result<Self, Failure> {
        let base = address::parse("http://localhost")?;
        let builder = builder(globals).tls_certs_only([]).unix_socket(socket);
        Self::build(builder, (base, Curl::over_socket(socket)), globals)
    }
    fn build(builder: ClientBuilder, (base, curl): (Url, Curl), globals: &Globals) -> Result<Self, Failure> {
        let broken = |error: &dyn std::fmt::Display| {
            Failure::new(Code::Unexpected, format!("no http client: {error}"))
        };
        let client = builder.build().map_err(|error| broken(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| broken(&error))?;
        let curl = globals.print_curl.then_some(curl);
        let sessions = Sessions::default();
        Ok(Self { runtime, client, base, debug: globals.debug, curl, sessions })
    }
    /// Its address.
    pub(crate) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }
    /// The session that this process has with it.
    pub(crate) const fn sessions(&self) -> &Sessions {
        &self.sessions
    }
    /// Whether it is on this machine.
    pub(crate) fn is_here(&self) -> bool {
        address::is_here(&self.base)
    }
    /// Asks for something public.
    pub(crate) fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.exchange(Method::GET, path, None, None)
    }
    /// Asks as this job.
    pub(crate) fn get_as(&self, path: &str, token: &IdentityToken) -> Result<Answer, Failure> {
        self.exchange(Method::GET, path, Some(token), None)
    }
    /// Sends JSON text.
    pub(crate) fn post(
        &self,
        path: &str,
        body: String,
        token: Option<&IdentityToken>,
    ) -> Result<Answer, Failure> {
        self.post_body(path, Body::json(body), token)
    }
    /// As [`Server::post`], a body of any media type.
    pub(crate) fn post_body(
        &self,
        path: &str,
        body: Body,
        token: Option<&IdentityToken>,
    ) -> Result<Answer, Failure> {
        self.exchange(Method::POST, path, token, Some(body))
    }

    /// Asks for a file of at most `limit` bytes; `None` where there is none, as static file servers say it.
    pub(crate) fn fetch(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
        let url =
            self.base.join(path).map_err(|_| Failure::new(Code::Usage, format!("`{path}` is not a path")))?;
        let received = self.runtime.block_on(receive(self.client.get(url), limit));
        let (status, answer) = received.map_err(|error| self.unreachable(&error))?;
        match status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            // Object stores say so of what is not there; a service of ours says what is wrong.
            403 if !problem::is_one(&answer.body) => Ok(None),
            status => Err(problem::read(status, &answer.body, answer.request_id)),
        }
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        token: Option<&IdentityToken>,
        body: Option<Body>,
    ) -> Result<Answer, Failure> {
        let url =
            self.base.join(path).map_err(|_| Failure::new(Code::Usage, format!("`{path}` is not a path")))?;
        if let Some(curl) = &self.curl {
            let credential = token.map(|_| credential(path));
            let sent = Sent { method: method.as_str(), url: url.as_str(), credential, body: body.as_ref() };
            say(&curl.line(&sent));
        }
        let mut request = self.client.request(method.clone(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token.expose());
            if let Some(proof) = token.proof() {
                request = request.header(chancery_api::session::HEADER, proof);
            }
        }
        if let Some(body) = body {
            request = request.header("content-type", body.media).body(body.text);
        }
        let (status, answer) =
            self.runtime.block_on(receive(request, MAX_ANSWER)).map_err(|error| self.unreachable(&error))?;
        if self.debug {
            let id = answer.request_id.as_deref().unwrap_or("-");
            say(&format!("debug: {method} {path} → {status}, {} bytes, request {id}", answer.body.len()));
        }
        if status == 200 || status == 201 {
            Ok(answer)
        } else {
            Err(problem::read(status, &answer.body, answer.request_id))
        }
    }

    /// With `--print-curl`, says what the variable `TOKEN` in the commands stands for.
    pub(crate) fn say_audience(&self, audience: &str) {
        if self.curl.is_some() {
            say(&format!("# TOKEN: the job's identity token for audience {audience}"));
        }
    }

    fn unreachable(&self, broken: &Broken) -> Failure {
        match broken {
            Broken::Size => Failure::new(Code::Answer, "the service's answer is too long"),
            Broken::Transport(error) => Failure::new(
                Code::Unreachable,
                format!("cannot reach `{}`: {}", self.address(), chain(error)),
            )
            .hint("is the address right and the service running? `chancery doctor` looks closer"),
        }
    }
}

/// The development service's runner is asked with the runner's credential, everything else with an identity token.
fn credential(path: &str) -> Credential {
    if path.starts_with("/dev/actions/") { Credential::Runner } else { Credential::Token }
}

/// Nobody to tell when stderr is gone.
fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

enum Broken {
    Size,
    Transport(reqwest::Error),
}

async fn receive(request: reqwest::RequestBuilder, limit: usize) -> Result<(u16, Answer), Broken> {
    let mut response = request.send().await.map_err(Broken::Transport)?;
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.map(|text| text.chars().take(200).collect::<String>())
    };
    let (date, request_id) = (header("date"), header("x-request-id"));
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Broken::Transport)? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(Broken::Size);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, Answer { body, date, request_id }))
}

fn builder(globals: &Globals) -> ClientBuilder {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may be first; then its provider, which is the same, stays.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    }
    Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(Duration::from_secs(10.min(globals.timeout.max(1))))
        .timeout(Duration::from_secs(globals.timeout.max(1)))
        .pool_max_idle_per_host(1)
        .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")))
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let pem = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if certificates.is_empty() {
        return Err(Failure::new(Code::Server, format!("`{}` holds no certificate", path.display())));
    }
    Ok(certificates)
}

/// The innermost cause says most: `connection refused`, `invalid peer certificate`.
fn chain(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner.to_string()
}
