//! Compact JWS (RFC 7515 §7.1), strictly read: three parts, one spelling, nothing that names its own key.
//!
//! ```text
//! eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ . eyJpc3MiOiJodHRwczovLy4uLiJ9 . <signature>
//! {"alg":"RS256","kid":"k"}            {"iss":"https://..."}
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::algorithm::JwsAlgorithm;
use crate::issuer::TokenType;
use crate::json::{self, Json, Object};
use crate::jwk::MAX_KEY_ID;

/// Longest token in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// A token that is not a strict compact JWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidToken {
    #[error("token's `alg` is not allowed")]
    Algorithm,
    #[error("token is not canonical base64url")]
    Encoding,
    #[error("token's header carries `crit`, a key, a key's address or an encoding that is never trusted")]
    Header,
    #[error("token's header or claims are not one JSON object with distinct members")]
    Json,
    #[error("token's `kid` is not 1 to 256 characters of text")]
    KeyId,
    #[error("token does not have exactly three parts")]
    Parts,
    #[error("token is longer than 16384 bytes")]
    Size,
    #[error("token's `typ` is not the one its issuer is registered with")]
    Type,
}

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
        let claims = json::object(&sealed.payload).map_err(|_| InvalidToken::Json)?;
        Ok(Self { sealed, claims })
    }
}

impl<'a> Sealed<'a> {
    /// Takes the token apart.
    pub(crate) fn parse(token: &'a str) -> Result<Self, InvalidToken> {
        if token.len() > MAX_TOKEN {
            return Err(InvalidToken::Size);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidToken::Parts);
        };
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(InvalidToken::Parts);
        }
        let (signed, _) = token.rsplit_once('.').ok_or(InvalidToken::Parts)?;
        let header = json::object(&decode(header)?).map_err(|_| InvalidToken::Json)?;
        refuse_dangerous(&header)?;
        let algorithm = header.get("alg").and_then(Json::as_str).and_then(JwsAlgorithm::from_name);
        Ok(Self {
            algorithm: algorithm.ok_or(InvalidToken::Algorithm)?,
            key_id: key_id(&header)?,
            typ: typ(&header)?,
            payload: decode(payload)?,
            signed,
            signature: decode(signature)?,
        })
    }
    /// Demands the `typ` that the issuer is registered with (RFC 7515 §4.1.9, RFC 8725 §3.11).
    pub(crate) fn check_type(&self, wanted: TokenType) -> Result<(), InvalidToken> {
        let found = self.typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        let ok = match wanted {
            TokenType::AccessToken => found == Some("at+jwt"),
            TokenType::Jwt => found.is_none_or(|typ| typ == "jwt"),
        };
        if ok { Ok(()) } else { Err(InvalidToken::Type) }
    }
}

/// The engine refuses padding, other alphabets, white space and non-zero trailing bits, so bytes have one spelling.
fn decode(part: &str) -> Result<Vec<u8>, InvalidToken> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Encoding)
}

/// Header members by which a token would choose its own key, or change how it is read. `x5t` is only a label.
fn refuse_dangerous(header: &Object) -> Result<(), InvalidToken> {
    const DANGEROUS: [&str; 11] =
        ["crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc", "cty", "epk", "p2c"];
    if DANGEROUS.iter().any(|member| header.contains_key(*member)) {
        return Err(InvalidToken::Header);
    }
    Ok(())
}

fn key_id(header: &Object) -> Result<Option<String>, InvalidToken> {
    match header.get("kid") {
        None => Ok(None),
        Some(Json::String(id)) if (1..=MAX_KEY_ID).contains(&id.len()) => Ok(Some(id.clone())),
        Some(_) => Err(InvalidToken::KeyId),
    }
}

/// Media types are compared without case (RFC 2045 §5.1).
fn typ(header: &Object) -> Result<Option<String>, InvalidToken> {
    match header.get("typ") {
        None => Ok(None),
        Some(Json::String(typ)) => Ok(Some(typ.to_ascii_lowercase())),
        Some(_) => Err(InvalidToken::Type),
    }
}
