//! A registered issuer: who may vouch for callers, and within which bounds.

use std::collections::BTreeMap;

use chancery_core::caller::CallerKind;
use chancery_core::id::IssuerName;
use chancery_core::port::dialer::Reach;

use crate::algorithm::JwsAlgorithm;
use crate::dialect::Dialect;
use crate::url::IssuerUrl;

/// How the issuer's claims may bind a token to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AudienceMode {
    /// `chancery:<host>`; for issuers whose jobs cannot choose an audience at run time (GitLab).
    Fixed,
    /// `chancery:<host>:sha256:<request id>`.
    Request,
    /// `sigstore`, for certificates to Sigstore clients only. Not bound to this service: any other that takes it may show
    /// it here.
    Sigstore,
}

/// Which `typ` the token's header must carry, so that one kind of token never passes as another (RFC 8725 §3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// Exactly `at+jwt` (RFC 9068).
    AccessToken,
    /// `JWT`, or absent.
    Jwt,
}

/// Bounds on a token's times, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Oldest acceptable `iat`; 600 by default, at most `max_life`.
    pub max_age: i64,
    /// Longest acceptable `exp` - `iat`; at most 3600.
    pub max_life: i64,
    /// How far our clock and the issuer's may differ; at most 60.
    pub leeway: i64,
}

/// A registered issuer. Built only by [`crate::issuers_toml::load`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    pub(crate) name: IssuerName,
    pub(crate) url: IssuerUrl,
    pub(crate) dialect: Dialect,
    pub(crate) algorithms: Vec<JwsAlgorithm>,
    pub(crate) kind: CallerKind,
    pub(crate) audiences: Vec<AudienceMode>,
    pub(crate) bounds: Bounds,
    pub(crate) token_type: TokenType,
    pub(crate) reach: Reach,
    pub(crate) base_url: IssuerUrl,
    pub(crate) key_hosts: Vec<String>,
    pub(crate) pinned_keys: Option<String>,
    pub(crate) mapping: BTreeMap<String, String>,
}

impl Issuer {
    /// Its name in `issuers.toml`.
    #[must_use]
    pub const fn name(&self) -> &IssuerName {
        &self.name
    }
    /// The exact `iss` value.
    #[must_use]
    pub const fn url(&self) -> &IssuerUrl {
        &self.url
    }
    /// Whose claims it speaks.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }
    /// Whether it vouches for workloads or for people.
    #[must_use]
    pub const fn kind(&self) -> CallerKind {
        self.kind
    }
    /// The algorithms that its tokens may use.
    #[must_use]
    pub fn algorithms(&self) -> &[JwsAlgorithm] {
        &self.algorithms
    }
    /// The audience modes that its tokens may use.
    #[must_use]
    pub fn audiences(&self) -> &[AudienceMode] {
        &self.audiences
    }
    /// Bounds on its tokens' times.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }
    /// Which `typ` its tokens must carry.
    #[must_use]
    pub const fn token_type(&self) -> TokenType {
        self.token_type
    }
    /// Which addresses may be contacted for it.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }
    /// Where the names in its claims live: `https://github.com`.
    #[must_use]
    pub const fn base_url(&self) -> &IssuerUrl {
        &self.base_url
    }
    /// Hosts other than its own from which its keys may come.
    #[must_use]
    pub fn key_hosts(&self) -> &[String] {
        &self.key_hosts
    }
    /// Its JWK set, where it is fixed by configuration; then nothing is ever fetched.
    #[must_use]
    pub fn pinned_keys(&self) -> Option<&str> {
        self.pinned_keys.as_deref()
    }
    /// Normalised name → claim name, for [`Dialect::Generic`].
    #[must_use]
    pub const fn mapping(&self) -> &BTreeMap<String, String> {
        &self.mapping
    }
}

/// Every registered issuer. No two share a name or an `iss`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issuers {
    pub(crate) by_url: BTreeMap<String, Issuer>,
}

impl Issuers {
    /// Finds an issuer by the exact text of `iss`.
    #[must_use]
    pub fn find(&self, iss: &str) -> Option<&Issuer> {
        self.by_url.get(iss)
    }
    /// Finds an issuer by its name.
    #[must_use]
    pub fn named(&self, name: &IssuerName) -> Option<&Issuer> {
        self.iter().find(|issuer| issuer.name() == name)
    }
    /// All of them, in the order of their URLs.
    pub fn iter(&self) -> impl Iterator<Item = &Issuer> {
        self.by_url.values()
    }
}
