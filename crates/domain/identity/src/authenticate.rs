//! A token becomes a caller, in one function.

use chancery_core::caller::{Caller, CallerKind};
use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;

use crate::audience::{self, Audience};
use crate::excerpt::excerpt;
use crate::invalid_token::InvalidToken;
use crate::issuer::{Issuer, Issuers};
use crate::json::{Json, Object};
use crate::jwk::{KeySet, NoKey};
use crate::lifetime;
use crate::signature::WrongSignature;
use crate::token::Compact;
use crate::url::IssuerUrl;

/// What a token must be good for.
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a> {
    /// Our host as it stands in audiences: `sign.example`.
    pub audience_host: &'a str,
    /// Which audience the token must have been made for.
    pub audience: Audience,
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
    let parsed = Compact::parse(token).map_err(|error| error.refusal())?;
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
    let parsed = Compact::parse(token).map_err(|error| error.refusal())?;
    let issuer = registered(&parsed.claims, issuers)?;
    admissible(&parsed, issuer)?;
    check_signature(&parsed, issuer, keys)?;
    let binding = audience::check(&parsed.claims, issuer, expected)?;
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

fn registered<'a>(claims: &Object, issuers: &'a Issuers) -> Result<&'a Issuer, Refusal> {
    let iss = match claims.get("iss") {
        Some(Json::String(iss)) => iss,
        other => {
            let actual = other.map_or("no `iss`", Json::kind);
            let refusal = Refusal::new(RefusalCode::TokenInvalid, "token's `iss` is not text");
            return Err(refusal.because(actual, "text"));
        }
    };
    issuers.find(iss).ok_or_else(|| unregistered(iss, issuers))
}

/// Says how close an unknown issuer came, because most are a registered one in another spelling.
fn unregistered(iss: &str, issuers: &Issuers) -> Refusal {
    let known: Vec<&str> = issuers.iter().map(|issuer| issuer.url().as_str()).take(8).collect();
    let same_host = |url: &IssuerUrl| issuers.iter().any(|issuer| issuer.url().host() == url.host());
    let what = match IssuerUrl::parse(iss) {
        Err(error) => format!("token's issuer is not a canonical url: {error}"),
        Ok(url) if same_host(&url) => {
            "token's issuer is not registered: its host is, with another scheme, port or path".to_owned()
        }
        Ok(_) => "token's issuer is not registered".to_owned(),
    };
    Refusal::new(RefusalCode::IssuerUnknown, excerpt(&what))
        .because(excerpt(iss), known.join(", "))
        .hint("an administrator can register the issuer in issuers.toml")
}

fn admissible(parsed: &Compact<'_>, issuer: &Issuer) -> Result<(), Refusal> {
    let found = parsed.sealed.algorithm;
    if !issuer.algorithms().contains(&found) {
        let allowed: Vec<&str> = issuer.algorithms().iter().map(|algorithm| algorithm.name()).collect();
        let what = "token's `alg` is not one that its issuer is registered with";
        return Err(Refusal::new(RefusalCode::TokenInvalid, what).because(found.name(), allowed.join(", ")));
    }
    parsed.sealed.check_type(issuer.token_type()).map_err(|error: InvalidToken| error.refusal())
}

fn check_signature(parsed: &Compact<'_>, issuer: &Issuer, keys: &KeySet) -> Result<(), Refusal> {
    let refuse = |what: &str| Refusal::new(RefusalCode::TokenInvalid, what);
    if keys.issuer() != issuer.name() {
        return Err(refuse("keys are not those of the token's issuer")
            .because(keys.issuer().as_str(), issuer.name().as_str()));
    }
    let algorithm = parsed.sealed.algorithm;
    let key = keys.select(parsed.sealed.key_id.as_deref(), algorithm).map_err(|reason| {
        let id = parsed.sealed.key_id.as_deref().map_or_else(|| "no `kid`".to_owned(), excerpt);
        let refusal = match reason {
            NoKey::Ambiguous => refuse("token does not say which of the issuer's keys signed it"),
            NoKey::OtherAlgorithm => refuse("token's `alg` is not that of the key that it names"),
            NoKey::Unknown => refuse("token names a key that its issuer does not publish"),
        };
        refusal.because(format!("{id} for {algorithm}"), "one key of the issuer")
    })?;
    key.verify(parsed.sealed.signed.as_bytes(), &parsed.sealed.signature).map_err(|error| {
        let refusal = refuse(&error.to_string());
        match error {
            WrongSignature::Length { found, expected, is_der } => {
                let der = if is_der { ", as in DER" } else { "" };
                refusal.because(format!("{found} bytes{der}"), format!("{expected} bytes for {algorithm}"))
            }
            WrongSignature::Range | WrongSignature::Wrong => {
                refusal.because("", format!("a signature by {algorithm} over these very bytes"))
            }
        }
    })
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
        Some(other) => {
            let actual =
                other.as_str().map_or_else(|| other.kind().to_owned(), |id| format!("{} bytes", id.len()));
            let what = "token's `jti` is not 1 to 512 bytes of text";
            return Err(
                Refusal::new(RefusalCode::TokenInvalid, what).because(actual, "1 to 512 bytes of text")
            );
        }
    };
    canonical::digest(&value)
        .map_err(|_| Refusal::new(RefusalCode::TokenInvalid, "token has no canonical form"))
}
