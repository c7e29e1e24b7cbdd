//! The audience grammar: `chancery:<host>` or `chancery:<host>:sha256:<request id>`.
//!
//! ```text
//! chancery:sign.example
//! chancery:sign.example:sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! ```

use chancery_core::caller::AudienceBinding;
use chancery_core::id::RequestId;

const SCHEME: &str = "chancery:";
const DIGEST: &str = ":sha256:";

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
