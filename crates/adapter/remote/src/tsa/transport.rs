//! RFC 3161 over HTTP (§3.4): `POST` of `application/timestamp-query`, answered by `application/timestamp-reply`.
//!
//! Unlike everything else that is fetched, plain `http` is allowed, because tokens are signed and most public
//! authorities offer nothing else. The addresses that may be contacted are the same.

use std::net::IpAddr;
use std::time::Duration;

use chancery_core::port::dialer::Reach;
use chancery_x509::tsp::response::MAX_SIZE;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use crate::address::{self, Resolver};
use crate::http::{self, HttpError};
use crate::tsa::authority::{AuthorityError, WrongAnswer};

const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";

/// A client for one URL.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: Client,
    url: Url,
}

impl Transport {
    pub(crate) fn new(url: &str, reach: Reach, timeout: Duration) -> Result<Self, HttpError> {
        let url = check_url(url, reach)?;
        http::provide_cryptography();
        let builder = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            // A proxy would resolve names itself, out of the sight of the address check.
            .no_proxy()
            .connect_timeout(timeout)
            .timeout(timeout)
            .pool_max_idle_per_host(4)
            .dns_resolver(Resolver { reach })
            .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")));
        let builder = match url.scheme() {
            // Plain HTTP needs no roots, and reading them takes longer than the exchange.
            "http" => builder.tls_certs_only([]),
            _ => builder,
        };
        Ok(Self { client: builder.build().map_err(HttpError::Client)?, url })
    }
    /// Sends a request and reads the answer, at most 64 KiB.
    pub(crate) async fn exchange(&self, request: Vec<u8>) -> Result<Vec<u8>, AuthorityError> {
        let post = self.client.post(self.url.clone());
        let post = post.header(CONTENT_TYPE, QUERY).header(ACCEPT, REPLY).body(request);
        let response = post.send().await.map_err(unreachable)?;
        check_head(&response)?;
        read_body(response).await
    }
}

fn check_url(url: &str, reach: Reach) -> Result<Url, HttpError> {
    let url = Url::parse(url).map_err(|_| HttpError::Url)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let host = url.host_str().unwrap_or_default();
    if !matches!(url.scheme(), "http" | "https") || !plain || host.is_empty() {
        return Err(HttpError::Url);
    }
    // A literal address does not pass through the resolver.
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if literal.is_ok_and(|ip| !address::is_allowed(ip, reach)) {
        return Err(HttpError::Address(host.to_owned()));
    }
    Ok(url)
}

fn unreachable(error: reqwest::Error) -> AuthorityError {
    AuthorityError::Unreachable(http::classify(error))
}

fn check_head(response: &Response) -> Result<(), AuthorityError> {
    let status = response.status();
    if status.is_redirection() {
        return Err(AuthorityError::Unreachable(HttpError::Redirect));
    }
    if status.as_u16() != 200 {
        return Err(AuthorityError::Unreachable(HttpError::Status(status.as_u16())));
    }
    let found =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = found.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(REPLY) {
        return Ok(());
    }
    let shown = found.chars().filter(|character| !character.is_control()).take(80).collect();
    Err(AuthorityError::WrongAnswer(WrongAnswer::ContentType(shown)))
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, AuthorityError> {
    let too_large = || AuthorityError::WrongAnswer(WrongAnswer::Size);
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > MAX_SIZE) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len().saturating_add(chunk.len()) > MAX_SIZE {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
