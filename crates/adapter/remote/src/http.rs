//! The one way to fetch: `https` (or `http` to this machine for development issuers), no redirects, bounded time,
//! bounded size, only addresses within reach.

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use chancery_core::port::dialer::Reach;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};

use crate::address::{self, OutOfReach, Resolver};

/// Bounds on one exchange.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// Until the last byte of the answer.
    pub total: Duration,
    /// Longest body in bytes.
    pub size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(10), size: 128 * 1024 }
    }
}

/// An exchange that did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The peer's name or address may not be contacted.
    #[error("`{0}` has no address that may be contacted")]
    Address(String),
    /// No client could be built: the machine's certificate store is unreadable.
    #[error("no http client")]
    Client(#[source] reqwest::Error),
    /// The answer is another URL; redirects are never followed (T10).
    #[error("the answer is a redirect")]
    Redirect,
    /// The body is longer than allowed.
    #[error("the answer is longer than {0} bytes")]
    Size(usize),
    /// Another status than 200.
    #[error("the answer has status {0}")]
    Status(u16),
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// The connection failed or broke.
    #[error("connection failed")]
    Transport(#[source] reqwest::Error),
    /// The URL is not one that may be asked.
    #[error("expected an https url without user information or fragment")]
    Url,
}

/// A client for one [`Reach`].
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    reach: Reach,
    limits: Limits,
}

impl Http {
    /// Builds the client.
    pub fn new(reach: Reach, limits: Limits) -> Result<Self, HttpError> {
        // Plain HTTP needs no roots, and reading them takes longer than the exchange.
        let roots = (reach == Reach::Loopback).then(Vec::new);
        Self::with_roots(reach, limits, roots)
    }
    /// Builds a client that trusts these roots alone, or those of the machine.
    pub fn with_roots(
        reach: Reach,
        limits: Limits,
        roots: Option<Vec<Certificate>>,
    ) -> Result<Self, HttpError> {
        provide_cryptography();
        let builder = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            // A proxy would resolve names itself, out of the sight of the address check.
            .no_proxy()
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .https_only(reach != Reach::Loopback)
            .pool_max_idle_per_host(1)
            .dns_resolver(Resolver { reach })
            .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")));
        let builder = match roots {
            Some(roots) => builder.tls_certs_only(roots),
            None => builder,
        };
        Ok(Self { client: builder.build().map_err(HttpError::Client)?, reach, limits })
    }
    /// Fetches a URL with a bearer credential, which goes to this URL's host only; only status 200 with a body within
    /// bounds counts.
    pub async fn get_as(&self, url: &str, bearer: &str) -> Result<Vec<u8>, HttpError> {
        let request =
            self.client.get(self.check(url)?).bearer_auth(bearer).header("accept", "application/json");
        self.exchange(request).await
    }
    /// Posts a body; a status from 200 to 299 counts. The body of the answer is not read at all.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<(), HttpError> {
        let mut request = self.client.post(self.check(url)?).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.map_err(classify)?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status if status.is_redirection() => Err(HttpError::Redirect),
            status => Err(HttpError::Status(status.as_u16())),
        }
    }
    /// Whether a URL is one that may be asked, before anybody asks it.
    pub fn accepts(&self, url: &str) -> Result<(), HttpError> {
        self.check(url).map(drop)
    }

    fn check(&self, url: &str) -> Result<Url, HttpError> {
        let url = Url::parse(url).map_err(|_| HttpError::Url)?;
        let scheme_fits = match self.reach {
            Reach::Loopback => matches!(url.scheme(), "http" | "https"),
            Reach::Private | Reach::Public => url.scheme() == "https",
        };
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let host = url.host_str().unwrap_or_default();
        if !scheme_fits || !plain || host.is_empty() {
            return Err(HttpError::Url);
        }
        if !accepts_address(&url, self.reach) {
            return Err(HttpError::Address(host.to_owned()));
        }
        Ok(url)
    }

    async fn exchange(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, HttpError> {
        let mut response = request.send().await.map_err(classify)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(HttpError::Redirect);
        }
        if status.as_u16() != 200 {
            return Err(HttpError::Status(status.as_u16()));
        }
        read(&mut response, self.limits.size).await
    }
}

/// Whether a URL names no literal address that is out of reach: such a one does not pass through the resolver.
pub(crate) fn accepts_address(url: &Url, reach: Reach) -> bool {
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    literal.map_or(true, |ip| address::is_allowed(ip, reach))
}

/// The body of an answer, if it is within a limit.
pub(crate) async fn read(response: &mut reqwest::Response, limit: usize) -> Result<Vec<u8>, HttpError> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(HttpError::Size(limit));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(classify)? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(HttpError::Size(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(crate) fn classify(error: reqwest::Error) -> HttpError {
    if error.is_timeout() {
        return HttpError::Timeout;
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(OutOfReach(name)) = inner.downcast_ref::<OutOfReach>() {
            return HttpError::Address(name.clone());
        }
        cause = inner.source();
    }
    HttpError::Transport(error)
}

/// The client aborts the process when it finds no provider, so one is installed unless the process has one already.
pub(crate) fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may be first; then its provider, which is the same, stays.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    }
}
