//! Identifiers as newtypes, so that no signature in the workspace takes a bare `String`.

use std::fmt;

/// A name or identifier that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a {kind}: expected {expected}")]
pub struct InvalidId {
    /// What was being parsed, in DESIGN's vocabulary.
    pub kind: &'static str,
    /// The text as found.
    pub value: String,
    /// What would have been accepted.
    pub expected: &'static str,
}

/// Names that people give to things: 1 to 64 of `a-z 0-9 - _ .`, starting with a letter or digit.
///
/// INVARIANT: never holds a path separator, so that a name may be part of a file name.
fn is_name(value: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&value.len())
        && value.chars().all(legal)
        && value.starts_with(|c: char| c.is_ascii_alphanumeric())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses the name; errors when it is not 1 to 64 of `a-z 0-9 - _ .`.
            pub fn parse(value: &str) -> Result<Self, InvalidId> {
                if is_name(value) {
                    return Ok(Self(value.to_owned()));
                }
                let expected = "1 to 64 of a-z 0-9 - _ . starting with a letter or digit";
                Err(InvalidId { kind: $kind, value: value.chars().take(80).collect(), expected })
            }
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(value: String) -> Result<Self, InvalidId> {
                Self::parse(&value)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

name_type!(/** A key's name, unique in the installation: `acme-release-2026`. */ KeyId, "key name");
name_type!(/** A profile's name: `acme-release`. */ ProfileName, "profile name");
name_type!(/** An issuer's name in `issuers.toml`: `github`. */ IssuerName, "issuer name");
name_type!(/** A person in `root.toml` and `roster.toml`: `alice`. */ PersonId, "person");

macro_rules! digest_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(crate::digest::Sha256);

        impl $name {
            /// Takes the digest that identifies the thing.
            #[must_use]
            pub const fn new(digest: crate::digest::Sha256) -> Self {
                Self(digest)
            }
            /// The digest.
            #[must_use]
            pub const fn digest(&self) -> crate::digest::Sha256 {
                self.0
            }
            /// Parses 64 lower-case hexadecimal digits.
            pub fn parse(value: &str) -> Result<Self, InvalidId> {
                crate::digest::Sha256::parse_hex(value).map(Self).map_err(|_| InvalidId {
                    kind: $kind,
                    value: value.chars().take(80).collect(),
                    expected: "64 lower-case hexadecimal digits",
                })
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

digest_id!(/** Identifies a request: the hash of the profile and its sorted statements. */ RequestId, "request id");
digest_id!(/** Identifies a statement: the hash of its canonical form. */ StatementId, "statement id");
digest_id!(/** Identifies a policy version: the hash of the canonical governance documents. */ PolicyVersion, "policy version");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_paths_and_noise() {
        for good in ["a", "acme-release", "k1.p-256_x"] {
            assert_eq!(KeyId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".x", "../x", "a/b", "A", "ä", "-a", &"a".repeat(65)] {
            assert!(KeyId::parse(bad).is_err(), "{bad}");
        }
    }
}
