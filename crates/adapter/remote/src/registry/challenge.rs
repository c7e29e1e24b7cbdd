//! What a registry demands of a caller that it does not know (RFC 9110 §11.6.1; distribution project, "token").
//!
//! ```text
//! WWW-Authenticate: Bearer realm="https://auth.registry.example/token",service="registry.example",scope="…"
//! WWW-Authenticate: Basic realm="registry"
//! ```

/// What is demanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password with the request itself.
    Basic,
    /// A token from elsewhere.
    Bearer {
        /// Where.
        realm: String,
        /// For whom.
        service: Option<String>,
    },
}

/// Reads the header; what is not understood is nothing.
pub(super) fn parse(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") || header.len() > 4096 {
        return None;
    }
    let (mut realm, mut service) = (None, None);
    for (name, value) in parameters(rest) {
        let slot = match name.to_ascii_lowercase().as_str() {
            "realm" => &mut realm,
            "service" => &mut service,
            _ => continue,
        };
        // Twice the same would be two readings.
        if slot.replace(value).is_some() {
            return None;
        }
    }
    Some(Challenge::Bearer { realm: realm?, service })
}

/// `name="value"` or `name=value`, separated by commas that are not within quotes.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut quoted = false;
    let separated = text.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    for part in separated {
        if let Some((name, value)) = part.split_once('=') {
            found.push((name.trim().to_owned(), value.trim().trim_matches('"').to_owned()));
        }
    }
    found
}

/// Whether credentials for a registry may go to the realm that it names: over TLS, or on this machine, to a host under
/// the same registered name.
///
/// ATTACK: a registry that is not trusted with a password of another could name that other's enemy as its realm. What
/// is sent is only ever this registry's own password, and it stays within its own domain.
pub(super) fn is_realm_of(realm: &reqwest::Url, registry: &str) -> bool {
    let host = realm.host_str().unwrap_or_default();
    let name = registry.split(':').next().unwrap_or(registry);
    let domain = |host: &str| {
        let labels: Vec<&str> = host.rsplit('.').take(2).collect();
        labels.join(".")
    };
    let is_address = |host: &str| host.parse::<std::net::IpAddr>().is_ok();
    let is_near = host == name || (!is_address(host) && !is_address(name) && domain(host) == domain(name));
    match realm.scheme() {
        "https" => is_near,
        "http" => host == name && super::reach::is_loopback(registry),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let header = "Bearer realm=\"https://auth.r.example/token\",service=\"r.example\",scope=\"repository:a/b:pull,push\"";
        let expected = Challenge::Bearer {
            realm: "https://auth.r.example/token".into(),
            service: Some("r.example".into()),
        };
        assert_eq!(parse(header), Some(expected));
        assert_eq!(parse("Basic realm=\"x\""), Some(Challenge::Basic));
        for nothing in ["", "Negotiate", "Bearer", "Bearer realm=\"a\",realm=\"b\"", "Bearer service=\"x\""] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn credentials_stay_within_the_domain() {
        for (realm, registry, expected) in [
            ("https://auth.docker.io/token", "docker.io", true),
            ("https://r.example/token", "r.example:5000", true),
            ("https://gitlab.example.com/jwt/auth", "registry.example.com", true),
            ("https://evil.example/token", "r.acme.test", false),
            ("http://r.example/token", "r.example", false),
            ("http://localhost:5001/token", "localhost:5000", true),
            ("http://127.0.0.1:5001/token", "localhost:5000", false),
            ("https://10.0.0.2/token", "10.0.0.1", false),
            ("file:///etc/passwd", "localhost", false),
        ] {
            let realm = reqwest::Url::parse(realm).unwrap();
            assert_eq!(is_realm_of(&realm, registry), expected, "{realm} {registry}");
        }
    }
}
