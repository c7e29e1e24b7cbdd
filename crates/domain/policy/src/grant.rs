//! Grants: who may use a profile, as matchers on verified claims.

use std::fmt;

use chancery_core::caller::Caller;
use chancery_core::id::IssuerName;
use chancery_core::time::Time;

use crate::attribute::Attribute;
use crate::pattern::Pattern;

/// A grant's name, unique within its profile: 1 to 64 of `a-z 0-9 - _ .`, starting with a letter or digit.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantName(String);

impl GrantName {
    /// Parses the name; `None` when it is not well formed.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let well_formed = (1..=64).contains(&value.len())
            && value.chars().all(legal)
            && value.starts_with(|c: char| c.is_ascii_alphanumeric());
        well_formed.then(|| Self(value.to_owned()))
    }
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GrantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for GrantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantName({})", self.0)
    }
}

/// One comparison: a claim and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// The claim.
    pub attribute: Attribute,
    /// What it must match, wholly.
    pub pattern: Pattern,
}

/// The exact matcher on an immutable id that every grant has, and by which grants are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// An immutable id.
    pub attribute: Attribute,
    /// Its exact value.
    pub value: String,
}

/// A grant as read and linted. It holds when the issuer and every matcher do, before it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub(crate) name: GrantName,
    pub(crate) issuer: IssuerName,
    pub(crate) purpose: Option<String>,
    pub(crate) expires: Option<Time>,
    pub(crate) anchor: Anchor,
    pub(crate) matchers: Vec<Matcher>,
}

impl Grant {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &GrantName {
        &self.name
    }
    /// The registered issuer that must vouch for the caller.
    #[must_use]
    pub const fn issuer(&self) -> &IssuerName {
        &self.issuer
    }
    /// Why it exists, in its owner's words.
    #[must_use]
    pub fn purpose(&self) -> Option<&str> {
        self.purpose.as_deref()
    }
    /// The first moment at which it no longer holds.
    #[must_use]
    pub const fn expires(&self) -> Option<Time> {
        self.expires
    }
    /// The immutable id that it is pinned to; it is among the matchers too.
    #[must_use]
    pub const fn anchor(&self) -> &Anchor {
        &self.anchor
    }
    /// Every matcher, sorted by attribute.
    #[must_use]
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }
    /// Whether it is meant for this caller: same issuer, same immutable id. The other matchers may still fail.
    #[must_use]
    pub fn names(&self, caller: &Caller) -> bool {
        self.issuer == caller.issuer_name
            && self.anchor.attribute.read(&caller.claims) == Some(self.anchor.value.as_str())
    }
}
