//! One exchange with a registry: bounded, within reach, and authenticated where the registry asks for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chancery_core::port::registry::RegistryError;
use chancery_format::oci::reference::Repository;
use reqwest::header::{HeaderMap, LOCATION, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode, Url};
use zeroize::Zeroizing;

use super::challenge::{self, Challenge};
use super::credentials::{Credential, Keychain};
use super::reach::{Allowed, Way};
use crate::address::Resolver;
use crate::http::{HttpError, accepts_address, classify, provide_cryptography, read};

const CONNECT: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_secs(30);
/// Longest answer of a token service in bytes.
const MAX_TOKEN_ANSWER: usize = 256 << 10;
/// Blobs are often elsewhere; further than this nobody is followed.
const MAX_REDIRECTS: usize = 3;

/// What a caller wants to do in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Right {
    /// Read.
    Pull,
    /// Read and write.
    Push,
}

/// A request to a registry.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) method: Method,
    /// Below the registry's address, `/v2/…`; or a whole URL of the same registry.
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'static str, String)],
    pub(super) body: Option<Vec<u8>>,
    /// Longest answer in bytes.
    pub(super) limit: usize,
    pub(super) right: Right,
}

/// An answer of any status but those that are errors to everybody.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
    /// The error of a status that was not expected.
    pub(super) fn unexpected(&self, what: &str) -> RegistryError {
        let status = self.status.as_u16();
        match status {
            404 => RegistryError::NotFound(what.to_owned()),
            401 | 403 => RegistryError::Denied(format!("status {status} for {what}")),
            429 | 500..=599 => RegistryError::Unavailable(format!("status {status} for {what}")),
            _ => RegistryError::Invalid(format!("status {status} for {what}")),
        }
    }
}

type Tokens = HashMap<(Repository, Right), Authorisation>;

/// What stands in the `Authorization` header.
#[derive(Clone)]
enum Authorisation {
    Basic(String, Zeroizing<String>),
    Bearer(Zeroizing<String>),
}

/// Clients, credentials, and the tokens that were had for them.
pub(super) struct Transport {
    allowed: Allowed,
    keychain: Keychain,
    tokens: Mutex<Tokens>,
    clients: Mutex<HashMap<String, Client>>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl Transport {
    pub(super) fn new(allowed: Allowed, keychain: Keychain) -> Self {
        Self { allowed, keychain, tokens: Mutex::default(), clients: Mutex::default() }
    }

    /// Sends, and once more with a token where the registry asks for one.
    pub(super) async fn send(
        &self,
        repository: &Repository,
        wanted: &Wanted<'_>,
    ) -> Result<Answer, RegistryError> {
        let way = self.allowed.way(repository)?;
        let client = self.client(&way)?;
        let url = address(&way, wanted.path)?;
        let key = (repository.clone(), wanted.right);
        let known = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let answer = exchange(&client, &url, wanted, known.as_ref()).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return self.followed(&way, &client, wanted, answer).await;
        }
        let challenge =
            answer.headers.get(WWW_AUTHENTICATE).and_then(|value| challenge::parse(value.to_str().ok()?));
        let challenge = challenge
            .ok_or_else(|| RegistryError::Denied("it demands credentials of an unknown kind".to_owned()))?;
        let fresh = self.authorise(&client, repository, wanted.right, challenge).await?;
        let answer = exchange(&client, &url, wanted, Some(&fresh)).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(RegistryError::Denied(format!("no right to {repository} with these credentials")));
        }
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(key, fresh);
        self.followed(&way, &client, wanted, answer).await
    }

    /// Follows redirects of a read, without any credential: what comes is compared with its digest anyway.
    async fn followed(
        &self,
        way: &Way,
        client: &Client,
        wanted: &Wanted<'_>,
        mut answer: Answer,
    ) -> Result<Answer, RegistryError> {
        let mut hops = 0_usize;
        while answer.status.is_redirection() && wanted.method == Method::GET {
            if hops == MAX_REDIRECTS {
                return Err(RegistryError::Invalid("it redirects too often".to_owned()));
            }
            hops = hops.saturating_add(1);
            let invalid = || RegistryError::Invalid("it redirects to no address".to_owned());
            let location =
                answer.headers.get(LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(invalid)?;
            let base = Url::parse(&way.base).map_err(|_| invalid())?;
            let url = base.join(location).map_err(|_| invalid())?;
            let fits = url.scheme() == "https" || url.scheme() == base.scheme();
            if !fits || !accepts_address(&url, way.reach) {
                return Err(RegistryError::NotAllowed(url.host_str().unwrap_or_default().to_owned()));
            }
            answer = exchange(client, &url, wanted, None).await?;
        }
        Ok(answer)
    }

    /// Clients are kept by the registry's address.
    fn client(&self, way: &Way) -> Result<Client, RegistryError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&way.base) {
            return Ok(client.clone());
        }
        provide_cryptography();
        let plain = way.base.starts_with("http://");
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            // A proxy would resolve names itself, out of the sight of the address check.
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .https_only(!plain)
            .dns_resolver(Resolver { reach: way.reach })
            .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")));
        if let Some(roots) = &way.roots {
            builder = builder.tls_certs_only(roots.clone());
        } else if plain {
            builder = builder.tls_certs_only([]);
        }
        let broken = |error: reqwest::Error| RegistryError::Unavailable(format!("no http client: {error}"));
        let client = builder.build().map_err(broken)?;
        clients.insert(way.base.clone(), client.clone());
        Ok(client)
    }

    async fn authorise(
        &self,
        client: &Client,
        repository: &Repository,
        right: Right,
        challenge: Challenge,
    ) -> Result<Authorisation, RegistryError> {
        let found = self.keychain.find(repository.registry()).await.map_err(RegistryError::Denied)?;
        let (realm, service, found) = match (challenge, found) {
            (Challenge::Basic, Some(Credential::Password { user, password })) => {
                return Ok(Authorisation::Basic(user, password));
            }
            (Challenge::Basic, Some(Credential::Identity(_)) | None) => {
                let what = format!("no user name and password for `{}` are known", repository.registry());
                return Err(RegistryError::Denied(what));
            }
            (Challenge::Bearer { realm, service }, found) => (realm, service, found),
        };
        let url =
            Url::parse(&realm).map_err(|_| RegistryError::Invalid("its realm is no address".to_owned()))?;
        if !challenge::is_realm_of(&url, repository.registry()) {
            let what = format!("it sends for a token to `{}`", url.host_str().unwrap_or_default());
            return Err(RegistryError::Denied(what));
        }
        let actions = match right {
            Right::Pull => "pull",
            Right::Push => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", repository.path());
        token(client, url, (service.as_deref(), &scope), found).await
    }
}

/// Asks the token service of a registry.
async fn token(
    client: &Client,
    mut url: Url,
    (service, scope): (Option<&str>, &str),
    found: Option<Credential>,
) -> Result<Authorisation, RegistryError> {
    #[derive(serde::Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
    }
    let request = match found {
        Some(Credential::Identity(refresh)) => {
            let mut form = url.clone();
            form.query_pairs_mut()
                .clear()
                .append_pair("grant_type", "refresh_token")
                .append_pair("scope", scope)
                .append_pair("client_id", "chancery")
                .append_pair("refresh_token", &refresh);
            if let Some(service) = service {
                form.query_pairs_mut().append_pair("service", service);
            }
            let body = form.query().unwrap_or_default().to_owned();
            client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
        }
        other => {
            url.query_pairs_mut().append_pair("scope", scope);
            if let Some(service) = service {
                url.query_pairs_mut().append_pair("service", service);
            }
            let request = client.get(url);
            match other {
                Some(Credential::Password { user, password }) => {
                    request.basic_auth(user, Some(password.as_str()))
                }
                Some(Credential::Identity(_)) | None => request,
            }
        }
    };
    let mut response = request.send().await.map_err(|error| failed(classify(error)))?;
    let status = response.status();
    let body = Zeroizing::new(read(&mut response, MAX_TOKEN_ANSWER).await.map_err(failed)?);
    match status.as_u16() {
        200 => {}
        401 | 403 => {
            return Err(RegistryError::Denied("its token service refuses these credentials".to_owned()));
        }
        429 | 500..=599 => {
            return Err(RegistryError::Unavailable(format!("its token service has status {status}")));
        }
        _ => return Err(RegistryError::Invalid(format!("its token service has status {status}"))),
    }
    let invalid = || RegistryError::Invalid("its token service gives no token".to_owned());
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| invalid())?;
    let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty()).ok_or_else(invalid)?;
    Ok(Authorisation::Bearer(Zeroizing::new(token)))
}

/// A path below the registry, or a whole URL that stays there: credentials go nowhere else.
fn address(way: &Way, path: &str) -> Result<Url, RegistryError> {
    let invalid = || RegistryError::Invalid("it names no address of its own".to_owned());
    let base = Url::parse(&way.base).map_err(|_| invalid())?;
    let url = base.join(path).map_err(|_| invalid())?;
    if url.origin() != base.origin() || !accepts_address(&url, way.reach) {
        return Err(RegistryError::NotAllowed(url.host_str().unwrap_or_default().to_owned()));
    }
    Ok(url)
}

async fn exchange(
    client: &Client,
    url: &Url,
    wanted: &Wanted<'_>,
    authorisation: Option<&Authorisation>,
) -> Result<Answer, RegistryError> {
    let mut request = client.request(wanted.method.clone(), url.clone());
    for (name, value) in wanted.headers {
        request = request.header(*name, value);
    }
    request = match authorisation {
        Some(Authorisation::Basic(user, password)) => request.basic_auth(user, Some(password.as_str())),
        Some(Authorisation::Bearer(token)) => request.bearer_auth(token.as_str()),
        None => request,
    };
    if let Some(body) = &wanted.body {
        request = request.body(body.clone());
    }
    let mut response = request.send().await.map_err(|error| failed(classify(error)))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read(&mut response, wanted.limit).await.map_err(failed)?;
    Ok(Answer { status, headers, body })
}

fn failed(error: HttpError) -> RegistryError {
    match error {
        HttpError::Address(host) => RegistryError::NotAllowed(host),
        HttpError::Size(limit) => RegistryError::Invalid(format!("more than {limit} bytes")),
        HttpError::Timeout => RegistryError::Unavailable("no answer in time".to_owned()),
        HttpError::Client(_)
        | HttpError::Redirect
        | HttpError::Status(_)
        | HttpError::Transport(_)
        | HttpError::Url => RegistryError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::port::dialer::Reach;

    #[test]
    fn an_upload_stays_at_its_registry() {
        let way = Way { base: "https://r.example".into(), reach: Reach::Private, roots: None };
        assert!(address(&way, "/v2/a/blobs/uploads/x?_state=1").is_ok());
        assert!(address(&way, "https://r.example/v2/a").is_ok());
        for elsewhere in [
            "https://evil.example/v2/a",
            "http://r.example/v2/a",
            "//evil.example/",
            "https://r.example:8443/",
        ] {
            assert!(address(&way, elsewhere).is_err(), "{elsewhere}");
        }
        let literal = Way { base: "https://169.254.169.254".into(), reach: Reach::Private, roots: None };
        assert!(address(&literal, "/v2/").is_err());
    }
}
