//! Which registries may be reached, and how: the service reaches those that its configuration names, a person's client
//! reaches what that person names.

use chancery_core::port::dialer::Reach;
use chancery_core::port::registry::RegistryError;
use chancery_format::oci::reference::Repository;
use reqwest::Certificate;

/// A registry that may be reached.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Host, and port where it has one: `registry.example:5000`.
    pub host: String,
    /// Repositories, each a path or a beginning of paths that ends in `*`; all of them when empty.
    pub repositories: Vec<String>,
    /// Whether plain HTTP is spoken to it although it is not on this machine.
    pub plain_http: bool,
    /// Certificates that its own must lead to, instead of the machine's roots.
    pub roots: Option<Vec<Certificate>>,
}

/// The certificates of a PEM file; nothing where it holds none.
#[must_use]
pub fn roots(pem: &[u8]) -> Option<Vec<Certificate>> {
    Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty())
}

/// What may be reached.
#[derive(Debug, Clone)]
pub enum Allowed {
    /// Whatever is named: the client of a person.
    Anything,
    /// Registries on this machine: a development service.
    Loopback,
    /// These.
    Rules(Vec<Rule>),
}

/// How a registry is spoken to.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// `https://registry.example:5000`.
    pub(super) base: String,
    /// Which addresses count.
    pub(super) reach: Reach,
    /// Roots of its own.
    pub(super) roots: Option<Vec<Certificate>>,
}

impl Allowed {
    /// The way to a repository, if there is one.
    pub(super) fn way(&self, repository: &Repository) -> Result<Way, RegistryError> {
        let host = repository.registry();
        let refuse = || RegistryError::NotAllowed(repository.to_string());
        match self {
            Self::Anything => Ok(way(host, Scheme::Usual, None)),
            Self::Loopback if is_loopback(host) => Ok(way(host, Scheme::Usual, None)),
            Self::Loopback => Err(refuse()),
            Self::Rules(rules) => {
                let rule = rules.iter().find(|rule| rule.host == host && rule.covers(repository.path()));
                let rule = rule.ok_or_else(refuse)?;
                let scheme = if rule.plain_http { Scheme::Plain } else { Scheme::Usual };
                Ok(way(host, scheme, rule.roots.clone()))
            }
        }
    }
}

impl Rule {
    fn covers(&self, path: &str) -> bool {
        let covers = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == pattern,
        };
        self.repositories.is_empty() || self.repositories.iter().any(covers)
    }
}

/// What is spoken to a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// HTTP wherever it is.
    Plain,
    /// HTTPS, and HTTP to this machine where no certificates are named.
    Usual,
}

fn way(host: &str, scheme: Scheme, roots: Option<Vec<Certificate>>) -> Way {
    let here = is_loopback(host);
    // The one registry whose name is not its address.
    let address = if host == "docker.io" { "registry-1.docker.io" } else { host };
    let is_plain = scheme == Scheme::Plain || (here && roots.is_none());
    let scheme = if is_plain { "http" } else { "https" };
    let reach = if here { Reach::Loopback } else { Reach::Private };
    Way { base: format!("{scheme}://{address}"), reach, roots }
}

/// Whether a host with an optional port is this machine by its name.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or(host);
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(text: &str) -> Repository {
        Repository::parse(text).unwrap()
    }

    #[test]
    fn the_service_reaches_what_its_configuration_names_and_nothing_else() {
        let rule = |host: &str, repositories: &[&str], plain_http| Rule {
            host: host.into(),
            repositories: repositories.iter().map(|text| (*text).to_owned()).collect(),
            plain_http,
            roots: None,
        };
        let rules = Allowed::Rules(vec![
            rule("r.example", &["acme/*", "tools"], false),
            rule("plain.example:5000", &[], true),
            rule("127.0.0.1:5000", &[], false),
        ]);
        let cases = [
            ("r.example/acme/app", Some("https://r.example")),
            ("r.example/acme/a/b", Some("https://r.example")),
            ("r.example/tools", Some("https://r.example")),
            ("r.example/tools/x", None),
            ("r.example/acmex", None),
            ("r.example:443/acme/app", None),
            ("plain.example:5000/x", Some("http://plain.example:5000")),
            ("plain.example/x", None),
            ("127.0.0.1:5000/x", Some("http://127.0.0.1:5000")),
            ("127.0.0.1:5001/x", None),
            ("169.254.169.254/latest", None),
        ];
        for (text, expected) in cases {
            let found = rules.way(&repository(text)).ok().map(|way| way.base);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_development_service_reaches_this_machine_alone() {
        for (text, expected) in [
            ("localhost:5000/x", true),
            ("127.9.9.9:1/x", true),
            ("r.example/x", false),
            ("10.0.0.1/x", false),
        ] {
            assert_eq!(Allowed::Loopback.way(&repository(text)).is_ok(), expected, "{text}");
        }
        let plain = Allowed::Anything.way(&repository("r.example/x")).unwrap();
        assert_eq!((plain.base.as_str(), plain.reach), ("https://r.example", Reach::Private));
        assert_eq!(
            Allowed::Anything.way(&repository("docker.io/library/x")).unwrap().base,
            "https://registry-1.docker.io"
        );
    }
}
