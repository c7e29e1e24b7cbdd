//! JWK sets (RFC 7517): an issuer's public keys, strictly read.
//!
//! ```json
//! {"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"k1","x":"04N0xi21…","y":"UI8exy-C…"}]}
//! ```
//!
//! A set that publishes a secret, or two keys under one name, is refused as a whole: its issuer is broken. A key that
//! cannot serve (for encryption, too short, of an algorithm that the issuer is not registered with, contradicting
//! itself) is left out and counted, because real issuers mix such keys with good ones.

use std::fmt;

use chancery_core::id::IssuerName;

use crate::algorithm::{JwsAlgorithm, KeyShape};
use crate::issuer::Issuer;
use crate::json::{self, Json, Object};
use crate::key_material::{self, Material};
use crate::signature::{self, WrongSignature};

/// Longest JWK set in bytes.
pub const MAX_SET: usize = 128 * 1024;
/// Most keys in a set.
pub const MAX_KEYS: usize = 64;
/// Longest key id in bytes.
pub(crate) const MAX_KEY_ID: usize = 256;

/// A JWK set that cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// More than [`MAX_KEYS`] keys.
    #[error("{0} keys; expected at most 64")]
    Count(usize),
    /// Two different keys under one key id.
    #[error("two different keys have the id `{0}`")]
    Duplicate(String),
    /// No key that the issuer's registration could use.
    #[error("no usable key; {0}")]
    Empty(String),
    /// Not a JWK set, or a member that is not what RFC 7517 says.
    #[error("not a jwk set")]
    Malformed,
    /// A symmetric or private key among public ones.
    #[error("publishes a secret key")]
    Secret,
    /// Longer than [`MAX_SET`] bytes.
    #[error("{0} bytes; expected at most 131072")]
    Size(usize),
}

/// Why one key of a set was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// The issuer is not registered with its algorithm, or `alg`, `kty` and `crv` contradict one another.
    #[error("algorithm not registered, or contradicts the key")]
    Algorithm,
    /// `use` or `key_ops` is not for verifying signatures.
    #[error("not for signatures")]
    Purpose,
    /// RSA under 2048 or over 8192 bits, an exponent under 65537 or over 64 bits, a modulus with a small factor or of
    /// ROCA's form, a point that is not on its curve or of small order, a coordinate of the wrong length.
    #[error("weak or invalid key")]
    Weak,
}

/// One usable verification key under one algorithm.
#[derive(Clone)]
pub(crate) struct VerifyKey {
    id: Option<String>,
    algorithm: JwsAlgorithm,
    material: Material,
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyKey({:?} {})", self.id, self.algorithm)
    }
}

impl VerifyKey {
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), WrongSignature> {
        signature::check_form(self.algorithm, self.material.modulus, signature)?;
        self.material.key.verify_sig(message, signature).map_err(|_| WrongSignature::Wrong)
    }
}

/// The usable keys of one issuer. INVARIANT: belongs to the issuer that it was parsed for, and
/// [`crate::authenticate::authenticate`] demands that the token is that issuer's.
#[derive(Debug, Clone)]
pub struct KeySet {
    issuer: IssuerName,
    keys: Vec<VerifyKey>,
    ignored: Vec<Ignored>,
}

/// No key, or more than one, that could have made a token's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    Ambiguous,
    OtherAlgorithm,
    Unknown,
}

impl KeySet {
    /// Parses the set as published by `issuer`; errors when the set as a whole cannot be trusted.
    pub fn parse(issuer: &Issuer, text: &str) -> Result<Self, InvalidKeys> {
        if text.len() > MAX_SET {
            return Err(InvalidKeys::Size(text.len()));
        }
        let set = json::object(text.as_bytes()).map_err(|_| InvalidKeys::Malformed)?;
        let Some(Json::Array(entries)) = set.get("keys") else { return Err(InvalidKeys::Malformed) };
        if entries.len() > MAX_KEYS {
            return Err(InvalidKeys::Count(entries.len()));
        }
        let mut keys = Vec::new();
        let mut ignored = Vec::new();
        let mut seen: Vec<(&str, Vec<&Json>)> = Vec::new();
        for entry in entries {
            let Json::Object(jwk) = entry else { return Err(InvalidKeys::Malformed) };
            refuse_secret(jwk)?;
            let id = key_id(jwk)?;
            refuse_duplicate(id, jwk, &mut seen)?;
            match usable(issuer, id, jwk) {
                Ok(found) => keys.extend(found),
                Err(reason) => ignored.push(reason),
            }
        }
        if keys.is_empty() {
            let reasons: Vec<String> = ignored.iter().map(ToString::to_string).collect();
            return Err(InvalidKeys::Empty(reasons.join(", ")));
        }
        Ok(Self { issuer: issuer.name().clone(), keys, ignored })
    }
    /// Whose keys they are.
    #[must_use]
    pub const fn issuer(&self) -> &IssuerName {
        &self.issuer
    }
    /// The keys that were left out, and why; worth a log line.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }
    /// Whether a key of this id is here; an absent id is answered by a set of one key.
    #[must_use]
    pub fn has(&self, key_id: Option<&str>) -> bool {
        match key_id {
            Some(_) => self.keys.iter().any(|key| key.id.as_deref() == key_id),
            None => true,
        }
    }
    /// Finds the one key for a header. Trying every key is refused: it would make `kid` meaningless.
    pub(crate) fn select(&self, id: Option<&str>, algorithm: JwsAlgorithm) -> Result<&VerifyKey, NoKey> {
        let fits = |key: &&VerifyKey| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id);
        let mut found = self.keys.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
            (None, _) if id.is_some() && self.has(id) => Err(NoKey::OtherAlgorithm),
            (None, _) => Err(NoKey::Unknown),
        }
    }
}

fn refuse_secret(jwk: &Object) -> Result<(), InvalidKeys> {
    const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    let symmetric = jwk.get("kty").and_then(Json::as_str) == Some("oct");
    if symmetric || SECRET.iter().any(|member| jwk.contains_key(*member)) {
        return Err(InvalidKeys::Secret);
    }
    Ok(())
}

fn key_id(jwk: &Object) -> Result<Option<&str>, InvalidKeys> {
    match jwk.get("kid") {
        None => Ok(None),
        Some(Json::String(id)) if (1..=MAX_KEY_ID).contains(&id.len()) => Ok(Some(id)),
        Some(_) => Err(InvalidKeys::Malformed),
    }
}

/// The same key may be listed once per algorithm; another key under its name is a substitution (RFC 7517 §4.5).
fn refuse_duplicate<'a>(
    id: Option<&'a str>,
    jwk: &'a Object,
    seen: &mut Vec<(&'a str, Vec<&'a Json>)>,
) -> Result<(), InvalidKeys> {
    let Some(id) = id else { return Ok(()) };
    const MATERIAL: [&str; 6] = ["kty", "crv", "x", "y", "n", "e"];
    let material: Vec<&Json> =
        MATERIAL.iter().map(|member| jwk.get(*member).unwrap_or(&Json::Null)).collect();
    if seen.iter().any(|(other, theirs)| *other == id && *theirs != material) {
        return Err(InvalidKeys::Duplicate(id.chars().filter(|c| !c.is_control()).take(80).collect()));
    }
    seen.push((id, material));
    Ok(())
}

fn usable(issuer: &Issuer, id: Option<&str>, jwk: &Object) -> Result<Vec<VerifyKey>, Ignored> {
    check_purpose(jwk)?;
    let algorithms: Vec<JwsAlgorithm> = match jwk.get("alg") {
        None => issuer.algorithms().to_vec(),
        Some(Json::String(name)) => {
            let named = JwsAlgorithm::from_name(name).filter(|named| issuer.algorithms().contains(named));
            vec![named.ok_or(Ignored::Algorithm)?]
        }
        Some(_) => return Err(Ignored::Algorithm),
    };
    let mut keys = Vec::new();
    for algorithm in algorithms.into_iter().filter(|algorithm| fits(*algorithm, jwk)) {
        let material = key_material::parse(algorithm, jwk)?;
        keys.push(VerifyKey { id: id.map(str::to_owned), algorithm, material });
    }
    if keys.is_empty() { Err(Ignored::Algorithm) } else { Ok(keys) }
}

fn check_purpose(jwk: &Object) -> Result<(), Ignored> {
    if jwk.get("use").is_some_and(|purpose| purpose.as_str() != Some("sig")) {
        return Err(Ignored::Purpose);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Json::Array(operations)) if operations.iter().any(|o| o.as_str() == Some("verify")) => Ok(()),
        Some(_) => Err(Ignored::Purpose),
    }
}

fn fits(algorithm: JwsAlgorithm, jwk: &Object) -> bool {
    let member = |name: &str| jwk.get(name).and_then(Json::as_str).unwrap_or_default();
    match algorithm.shape() {
        KeyShape::Curve { name, .. } => member("kty") == "EC" && member("crv") == name,
        KeyShape::Ed25519 => member("kty") == "OKP" && member("crv") == "Ed25519",
        KeyShape::Rsa(_) => member("kty") == "RSA",
    }
}
