//! OpenID Connect Discovery 1.0, its pure parts: where an issuer's documents are, and what they must say.
//!
//! ```json
//! {"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/keys","more":"is ignored"}
//! ```

use serde::Deserialize;

use crate::excerpt::excerpt;
use crate::issuer::Issuer;
use crate::url::check_authority;

/// Longest address in bytes.
const MAX_ADDRESS: usize = 2048;
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// A discovery document that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDiscovery {
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
        /// Where the document points, shortened.
        actual: String,
    },
}

/// Where a document is fetched from. No redirect leads anywhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    is_https: bool,
    host: String,
    port: u16,
    authority: String,
    target: String,
}

impl Address {
    /// Whether TLS protects the way to it.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.is_https
    }
    /// Host name or address; IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
    /// TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
    /// Host, and the port where the URL names one: the `Host` field (RFC 9110 §7.2).
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
    /// Path and query: the request target (RFC 9112 §3.2.1). Printable ASCII without spaces.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    fn parse(text: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\');
        if text.len() > MAX_ADDRESS || !text.bytes().all(legal) {
            return None;
        }
        let (rest, is_https) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (rest, true),
            (None, Some(rest)) => (rest, false),
            (None, None) => return None,
        };
        let default_port = if is_https { "443" } else { "80" };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(at)?;
        let host = check_authority(authority, default_port).ok()?;
        let port = authority.strip_prefix(host)?.strip_prefix(':').unwrap_or(default_port);
        let slash = if target.starts_with('/') { "" } else { "/" };
        Some(Self {
            is_https,
            host: host.to_owned(),
            port: port.parse().ok()?,
            authority: authority.to_owned(),
            target: format!("{slash}{target}"),
        })
    }
}

/// Where an issuer's discovery document is (Discovery §4.1: a trailing slash of the issuer is removed first).
pub fn document_address(issuer: &Issuer) -> Result<Address, InvalidDiscovery> {
    let base = issuer.url().as_str().trim_end_matches('/');
    let parsed = Address::parse(&format!("{base}{WELL_KNOWN}"));
    parsed.ok_or_else(|| InvalidDiscovery::Document(issuer.url().as_str().to_owned()))
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Where the keys are that a discovery document names.
///
/// ATTACK: a document that points elsewhere substitutes the keys (T10, fulcio CVE-2026-49478). The keys must be on the
/// issuer's own origin, or on a registered host at the scheme's own port.
pub fn key_address(issuer: &Issuer, document: &[u8]) -> Result<Address, InvalidDiscovery> {
    let name = || issuer.url().as_str().to_owned();
    let document: Document =
        serde_json::from_slice(document).map_err(|_| InvalidDiscovery::Document(name()))?;
    if document.issuer != issuer.url().as_str() {
        return Err(InvalidDiscovery::IssuerMismatch { expected: name(), actual: excerpt(&document.issuer) });
    }
    let own = document_address(issuer)?;
    let refuse = || InvalidDiscovery::KeyHost { issuer: name(), actual: excerpt(&document.jwks_uri) };
    let found = Address::parse(&document.jwks_uri).ok_or_else(refuse)?;
    let same_origin = (found.is_https, &found.authority) == (own.is_https, &own.authority);
    let listed = found.is_https && issuer.key_hosts().contains(&found.authority);
    if same_origin || listed { Ok(found) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuers_toml;

    fn issuer(url: &str) -> Issuer {
        let text = format!(
            "[issuer.h]\nurl = \"{url}\"\ndialect = \"generic\"\nalgorithms = [\"ES256\"]\n\
             base_url = \"https://x.example\"\nkey_hosts = [\"keys.example\"]\n"
        );
        issuers_toml::load(&text).unwrap().find(url).unwrap().clone()
    }

    fn document(issuer: &str, keys: &str) -> Vec<u8> {
        format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}","more":[1]}}"#).into_bytes()
    }

    #[test]
    fn documents_are_beside_the_issuer() {
        for (url, authority, port, target) in [
            ("https://i.example", "i.example", 443, "/.well-known/openid-configuration"),
            ("https://i.example/", "i.example", 443, "/.well-known/openid-configuration"),
            ("https://i.example:8443/a/b", "i.example:8443", 8443, "/a/b/.well-known/openid-configuration"),
            ("http://[::1]:9", "[::1]:9", 9, "/.well-known/openid-configuration"),
        ] {
            let found = document_address(&issuer(url)).unwrap();
            assert_eq!((found.authority(), found.port(), found.target()), (authority, port, target));
        }
    }

    #[test]
    fn keys_are_on_the_issuers_origin_or_a_registered_host() {
        let own = issuer("https://i.example:8443/tenant");
        for (uri, host, port, target) in [
            ("https://i.example:8443/keys", "i.example", 8443, "/keys"),
            ("https://i.example:8443", "i.example", 8443, "/"),
            ("https://i.example:8443?p=1", "i.example", 8443, "/?p=1"),
            ("https://keys.example/a?b=%20c", "keys.example", 443, "/a?b=%20c"),
        ] {
            let found = key_address(&own, &document("https://i.example:8443/tenant", uri)).unwrap();
            assert_eq!((found.host(), found.port(), found.target()), (host, port, target), "{uri}");
        }
        for uri in [
            "https://evil.example/jwks",
            "http://i.example:8443/jwks",
            "https://i.example/jwks",
            "https://I.example:8443/jwks",
            "http://keys.example/jwks",
            "https://keys.example:8443/jwks",
            "https://keys.example:443/jwks",
            "https://keys.example.evil.example/jwks",
            "https://keys.example@evil.example/jwks",
            "https://evil.example/keys.example",
            "https://user@i.example:8443/jwks",
            "https://i.example:8443@evil.example/jwks",
            "https://i.example:8443\\\\@evil.example/jwks",
            "https://i.example:8443/a b",
            "https://i.example:8443/jwks#x",
            "https://keys.example./jwks",
            "http://169.254.169.254/latest/meta-data",
            "//i.example:8443/jwks",
            "/jwks",
            "jwks",
            "file:///etc/passwd",
            "data:application/json,{}",
            "",
        ] {
            let found = key_address(&own, &document("https://i.example:8443/tenant", uri));
            assert!(matches!(found, Err(InvalidDiscovery::KeyHost { .. })), "{uri}: {found:?}");
        }
    }

    #[test]
    fn documents_of_others_and_none_are_refused() {
        let own = issuer("https://i.example");
        for named in ["https://i.example/", "https://evil.example", "", "https://i.example/x"] {
            let found = key_address(&own, &document(named, "https://i.example/jwks"));
            assert!(matches!(found, Err(InvalidDiscovery::IssuerMismatch { .. })), "{named}: {found:?}");
        }
        for body in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"issuer":1,"jwks_uri":"x"}"#,
            r#"{"issuer":"https://i.example"}"#,
            r#"{"issuer":"https://i.example","issuer":"https://i.example","jwks_uri":"https://i.example/"}"#,
            "<html>",
        ] {
            let found = key_address(&own, body.as_bytes());
            assert!(matches!(found, Err(InvalidDiscovery::Document(_))), "{body}: {found:?}");
        }
    }
}
