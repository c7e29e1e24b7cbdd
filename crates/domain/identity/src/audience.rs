//! The audience grammar: `chancery:<host>` or `chancery:<host>:sha256:<request id>`; and `sigstore`, for certificates to
//! Sigstore clients alone.
//!
//! ```text
//! chancery:sign.example
//! chancery:sign.example:sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! sigstore
//! ```

use chancery_core::caller::AudienceBinding;
use chancery_core::id::RequestId;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::request::Request;

use crate::authenticate::Expectation;
use crate::excerpt::excerpt;
use crate::issuer::{AudienceMode, Issuer};
use crate::json::{Json, Object};

const SCHEME: &str = "chancery:";
const DIGEST: &str = ":sha256:";
/// What Sigstore clients ask their CI for: the client id of Fulcio.
pub const SIGSTORE: &str = "sigstore";

/// For whom a token must have been made. The two never stand in for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// This installation.
    Ours,
    /// Whoever issues certificates to Sigstore clients.
    Sigstore,
}

impl Audience {
    /// The audience that goes with a request: that of Sigstore clients where a certificate is asked for, ours for
    /// everything else.
    ///
    /// ATTACK: jobs ask for tokens of audience `sigstore` to show them to others too. Whoever is shown one could sign here
    /// with it if it counted for more than a certificate.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let any = request.statements().iter().any(|(_, statement)| statement.format.is_certificate());
        if any { Self::Sigstore } else { Self::Ours }
    }
}

/// The audience that binds a token to this installation only.
#[must_use]
pub fn fixed(host: &str) -> String {
    format!("{SCHEME}{host}")
}

/// The audience that binds a token to one request: a thief can sign nothing else with it.
#[must_use]
pub fn bound(host: &str, request: RequestId) -> String {
    format!("{SCHEME}{host}{DIGEST}{request}")
}

/// Reads an audience made for `host`; `None` when it was made for anything else. The comparison is exact: no case
/// folding, no trailing dot, no port unless `host` has one.
#[must_use]
pub fn parse(audience: &str, host: &str) -> Option<AudienceBinding> {
    if host.is_empty() {
        return None;
    }
    let rest = audience.strip_prefix(SCHEME)?.strip_prefix(host)?;
    if rest.is_empty() {
        return Some(AudienceBinding::Fixed);
    }
    RequestId::parse(rest.strip_prefix(DIGEST)?).ok().map(AudienceBinding::Request)
}

/// Checks a token's audience against what it must be good for.
///
/// RFC 7519 §4.1.3 allows lists; a token for several audiences is one that another of them can replay at us.
/// Refusals: CH3003, CH3004.
pub(crate) fn check(
    claims: &Object,
    issuer: &Issuer,
    expected: &Expectation<'_>,
) -> Result<AudienceBinding, Refusal> {
    let host = expected.audience_host;
    let wanted = match expected.audience {
        Audience::Ours => expected.request.map_or_else(|| fixed(host), |request| bound(host, request)),
        Audience::Sigstore => SIGSTORE.to_owned(),
    };
    let refuse =
        |code, what: &str, actual: &str| Err(Refusal::new(code, what).because(excerpt(actual), &wanted));
    let found = match claims.get("aud") {
        Some(Json::String(audience)) => audience.as_str(),
        Some(Json::Array(list)) => match list.as_slice() {
            [Json::String(audience)] => audience.as_str(),
            [] => return refuse(RefusalCode::AudienceWrong, "token has no audience", "an empty list"),
            [other] => {
                return refuse(RefusalCode::AudienceWrong, "token's audience is not text", other.kind());
            }
            more => {
                let actual = format!("{} audiences", more.len());
                return refuse(RefusalCode::AudienceWrong, "token has more than one audience", &actual);
            }
        },
        Some(other) => {
            return refuse(RefusalCode::AudienceWrong, "token's audience is not text", other.kind());
        }
        None => return refuse(RefusalCode::AudienceWrong, "token has no audience", "no `aud`"),
    };
    let binding = match expected.audience {
        Audience::Ours => parse(found, host),
        Audience::Sigstore => (found == SIGSTORE).then_some(AudienceBinding::Sigstore),
    };
    let Some(binding) = binding else {
        let what = match expected.audience {
            Audience::Ours => foreign(found, host),
            Audience::Sigstore => "token was not made for Sigstore clients",
        };
        return refuse(RefusalCode::AudienceWrong, what, found);
    };
    let mode = match binding {
        AudienceBinding::Sigstore => AudienceMode::Sigstore,
        AudienceBinding::Fixed | AudienceBinding::Session(_) => AudienceMode::Fixed,
        AudienceBinding::Request(_) => AudienceMode::Request,
    };
    if !issuer.audiences().contains(&mode) {
        return refuse(RefusalCode::AudienceWrong, "token's audience is not bound as its issuer must", found);
    }
    match (binding, expected.request) {
        (AudienceBinding::Request(bound), Some(request)) if bound != request => {
            refuse(RefusalCode::TokenBoundElsewhere, "token is bound to another request", found)
        }
        (
            AudienceBinding::Request(_)
            | AudienceBinding::Fixed
            | AudienceBinding::Session(_)
            | AudienceBinding::Sigstore,
            _,
        ) => Ok(binding),
    }
}

/// Why an audience is not ours. It was refused already: this only tells the caller where to look.
fn foreign(audience: &str, host: &str) -> &'static str {
    let Some(rest) = audience.strip_prefix(SCHEME) else { return "token was made for another service" };
    let named = rest.split_once(DIGEST).map_or(rest, |(named, _)| named);
    if named != host {
        return "token was made for another host, or its audience is misspelt";
    }
    "token's audience does not end in 64 lower-case hexadecimal digits"
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::digest::Sha256;

    #[test]
    fn only_exact_audiences_are_ours() {
        let id = RequestId::new(Sha256::of(b"x"));
        assert_eq!(parse(&fixed("s.example"), "s.example"), Some(AudienceBinding::Fixed));
        assert_eq!(parse(&bound("s.example", id), "s.example"), Some(AudienceBinding::Request(id)));
        assert_eq!(parse(&bound("127.0.0.1:80", id), "127.0.0.1:80"), Some(AudienceBinding::Request(id)));
        let upper = bound("s.example", id).to_uppercase();
        for bad in [
            "",
            "chancery:",
            "s.example",
            "chancery:S.example",
            "chancery:s.example.",
            "chancery:s.example.evil.example",
            "chancery:s.example:",
            "chancery:s.example:443",
            "chancery:s.example:sha256:",
            "chancery:s.example:sha256:ab",
            "chancery:s.example:sha1:ab",
            " chancery:s.example",
            "chancery:s.example ",
            "chancery:s.example\n",
            "https://s.example",
            upper.as_str(),
        ] {
            assert_eq!(parse(bad, "s.example"), None, "{bad}");
        }
        assert_eq!(parse("chancery:", ""), None);
    }
}
