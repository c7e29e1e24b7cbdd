//! A token becomes a caller, in one function.

use chancery_core::caller::{AudienceBinding, Caller, CallerKind};
use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;

use crate::audience;
use crate::issuer::{AudienceMode, Issuer, Issuers};
use crate::json::{Json, Object};
use crate::jwk::{KeySet, NoKey};
use crate::lifetime;
use crate::token::{Compact, InvalidToken};

/// What a token must be good for.
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a> {
    /// Our host as it stands in audiences: `sign.example`.
    pub audience_host: &'a str,
    /// The request that the token is shown for; `None` where there is none yet (`whoami`).
    pub request: Option<RequestId>,
    /// The kind of caller that may do this; `None` for both.
    pub kind: Option<CallerKind>,
    /// The time.
    pub now: Time,
}

/// Whose keys a token needs. Nothing of it is believed yet.
#[derive(Debug)]
pub struct Peeked<'a> {
    /// The registered issuer that the token names.
    pub issuer: &'a Issuer,
    /// The key that it names.
    pub key_id: Option<String>,
}

/// Finds the registered issuer that an unchecked token names, to know whose keys to fetch.
///
/// ATTACK: whoever sends a token chooses `iss`; for anything but a registered issuer nothing is ever fetched
/// (SSRF, issuer enumeration). Refusals: CH3001, CH3002.
pub fn peek<'a>(token: &str, issuers: &'a Issuers) -> Result<Peeked<'a>, Refusal> {
    let parsed = Compact::parse(token).map_err(invalid)?;
    let issuer = registered(&parsed.claims, issuers)?;
    admissible(&parsed, issuer)?;
    Ok(Peeked { issuer, key_id: parsed.sealed.key_id })
}

/// Checks a token completely and tells who its caller is.
///
/// In this order: form, registered issuer, algorithm and type, signature under `keys`, audience, times, kind of
/// caller, claims. `keys` must be those of the token's issuer. Single use is not checked here: it needs memory, see
/// [`Caller::token_use`]. Refusals: CH3001 to CH3005 and CH3007; none of them repeats the token.
pub fn authenticate(
    token: &str,
    issuers: &Issuers,
    keys: &KeySet,
    expected: &Expectation<'_>,
) -> Result<Caller, Refusal> {
    let parsed = Compact::parse(token).map_err(invalid)?;
    let issuer = registered(&parsed.claims, issuers)?;
    admissible(&parsed, issuer)?;
    check_signature(&parsed, issuer, keys)?;
    let binding = check_audience(&parsed.claims, issuer, expected)?;
    let lifetime = lifetime::check(&parsed.claims, issuer.bounds(), expected.now)?;
    check_kind(issuer, expected)?;
    let claims = issuer.dialect().normalise(issuer, &parsed.claims)?;
    Ok(Caller {
        issuer_name: issuer.name().clone(),
        kind: issuer.kind(),
        claims,
        binding,
        token_use: token_use(&parsed, issuer)?,
        issued_at: lifetime.issued_at,
        expires_at: lifetime.expires_at,
    })
}

fn invalid(error: InvalidToken) -> Refusal {
    Refusal::new(RefusalCode::TokenInvalid, error.to_string())
}

fn registered<'a>(claims: &Object, issuers: &'a Issuers) -> Result<&'a Issuer, Refusal> {
    let Some(iss) = claims.get("iss").and_then(Json::as_str) else {
        return Err(Refusal::new(RefusalCode::TokenInvalid, "token's `iss` is absent or not text"));
    };
    issuers.find(iss).ok_or_else(|| {
        let known: Vec<&str> = issuers.iter().map(|issuer| issuer.url().as_str()).take(8).collect();
        Refusal::new(RefusalCode::IssuerUnknown, "token's issuer is not registered")
            .because(excerpt(iss), known.join(", "))
            .hint("an administrator can register the issuer in issuers.toml")
    })
}

fn admissible(parsed: &Compact<'_>, issuer: &Issuer) -> Result<(), Refusal> {
    if !issuer.algorithms().contains(&parsed.sealed.algorithm) {
        let allowed: Vec<&str> = issuer.algorithms().iter().map(|algorithm| algorithm.name()).collect();
        return Err(
            invalid(InvalidToken::Algorithm).because(parsed.sealed.algorithm.name(), allowed.join(", "))
        );
    }
    parsed.sealed.check_type(issuer.token_type()).map_err(invalid)
}

fn check_signature(parsed: &Compact<'_>, issuer: &Issuer, keys: &KeySet) -> Result<(), Refusal> {
    let refuse = |what: &str| Refusal::new(RefusalCode::TokenInvalid, what);
    if keys.issuer() != issuer.name() {
        return Err(refuse("keys are not those of the token's issuer")
            .because(keys.issuer().as_str(), issuer.name().as_str()));
    }
    let key = keys.select(parsed.sealed.key_id.as_deref(), parsed.sealed.algorithm).map_err(|reason| {
        let id = parsed.sealed.key_id.as_deref().map_or_else(|| "no `kid`".to_owned(), excerpt);
        match reason {
            NoKey::Ambiguous => refuse("token does not say which of the issuer's keys signed it"),
            NoKey::Unknown => refuse("token names a key that its issuer does not publish"),
        }
        .because(id, "one key of the issuer")
    })?;
    if key.verify(parsed.sealed.signed.as_bytes(), &parsed.sealed.signature) {
        return Ok(());
    }
    Err(refuse("token's signature is wrong"))
}

/// RFC 7519 §4.1.3 allows lists; a token for several audiences is one that another of them can replay at us.
fn check_audience(
    claims: &Object,
    issuer: &Issuer,
    expected: &Expectation<'_>,
) -> Result<AudienceBinding, Refusal> {
    let wanted = expected.request.map_or_else(
        || audience::fixed(expected.audience_host),
        |request| audience::bound(expected.audience_host, request),
    );
    let refuse =
        |code, what: &str, actual: &str| Err(Refusal::new(code, what).because(excerpt(actual), &wanted));
    let found = match claims.get("aud") {
        Some(Json::String(audience)) => audience.as_str(),
        Some(Json::Array(list)) => match list.as_slice() {
            [Json::String(audience)] => audience.as_str(),
            _ => return refuse(RefusalCode::AudienceWrong, "token has more than one audience", "a list"),
        },
        Some(_) | None => return refuse(RefusalCode::AudienceWrong, "token has no audience", ""),
    };
    let Some(binding) = audience::parse(found, expected.audience_host) else {
        return refuse(RefusalCode::AudienceWrong, "token was made for another audience", found);
    };
    let mode = match binding {
        AudienceBinding::Fixed => AudienceMode::Fixed,
        AudienceBinding::Request(_) => AudienceMode::Request,
    };
    if !issuer.audiences().contains(&mode) {
        return refuse(RefusalCode::AudienceWrong, "token's audience is not bound as its issuer must", found);
    }
    match (binding, expected.request) {
        (AudienceBinding::Request(bound), Some(request)) if bound != request => {
            refuse(RefusalCode::TokenBoundElsewhere, "token is bound to another request", found)
        }
        (AudienceBinding::Request(_) | AudienceBinding::Fixed, _) => Ok(binding),
    }
}

fn check_kind(issuer: &Issuer, expected: &Expectation<'_>) -> Result<(), Refusal> {
    let name = |kind| match kind {
        CallerKind::Human => "human",
        CallerKind::Workload => "workload",
    };
    match expected.kind {
        Some(wanted) if wanted != issuer.kind() => {
            let refusal = Refusal::new(RefusalCode::CallerKind, "this kind of caller may not do this");
            Err(refusal.because(name(issuer.kind()), name(wanted)))
        }
        Some(_) | None => Ok(()),
    }
}

/// ATTACK: ECDSA signatures can be respelled (s becomes n - s), so where there is no `jti` the signed part is hashed
/// and never the signature; else a thief could make a second, unused token out of a used one.
fn token_use(parsed: &Compact<'_>, issuer: &Issuer) -> Result<Sha256, Refusal> {
    let iss = issuer.url().as_str();
    let value = match parsed.claims.get("jti") {
        Some(Json::String(id)) if (1..=512).contains(&id.len()) => serde_json::json!({"iss": iss, "jti": id}),
        None => serde_json::json!({"iss": iss, "signed": parsed.sealed.signed}),
        Some(_) => {
            let what = "token's `jti` is not 1 to 512 bytes of text";
            return Err(Refusal::new(RefusalCode::TokenInvalid, what));
        }
    };
    canonical::digest(&value)
        .map_err(|_| Refusal::new(RefusalCode::TokenInvalid, "token has no canonical form"))
}

/// Callers choose these texts; they reach terminals and logs (T14).
fn excerpt(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(200).collect()
}
