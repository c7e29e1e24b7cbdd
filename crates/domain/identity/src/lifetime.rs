//! A token's times: `iat`, `nbf` and `exp` against the issuer's bounds (RFC 7519 §4.1.4 to §4.1.6).

use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;

use crate::issuer::Bounds;
use crate::json::{Json, Object};

/// 9999-12-31T23:59:59Z: no date beyond it is printed the same by all.
const LAST_SECOND: i64 = 253_402_300_799;

/// Times that were checked against an issuer's bounds and the clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    pub(crate) issued_at: Time,
    pub(crate) expires_at: Time,
}

/// Checks every time; a token without `iat` or `exp` is refused because its age cannot be known.
pub(crate) fn check(claims: &Object, bounds: Bounds, now: Time) -> Result<Lifetime, Refusal> {
    let issued = required(claims, "iat")?;
    let expires = required(claims, "exp")?;
    let not_before = claims.get("nbf").map(|value| seconds("nbf", value)).transpose()?;
    let clock = now.seconds();
    let latest = clock.saturating_add(bounds.leeway);
    let not_yet = not_before.unwrap_or(issued).max(issued);
    if not_yet > latest {
        return refuse("token is not valid yet", format!("from {}", Time::from_seconds(not_yet)), now);
    }
    if expires <= clock.saturating_sub(bounds.leeway) {
        return refuse("token is expired", format!("until {}", Time::from_seconds(expires)), now);
    }
    let life = expires.saturating_sub(issued);
    if life <= 0 || life > bounds.max_life {
        let what = if life <= 0 { "token ends before it begins" } else { "token lives too long" };
        let refusal = Refusal::new(RefusalCode::TokenExpired, what);
        return Err(refusal.because(format!("{life} s"), format!("1 to {} s", bounds.max_life)));
    }
    let age = clock.saturating_sub(issued);
    if age > bounds.max_age {
        let refusal = Refusal::new(RefusalCode::TokenExpired, "token is too old");
        return Err(refusal
            .because(format!("{age} s"), format!("at most {} s", bounds.max_age))
            .hint("ask the CI for a fresh token right before signing"));
    }
    Ok(Lifetime { issued_at: Time::from_seconds(issued), expires_at: Time::from_seconds(expires) })
}

fn refuse(what: &str, actual: String, now: Time) -> Result<Lifetime, Refusal> {
    let refusal = Refusal::new(RefusalCode::TokenExpired, what);
    Err(refusal.because(actual, format!("valid at {now}")))
}

fn required(claims: &Object, name: &str) -> Result<i64, Refusal> {
    match claims.get(name) {
        Some(value) => seconds(name, value),
        None => Err(Refusal::new(RefusalCode::TokenInvalid, format!("token has no `{name}`"))),
    }
}

/// INVARIANT: only a JSON integer is a date; text, fractions and exponents are refused (T15, CVE-2026-25537).
fn seconds(name: &str, value: &Json) -> Result<i64, Refusal> {
    let refuse = |actual: String| {
        let what = format!("token's `{name}` is not a whole number of seconds");
        Refusal::new(RefusalCode::TokenInvalid, what).because(actual, format!("0 to {LAST_SECOND}"))
    };
    let found = value.as_integer().ok_or_else(|| refuse(value.kind().to_owned()))?;
    if (0..=LAST_SECOND).contains(&found) { Ok(found) } else { Err(refuse(found.to_string())) }
}
