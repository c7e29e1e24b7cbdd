//! OpenID Connect Discovery 1.0: from a registered issuer to the bytes of its JWK set.

use chancery_identity::issuer::Issuer;
use chancery_identity::jwk::{InvalidKeys, KeySet};
use reqwest::Url;
use serde::Deserialize;

use crate::http::{Http, HttpError};

/// Keys that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The discovery document is not one.
    #[error("issuer `{0}`: discovery document is malformed")]
    Document(String),
    /// The document names another issuer (Discovery §4.3).
    #[error("issuer `{expected}`: discovery document names `{actual}`")]
    IssuerMismatch {
        /// The registered URL.
        expected: String,
        /// What the document says, shortened.
        actual: String,
    },
    /// The keys are on a host that is not registered.
    #[error("issuer `{issuer}`: keys are at `{actual}`, which is neither its own host nor in key_hosts")]
    KeyHost {
        /// The registered URL.
        issuer: String,
        /// Where the document points.
        actual: String,
    },
    /// The JWK set is not usable.
    #[error("issuer `{issuer}`: key set refused")]
    Keys {
        /// The registered URL.
        issuer: String,
        /// Why.
        #[source]
        source: InvalidKeys,
    },
    /// A fetch failed.
    #[error("issuer `{issuer}`: fetch failed")]
    Fetch {
        /// The registered URL.
        issuer: String,
        /// Why.
        #[source]
        source: HttpError,
    },
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Fetches an issuer's keys: the discovery document first, then the set that it names. Both are asked for anew.
pub async fn fetch_keys(http: &Http, issuer: &Issuer) -> Result<(KeySet, String), DiscoveryError> {
    let name = || issuer.url().as_str().to_owned();
    let failed = |source| DiscoveryError::Fetch { issuer: name(), source };
    // Discovery §4.1: a trailing slash of the issuer is removed first.
    let base = issuer.url().as_str().trim_end_matches('/');
    let body = http.get(&format!("{base}/.well-known/openid-configuration")).await.map_err(failed)?;
    let document: Document = serde_json::from_slice(&body).map_err(|_| DiscoveryError::Document(name()))?;
    if document.issuer != issuer.url().as_str() {
        return Err(DiscoveryError::IssuerMismatch { expected: name(), actual: excerpt(&document.issuer) });
    }
    let address = check_key_address(issuer, &document.jwks_uri)?;
    let body = http.get(&address).await.map_err(failed)?;
    let refused = |source| DiscoveryError::Keys { issuer: name(), source };
    let text = String::from_utf8(body).map_err(|_| refused(InvalidKeys::Malformed))?;
    let keys = KeySet::parse(issuer, &text).map_err(refused)?;
    Ok((keys, text))
}

/// ATTACK: a discovery document that points elsewhere substitutes the keys (T10, fulcio CVE-2026-49478). The keys must
/// be on the issuer's own origin, or on a registered host at the scheme's own port.
fn check_key_address(issuer: &Issuer, address: &str) -> Result<String, DiscoveryError> {
    let refuse =
        || DiscoveryError::KeyHost { issuer: issuer.url().as_str().to_owned(), actual: excerpt(address) };
    let url = Url::parse(address).map_err(|_| refuse())?;
    let own = Url::parse(issuer.url().as_str()).map_err(|_| refuse())?;
    let same_origin = url.origin() == own.origin();
    let listed = url.scheme() == "https"
        && url.port().is_none()
        && url.host_str().is_some_and(|host| issuer.key_hosts().iter().any(|known| known == host));
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if plain && (same_origin || listed) { Ok(url.to_string()) } else { Err(refuse()) }
}

fn excerpt(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(200).collect()
}
