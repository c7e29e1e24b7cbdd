//! Compact JWS (RFC 7515 §7.1), strictly read: three parts, one spelling, nothing that names its own key.
//!
//! ```text
//! eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ . eyJpc3MiOiJodHRwczovLy4uLiJ9 . <signature>
//! {"alg":"RS256","kid":"k"}            {"iss":"https://..."}
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::algorithm::JwsAlgorithm;
use crate::invalid_token::{InvalidToken, Part};
use crate::issuer::TokenType;
use crate::json::{self, Json, Object};
use crate::jwk::MAX_KEY_ID;

/// Longest token in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// A JWS with its header read and its payload still opaque.
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Sealed<'a> {
    pub(crate) algorithm: JwsAlgorithm,
    pub(crate) key_id: Option<String>,
    typ: Option<String>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
}

/// A token's parts. Nothing in it is believed before [`crate::authenticate`] has checked the signature.
pub(crate) struct Compact<'a> {
    pub(crate) sealed: Sealed<'a>,
    pub(crate) claims: Object,
}

impl<'a> Compact<'a> {
    /// Takes the token apart and reads its claims.
    pub(crate) fn parse(token: &'a str) -> Result<Self, InvalidToken> {
        let sealed = Sealed::parse(token)?;
        let claims = object(&sealed.payload, Part::Claims)?;
        Ok(Self { sealed, claims })
    }
}

impl<'a> Sealed<'a> {
    /// Takes the token apart.
    pub(crate) fn parse(token: &'a str) -> Result<Self, InvalidToken> {
        if token.len() > MAX_TOKEN {
            return Err(InvalidToken::Size(token.len()));
        }
        let [header, payload, signature] = parts(token)?;
        let (signed, _) = token.rsplit_once('.').ok_or(InvalidToken::Parts(1))?;
        let header = object(&decode(header, Part::Header)?, Part::Header)?;
        refuse_dangerous(&header)?;
        Ok(Self {
            algorithm: algorithm(&header)?,
            key_id: key_id(&header)?,
            typ: typ(&header)?,
            payload: decode(payload, Part::Claims)?,
            signed,
            signature: decode(signature, Part::Signature)?,
        })
    }
    /// Demands the `typ` that the issuer is registered with (RFC 7515 §4.1.9, RFC 8725 §3.11).
    pub(crate) fn check_type(&self, wanted: TokenType) -> Result<(), InvalidToken> {
        let found = self.typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        let (ok, expected) = match wanted {
            TokenType::AccessToken => (found == Some("at+jwt"), "`at+jwt`"),
            TokenType::Jwt => (found.is_none_or(|typ| typ == "jwt"), "`jwt`, or no `typ`"),
        };
        if ok {
            return Ok(());
        }
        let actual = self.typ.clone().unwrap_or_else(|| "no `typ`".to_owned());
        Err(InvalidToken::Type { actual, expected })
    }
}

fn parts(token: &str) -> Result<[&str; 3], InvalidToken> {
    // A JSON serialisation (RFC 7515 §7.2) may carry many signatures and unprotected headers.
    if token.starts_with('{') {
        return Err(InvalidToken::Serialisation);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(InvalidToken::Parts(token.split('.').count()));
    };
    for (text, part) in [(header, Part::Header), (payload, Part::Claims), (signature, Part::Signature)] {
        if text.is_empty() {
            return Err(InvalidToken::Empty(part));
        }
    }
    Ok([header, payload, signature])
}

fn object(bytes: &[u8], part: Part) -> Result<Object, InvalidToken> {
    json::object(bytes).map_err(|error| InvalidToken::Json { part, why: error.to_string() })
}

/// The engine refuses padding, other alphabets, white space and non-zero trailing bits, so bytes have one spelling.
fn decode(text: &str, part: Part) -> Result<Vec<u8>, InvalidToken> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidToken::Encoding { part, why: misspelling(text) })
}

/// Why a part is not canonical base64url (RFC 7515 §2, RFC 4648 §3.5).
fn misspelling(text: &str) -> &'static str {
    let foreign = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    match text.chars().find(|c| foreign(*c)) {
        Some('=') => "padding",
        Some('+' | '/') => "the standard alphabet",
        Some(c) if c.is_whitespace() => "white space",
        Some(_) => "a character outside the alphabet",
        None if text.len() % 4 == 1 => "an impossible length",
        None => "unused bits that are not zero",
    }
}

/// Header members by which a token would choose its own key, or change how it is read. `x5t` is only a label.
fn refuse_dangerous(header: &Object) -> Result<(), InvalidToken> {
    const READING: &str = "which changes how the token is read";
    const KEY: &str = "by which a token would choose its own key";
    const CIPHER: &str = "which belongs to encrypted or nested tokens";
    const CLAIM: &str = "which repeats a claim where nobody looks";
    const DANGEROUS: [(&str, &[&str]); 4] = [
        (READING, &["crit", "b64"]),
        (KEY, &["jku", "jwk", "x5u", "x5c"]),
        (CIPHER, &["zip", "enc", "cty", "epk", "p2c", "p2s", "apu", "apv", "iv", "tag"]),
        // RFC 7519 §5.3 lets a header repeat claims; two places are two readings.
        (CLAIM, &["iss", "sub", "aud"]),
    ];
    for (why, members) in DANGEROUS {
        if let Some(member) = members.iter().find(|member| header.contains_key(**member)) {
            return Err(InvalidToken::Member { member, why });
        }
    }
    Ok(())
}

fn algorithm(header: &Object) -> Result<JwsAlgorithm, InvalidToken> {
    let found = match header.get("alg") {
        None => return Err(InvalidToken::Algorithm("no `alg`".to_owned())),
        Some(Json::String(name)) => name,
        Some(other) => return Err(InvalidToken::Algorithm(other.kind().to_owned())),
    };
    JwsAlgorithm::from_name(found).ok_or_else(|| InvalidToken::Algorithm(format!("`{found}`")))
}

fn key_id(header: &Object) -> Result<Option<String>, InvalidToken> {
    match header.get("kid") {
        None => Ok(None),
        Some(Json::String(id)) if (1..=MAX_KEY_ID).contains(&id.len()) => Ok(Some(id.clone())),
        Some(Json::String(id)) => Err(InvalidToken::KeyId(format!("{} bytes", id.len()))),
        Some(other) => Err(InvalidToken::KeyId(other.kind().to_owned())),
    }
}

/// Media types are compared without case (RFC 2045 §5.1).
fn typ(header: &Object) -> Result<Option<String>, InvalidToken> {
    match header.get("typ") {
        None => Ok(None),
        Some(Json::String(typ)) => Ok(Some(typ.to_ascii_lowercase())),
        Some(other) => Err(InvalidToken::Type { actual: other.kind().to_owned(), expected: "text" }),
    }
}
