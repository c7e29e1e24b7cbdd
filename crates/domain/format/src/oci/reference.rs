//! References to what a registry holds: `registry.example:5000/acme/app:v1`, `…/app@sha256:229c…`.
//!
//! The grammar is that of the distribution project's `reference` package, with one demand more: the registry must be
//! named. `acme/app` is a file or a repository of whatever registry somebody had in mind, so it is refused.

use std::fmt;

use chancery_core::digest::Sha256;

/// Longest `registry/path` in bytes.
pub const MAX_REPOSITORY: usize = 255;
/// Longest tag in bytes.
pub const MAX_TAG: usize = 128;

/// Text that is no reference, or not one that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// After `@` stands something else than `sha256:` and 64 lower-case hexadecimal digits.
    #[error("the digest is not `sha256:` and 64 lower-case hexadecimal digits")]
    Digest,
    /// Neither tag nor digest.
    #[error("neither a tag nor a digest is named")]
    Nothing,
    /// The path is not of lower-case components, or too long.
    #[error("the repository is not a path of lower-case letters, digits, `.`, `_` and `-`")]
    Path,
    /// The first component names no host: no dot, no port, not `localhost`.
    #[error("no registry is named: the first component has no dot and no port")]
    Registry,
    /// The tag has other characters, or is too long.
    #[error("the tag is not of 1 to 128 letters, digits, `.`, `_` and `-`")]
    Tag,
}

/// A repository in a registry: `registry.example:5000/acme/app`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    registry: String,
    path: String,
}

impl Repository {
    /// Parses `registry/path`.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        let (registry, path) = text.split_once('/').ok_or(InvalidReference::Registry)?;
        check_registry(registry)?;
        if text.len() > MAX_REPOSITORY || !path.split('/').all(is_component) {
            return Err(InvalidReference::Path);
        }
        Ok(Self { registry: registry.to_owned(), path: path.to_owned() })
    }
    /// Host, and port where there is one.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }
    /// The path without the registry.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

/// What of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// Exactly this manifest.
    Digest(Sha256),
    /// Whatever the tag names at the moment.
    Tag(String),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => write!(f, "sha256:{digest}"),
            Self::Tag(tag) => f.write_str(tag),
        }
    }
}

/// A reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// What of it.
    pub at: At,
}

impl Reference {
    /// Parses a reference, with or without `oci://` before it. Where both tag and digest stand there the digest counts,
    /// as with every client.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        let text = text.strip_prefix("oci://").unwrap_or(text);
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(parse_digest(digest)?)),
            None => (text, None),
        };
        let slash = name.rfind('/').ok_or(InvalidReference::Registry)?;
        let (head, last) = name.split_at(slash);
        let (repository, tag) = match last.split_once(':') {
            Some((last, tag)) if is_tag(tag) => (format!("{head}{last}"), Some(tag)),
            Some(_) => return Err(InvalidReference::Tag),
            None => (name.to_owned(), None),
        };
        let at = match (digest, tag) {
            (Some(digest), _) => At::Digest(digest),
            (None, Some(tag)) => At::Tag(tag.to_owned()),
            (None, None) => return Err(InvalidReference::Nothing),
        };
        Ok(Self { repository: Repository::parse(&repository)?, at })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Digest(_) => write!(f, "{}@{}", self.repository, self.at),
            At::Tag(_) => write!(f, "{}:{}", self.repository, self.at),
        }
    }
}

/// Parses `sha256:229c…`.
pub fn parse_digest(text: &str) -> Result<Sha256, InvalidReference> {
    let hex = text.strip_prefix("sha256:").ok_or(InvalidReference::Digest)?;
    Sha256::parse_hex(hex).map_err(|_| InvalidReference::Digest)
}

/// The tag that stands in for the referrers of a subject where the registry does not list them (distribution
/// specification, "Referrers Tag Schema").
#[must_use]
pub fn fallback_tag(subject: Sha256) -> String {
    format!("sha256-{subject}")
}

/// The tag of a subject's simple signing payloads.
#[must_use]
pub fn simple_tag(subject: Sha256) -> String {
    format!("sha256-{subject}.sig")
}

/// A host name or IPv4 address with a dot, or `localhost`, or any with a port.
fn check_registry(text: &str) -> Result<(), InvalidReference> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let port_fits = port
        .is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port));
    let names_a_host = port.is_some() || host.contains('.') || host == "localhost";
    if names_a_host && port_fits && host.split('.').all(label) {
        return Ok(());
    }
    Err(InvalidReference::Registry)
}

/// `[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().last()) else { return false };
    let separators = text.split(|c: char| alphanumeric(u8::try_from(c).unwrap_or_default()));
    alphanumeric(first)
        && alphanumeric(last)
        && separators
            .into_iter()
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !text.is_empty()
        && text.len() <= MAX_TAG
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_one_reading() {
        let digest = Sha256::of(b"x");
        let by_digest = format!("localhost:5000/app@sha256:{digest}");
        for text in [
            "registry.example/acme/app:v1",
            "localhost/app:latest",
            "127.0.0.1:5000/a/b__c/d-e:1",
            &by_digest,
        ] {
            let parsed = Reference::parse(text).unwrap();
            assert_eq!(parsed.to_string(), text);
            assert_eq!(Reference::parse(&format!("oci://{text}")), Ok(parsed));
        }
        let both = Reference::parse(&format!("r.example/app:v1@sha256:{digest}")).unwrap();
        assert_eq!(both.at, At::Digest(digest));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        use InvalidReference as No;
        let long = format!("r.example/{}:v1", "a".repeat(250));
        let short_digest = format!("r.example/app@sha256:{}", "a".repeat(63));
        let upper_digest = format!("r.example/app@sha256:{}", "A".repeat(64));
        let cases: &[(&str, No)] = &[
            ("", No::Registry),
            ("app", No::Registry),
            ("app:v1", No::Registry),
            ("acme/app:v1", No::Registry),
            ("./app:v1", No::Registry),
            ("../r.example/app:v1", No::Registry),
            ("dist/app.exe", No::Nothing),
            ("r.example/app", No::Nothing),
            ("r.example/App:v1", No::Path),
            ("r.example/a//b:v1", No::Path),
            ("r.example/a/../b:v1", No::Path),
            ("r.example/a_-b:v1", No::Path),
            ("r.example/a%2fb:v1", No::Path),
            ("r.example/app:", No::Tag),
            ("r.example/app:-x", No::Tag),
            ("r.example/app:a:b", No::Tag),
            ("r.example:0/app:v1", No::Registry),
            ("r.example:99999/app:v1", No::Registry),
            ("r.example:05/app:v1", No::Registry),
            ("user@r.example/app:v1", No::Digest),
            ("r..example/app:v1", No::Registry),
            ("https://r.example/app:v1", No::Registry),
            (&long, No::Path),
            (&short_digest, No::Digest),
            (&upper_digest, No::Digest),
            ("r.example/app@sha512:aa", No::Digest),
        ];
        for (text, expected) in cases {
            assert_eq!(Reference::parse(text), Err(expected.clone()), "{text}");
        }
    }
}
