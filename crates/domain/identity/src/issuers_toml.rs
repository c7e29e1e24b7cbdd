//! `issuers.toml`: the registered issuers, as people write them. Every problem is reported at once.
//!
//! ```toml
//! [issuer.github]
//! url = "https://token.actions.githubusercontent.com"
//! dialect = "github"                 # github, gitlab, buildkite, circleci or generic
//! algorithms = ["RS256"]
//!
//! [issuer.gitlab]
//! url = "https://gitlab.example"
//! dialect = "gitlab"
//! algorithms = ["RS256"]
//! audience = ["fixed"]               # default ["request"]
//! allow_private = true               # the server is inside our network
//! max_age = 600                      # seconds; default 600
//! max_life = 3600                    # seconds; default and greatest 3600
//! leeway = 30                        # seconds; default 30, greatest 60
//!
//! [issuer.cluster]
//! url = "https://kubernetes.example"
//! dialect = "generic"
//! algorithms = ["RS256"]
//! [issuer.cluster.claims]            # normalised name = claim name; members of members with `/`
//! source_repository_identifier = "kubernetes.io/namespace"
//! ```

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::caller::CallerKind;
use chancery_core::id::IssuerName;
use chancery_core::port::dialer::Reach;
use serde::Deserialize;

use crate::algorithm::JwsAlgorithm;
use crate::dialect::{Dialect, NORMALISED};
use crate::issuer::{AudienceMode, Bounds, Issuer, Issuers, TokenType};
use crate::jwk::KeySet;
use crate::url::IssuerUrl;

/// Most issuers in one file.
const MAX_ISSUERS: usize = 256;

/// Everything that is wrong with a file, one line each: `issuer.github: ...`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("issuers.toml: {}", problems.join("; "))]
pub struct InvalidIssuers {
    /// The problems, in the order of the names.
    pub problems: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    url: String,
    dialect: Dialect,
    algorithms: Vec<String>,
    #[serde(default = "workload")]
    kind: CallerKind,
    #[serde(default = "request_bound")]
    audience: Vec<Audience>,
    #[serde(default = "ten_minutes")]
    max_age: i64,
    #[serde(default = "one_hour")]
    max_life: i64,
    #[serde(default = "half_a_minute")]
    leeway: i64,
    #[serde(default)]
    token_type: Typ,
    #[serde(default)]
    allow_private: bool,
    base_url: Option<String>,
    #[serde(default)]
    key_hosts: Vec<String>,
    pinned_keys: Option<String>,
    #[serde(default)]
    claims: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Audience {
    Fixed,
    Request,
    Sigstore,
}

#[derive(Deserialize, Clone, Copy, Default)]
enum Typ {
    #[serde(rename = "at+jwt")]
    AccessToken,
    #[default]
    #[serde(rename = "jwt")]
    Jwt,
}

const fn workload() -> CallerKind {
    CallerKind::Workload
}
fn request_bound() -> Vec<Audience> {
    vec![Audience::Request]
}
const fn ten_minutes() -> i64 {
    600
}
const fn one_hour() -> i64 {
    3600
}
const fn half_a_minute() -> i64 {
    30
}

/// Loads the registered issuers; errors with every problem found.
pub fn load(text: &str) -> Result<Issuers, InvalidIssuers> {
    let mut problems = Vec::new();
    let mut by_url = BTreeMap::new();
    for (name, value) in entries(text)? {
        let registration = match value.try_into::<Registration>() {
            Ok(registration) => registration,
            Err(error) => {
                problems.push(format!("issuer.{name}: {}", error.message()));
                continue;
            }
        };
        match build(&name, registration) {
            Ok(issuer) => add(issuer, &mut by_url, &mut problems),
            Err(found) => problems.extend(found.into_iter().map(|line| format!("issuer.{name}: {line}"))),
        }
    }
    if problems.is_empty() { Ok(Issuers { by_url }) } else { Err(InvalidIssuers { problems }) }
}

fn entries(text: &str) -> Result<toml::Table, InvalidIssuers> {
    let refuse = |problem: String| InvalidIssuers { problems: vec![problem] };
    let mut file: toml::Table = text.parse().map_err(|e: toml::de::Error| refuse(e.message().to_owned()))?;
    let issuers = match file.remove("issuer") {
        Some(toml::Value::Table(table)) => table,
        Some(_) => return Err(refuse("`issuer` is not a table; write `[issuer.<name>]`".to_owned())),
        None => toml::Table::new(),
    };
    if let Some(name) = file.keys().next() {
        return Err(refuse(format!("unknown field `{name}`, expected `[issuer.<name>]`")));
    }
    if issuers.len() > MAX_ISSUERS {
        return Err(refuse(format!("{} issuers; expected at most {MAX_ISSUERS}", issuers.len())));
    }
    Ok(issuers)
}

/// Two registrations that differ only by a trailing slash would be one issuer to a person and two to a program.
fn add(issuer: Issuer, by_url: &mut BTreeMap<String, Issuer>, problems: &mut Vec<String>) {
    let same = |other: &&Issuer| {
        other.url.as_str().trim_end_matches('/') == issuer.url.as_str().trim_end_matches('/')
    };
    if let Some(other) = by_url.values().find(same) {
        problems.push(format!("issuer.{}: has the same url as issuer.{}", issuer.name, other.name));
        return;
    }
    by_url.insert(issuer.url.as_str().to_owned(), issuer);
}

fn build(name: &str, registration: Registration) -> Result<Issuer, Vec<String>> {
    let mut problems = Vec::new();
    let issuer_name = IssuerName::parse(name).map_err(|e| problems.push(e.to_string())).ok();
    let url = IssuerUrl::parse(&registration.url).map_err(|e| problems.push(format!("url: {e}"))).ok();
    let base_url = match &registration.base_url {
        Some(text) => IssuerUrl::parse(text).map_err(|e| problems.push(format!("base_url: {e}"))).ok(),
        None => url.as_ref().and_then(|url| registration.dialect.base_url(url)),
    };
    let algorithms = algorithms(&registration.algorithms, &mut problems);
    let bounds = bounds(&registration, &mut problems);
    let audiences = audiences(&registration.audience, &mut problems);
    check_key_hosts(&registration.key_hosts, &mut problems);
    check_claims(&registration, &mut problems);
    let (Some(name), Some(url)) = (issuer_name, url) else { return Err(problems) };
    let Some(base_url) = base_url.filter(|base| !base.as_str().ends_with('/')) else {
        problems.push("base_url: expected a url without a trailing slash".to_owned());
        return Err(problems);
    };
    let issuer = Issuer {
        reach: reach(&url, &registration),
        name,
        url,
        dialect: registration.dialect,
        algorithms,
        kind: registration.kind,
        audiences,
        bounds,
        token_type: token_type(registration.token_type),
        base_url,
        key_hosts: registration.key_hosts,
        pinned_keys: registration.pinned_keys,
        mapping: registration.claims,
    };
    if let Some(keys) = issuer.pinned_keys()
        && let Err(error) = KeySet::parse(&issuer, keys)
    {
        problems.push(format!("pinned_keys: {error}"));
    }
    if problems.is_empty() { Ok(issuer) } else { Err(problems) }
}

fn reach(url: &IssuerUrl, registration: &Registration) -> Reach {
    match (url.is_loopback(), registration.allow_private) {
        (true, _) => Reach::Loopback,
        (false, true) => Reach::Private,
        (false, false) => Reach::Public,
    }
}

const fn token_type(typ: Typ) -> TokenType {
    match typ {
        Typ::AccessToken => TokenType::AccessToken,
        Typ::Jwt => TokenType::Jwt,
    }
}

fn algorithms(names: &[String], problems: &mut Vec<String>) -> Vec<JwsAlgorithm> {
    let mut found = BTreeSet::new();
    for name in names {
        match JwsAlgorithm::from_name(name) {
            Some(algorithm) => {
                found.insert(algorithm);
            }
            None => problems.push(format!(
                "algorithms: `{name}` is not one of {}",
                JwsAlgorithm::ALL.map(JwsAlgorithm::name).join(", ")
            )),
        }
    }
    if names.is_empty() {
        problems.push("algorithms: expected at least one".to_owned());
    }
    found.into_iter().collect()
}

fn bounds(registration: &Registration, problems: &mut Vec<String>) -> Bounds {
    let Registration { max_age, max_life, leeway, .. } = *registration;
    let mut check = |what: &str, value: i64, least: i64, greatest: i64| {
        if !(least..=greatest).contains(&value) {
            problems.push(format!("{what}: {value} is not {least} to {greatest} seconds"));
        }
    };
    check("max_life", max_life, 1, 3600);
    check("max_age", max_age, 1, 3600);
    check("leeway", leeway, 0, 60);
    Bounds { max_age, max_life, leeway }
}

fn audiences(modes: &[Audience], problems: &mut Vec<String>) -> Vec<AudienceMode> {
    if modes.is_empty() {
        problems.push("audience: expected `request`, `fixed` or both".to_owned());
    }
    let found: BTreeSet<AudienceMode> = modes
        .iter()
        .map(|mode| match mode {
            Audience::Fixed => AudienceMode::Fixed,
            Audience::Request => AudienceMode::Request,
            Audience::Sigstore => AudienceMode::Sigstore,
        })
        .collect();
    found.into_iter().collect()
}

fn check_key_hosts(hosts: &[String], problems: &mut Vec<String>) {
    for host in hosts {
        let url = IssuerUrl::parse(&format!("https://{host}"));
        if url.is_ok_and(|url| url.host() == host) {
            continue;
        }
        problems.push(format!("key_hosts: `{host}` is not a lower-case host name without a port"));
    }
}

fn check_claims(registration: &Registration, problems: &mut Vec<String>) {
    if registration.dialect != Dialect::Generic && !registration.claims.is_empty() {
        problems.push("claims: only the generic dialect has a mapping".to_owned());
    }
    for name in registration.claims.keys().filter(|name| !NORMALISED.contains(&name.as_str())) {
        problems.push(format!("claims: `{name}` is not one of {}", NORMALISED.join(", ")));
    }
}
