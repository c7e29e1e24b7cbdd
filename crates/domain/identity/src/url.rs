//! URLs that identify issuers: one spelling each, so that equality of text is equality of issuer (T10, and the
//! trailing-slash, case, punycode, port and path-traversal confusions of OIDC federation).

use std::fmt;

/// Longest issuer URL in bytes.
const MAX_URL: usize = 512;

/// An `https` URL, or `http` to a loopback host, without user information, query, fragment, escapes or dot segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerUrl {
    text: String,
    host_start: usize,
    host_end: usize,
    path_start: usize,
}

/// A URL that cannot identify an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Neither `https://` nor `http://` to a loopback host.
    #[error("expected `https://` (plain `http://` only to `127.0.0.1`, `[::1]` or `localhost`)")]
    Scheme,
    /// The host is empty, not in lower case, or holds user information or other characters.
    #[error("host `{0}` is not a lower-case host name")]
    Host(String),
    /// The port is not 1 to 65535 in its shortest form, or is the scheme's own.
    #[error("port `{0}` is not 1 to 65535, or is the scheme's own")]
    Port(String),
    /// The path holds a query, a fragment, an escape, an empty or a dot segment.
    #[error("path `{0}` holds a query, fragment, escape, empty or dot segment")]
    Path(String),
    /// Longer than 512 bytes, or not printable ASCII.
    #[error("longer than 512 bytes, or not printable ascii")]
    Text,
}

impl IssuerUrl {
    /// Parses a URL; every accepted URL is already in its only spelling.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > MAX_URL || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidUrl::Text);
        }
        let (rest, default_port) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (rest, "443"),
            (None, Some(rest)) => (rest, "80"),
            (None, None) => return Err(InvalidUrl::Scheme),
        };
        let (authority, path) = match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
            Some(pair) => pair,
            None => (rest, ""),
        };
        let host = check_authority(authority, default_port)?;
        check_path(path)?;
        let host_start = text.len().saturating_sub(rest.len());
        let url = Self {
            text: text.to_owned(),
            host_start,
            host_end: host_start.saturating_add(host.len()),
            path_start: host_start.saturating_add(authority.len()),
        };
        if !url.is_https() && !url.is_loopback() {
            return Err(InvalidUrl::Scheme);
        }
        Ok(url)
    }
    /// The URL as text, exactly as parsed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The host without its port; IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text.get(self.host_start..self.host_end).unwrap_or_default()
    }
    /// Scheme, host and port: `https://sign.example:8443`.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.text.get(..self.path_start).unwrap_or_default()
    }
    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }
    /// Whether the host names this machine: `127.0.0.1`, `[::1]` or `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        matches!(self.host(), "127.0.0.1" | "[::1]" | "localhost")
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Checks host and port; answers with the host.
pub(crate) fn check_authority<'a>(authority: &'a str, default_port: &str) -> Result<&'a str, InvalidUrl> {
    let (host, port) = match authority.strip_prefix("[::1]") {
        Some("") => ("[::1]", None),
        Some(rest) => ("[::1]", Some(rest.strip_prefix(':').unwrap_or("none"))),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let label = |label: &str| {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(legal)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host != "[::1]" && (host.len() > 253 || !host.split('.').all(label)) {
        return Err(InvalidUrl::Host(authority.to_owned()));
    }
    // A host of digits and dots is an address only in the plain dotted form; `127.1` and `2130706433` are refused
    // because resolvers read them as addresses and people do not.
    let last_is_number = host.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    if last_is_number && host.parse::<std::net::Ipv4Addr>().is_err() {
        return Err(InvalidUrl::Host(authority.to_owned()));
    }
    if let Some(port) = port {
        let number = port.parse::<u16>().ok().filter(|number| *number != 0);
        if number.is_none_or(|number| number.to_string() != port) || port == default_port {
            return Err(InvalidUrl::Port(port.to_owned()));
        }
    }
    Ok(host)
}

fn check_path(path: &str) -> Result<(), InvalidUrl> {
    let refuse = || InvalidUrl::Path(path.to_owned());
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    // A single trailing slash is legal because some issuers have it in `iss`; it is part of the identity.
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    for segment in trimmed.split('/').skip(1) {
        if segment.is_empty() || segment == "." || segment == ".." || !segment.chars().all(legal) {
            return Err(refuse());
        }
    }
    if trimmed.ends_with('/') { Err(refuse()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        for good in [
            "https://token.actions.githubusercontent.com",
            "https://token.actions.githubusercontent.com/acme",
            "https://tenant.auth.example/",
            "https://gitlab.example:8443/x",
            "https://oidc.circleci.com/org/0c2d7ef4-0000-4000-8000-000000000000",
            "https://xn--bcher-kva.example",
            "http://127.0.0.1:8080",
            "http://[::1]:9",
            "http://localhost:1234/dev",
            "https://10.0.0.1",
        ] {
            assert_eq!(IssuerUrl::parse(good).unwrap().as_str(), good);
        }
        let long = format!("https://{}", "a".repeat(600));
        for bad in [
            "",
            "issuer.example",
            "ftp://issuer.example",
            "HTTPS://issuer.example",
            "https://",
            "https:///x",
            "http://issuer.example",
            "http://10.0.0.1",
            "http://127.0.0.1.evil.example",
            "https://Issuer.example",
            "https://user@issuer.example",
            "https://user:pw@issuer.example",
            "https://issuer.example:443",
            "https://issuer.example:0",
            "https://issuer.example:",
            "https://issuer.example:080",
            "https://issuer.example:99999",
            "https://issuer.example:+8",
            "https://issuer.example.",
            "https://issuer..example",
            "https://-a.example",
            "https://issuer.example//x",
            "https://issuer.example/a//",
            "https://issuer.example/../x",
            "https://issuer.example/./x",
            "https://issuer.example/%2e%2e/x",
            "https://issuer.example/x?y",
            "https://issuer.example/x#y",
            "https://issuer.example/x\\y",
            "https://issuer.example/\u{e9}",
            "https://b\u{fc}cher.example",
            " https://issuer.example",
            "https://issuer.example\n",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://[::ffff:127.0.0.1]",
            "http://[::1]x",
            "http://[::1]8080",
            long.as_str(),
        ] {
            assert!(IssuerUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
