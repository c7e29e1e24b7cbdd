//! Why a text is not a token that can be read here, told so that the caller can find the place.

use std::fmt;

use chancery_core::refusal::{Refusal, RefusalCode};

use crate::algorithm::JwsAlgorithm;
use crate::excerpt::excerpt;

/// A part of a compact JWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Claims,
    Header,
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claims => "claims",
            Self::Header => "header",
            Self::Signature => "signature",
        })
    }
}

/// A token that is not a strict compact JWS. What was found is not yet fit to be shown: see [`InvalidToken::refusal`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidToken {
    #[error("token's `alg` is not allowed")]
    Algorithm(String),
    #[error("token's {0} part is empty")]
    Empty(Part),
    #[error("token's {part} part is not canonical base64url")]
    Encoding { part: Part, why: &'static str },
    #[error("token's {part} part is not one json object with distinct members")]
    Json { part: Part, why: String },
    #[error("token's `kid` is not 1 to 256 bytes of text")]
    KeyId(String),
    #[error("token's header carries `{member}`, {why}")]
    Member { member: &'static str, why: &'static str },
    #[error("token does not have exactly three parts")]
    Parts(usize),
    #[error("token is in the json serialisation")]
    Serialisation,
    #[error("token is longer than 16384 bytes")]
    Size(usize),
    #[error("token's `typ` is not the one its issuer is registered with")]
    Type { actual: String, expected: &'static str },
}

impl InvalidToken {
    /// The refusal (CH3001), with what was found and what was expected; never more of the token than one member.
    pub(crate) fn refusal(&self) -> Refusal {
        let (actual, expected) = self.found();
        Refusal::new(RefusalCode::TokenInvalid, self.to_string()).because(excerpt(&actual), expected)
    }
    fn found(&self) -> (String, String) {
        const COMPACT: &str = "header.claims.signature";
        let (actual, expected) = match self {
            Self::Algorithm(found) => {
                return (found.clone(), JwsAlgorithm::ALL.map(JwsAlgorithm::name).join(", "));
            }
            Self::Empty(_) => ("nothing".to_owned(), COMPACT),
            Self::Encoding { why, .. } => ((*why).to_owned(), "base64url without padding"),
            Self::Json { why, .. } => (why.clone(), "one json object"),
            Self::KeyId(found) => (found.clone(), "1 to 256 bytes of text"),
            Self::Member { member, .. } => ((*member).to_owned(), "`alg`, `kid` and `typ`"),
            Self::Parts(5) => ("5 parts, as an encrypted token (JWE) has".to_owned(), COMPACT),
            Self::Parts(count) => (format!("{count} parts"), COMPACT),
            Self::Serialisation => ("a json object".to_owned(), COMPACT),
            Self::Size(size) => (format!("{size} bytes"), "at most 16384 bytes"),
            Self::Type { actual, expected } => (actual.clone(), *expected),
        };
        (actual, expected.to_owned())
    }
}
