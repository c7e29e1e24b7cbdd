//! The scalar claims of a token as text, checked to be fit for certificates, logs and terminals.

use std::collections::BTreeMap;

use chancery_core::claims::Claims;
use chancery_core::refusal::{Refusal, RefusalCode};

use crate::issuer::Issuer;
use crate::json::{Json, Object};

const MAX_CLAIMS: usize = 256;
const MAX_CLAIM: usize = 2048;
const MAX_DEPTH: u8 = 4;

/// What a dialect reads from.
pub(super) struct Source {
    base_url: String,
    issuer: String,
    raw: BTreeMap<String, String>,
}

impl Source {
    /// Flattens the claims: members of members are joined with `/`; lists and nulls are left out.
    pub(super) fn read(issuer: &Issuer, claims: &Object) -> Result<Self, Refusal> {
        let mut raw = BTreeMap::new();
        flatten("", claims, &mut raw, 0)?;
        Ok(Self {
            base_url: issuer.base_url().as_str().to_owned(),
            issuer: issuer.url().as_str().to_owned(),
            raw,
        })
    }
    /// A claim as text; empty text counts as absent, because issuers send it for what they do not know.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.raw.get(name).filter(|text| !text.is_empty()).cloned()
    }
    /// `<base url>/<claim>`, where the claim is a path of names.
    pub(super) fn url(&self, name: &str) -> Option<String> {
        Some(format!("{}/{}", self.base_url, self.text(name)?))
    }
    /// Where names live.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }
    /// Ends the reading: issuer, subject and raw claims filled, the rest as `fill` says.
    pub(super) fn claims(&self, fill: impl FnOnce(&Self, &mut Claims)) -> Claims {
        let subject = self.text("sub").unwrap_or_default();
        let mut claims =
            Claims { issuer: self.issuer.clone(), subject, raw: self.raw.clone(), ..Claims::default() };
        fill(self, &mut claims);
        claims
    }
}

fn flatten(
    prefix: &str,
    members: &Object,
    raw: &mut BTreeMap<String, String>,
    depth: u8,
) -> Result<(), Refusal> {
    for (name, value) in members {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let text = match value {
            Json::Object(inner) if depth < MAX_DEPTH => {
                flatten(&path, inner, raw, depth.saturating_add(1))?;
                continue;
            }
            Json::Object(_) => return Err(refuse("claims are nested too deeply")),
            Json::Array(_) | Json::Null => continue,
            Json::Bool(value) => value.to_string(),
            Json::Float(value) => value.to_string(),
            Json::Integer(value) => value.to_string(),
            Json::String(value) => value.clone(),
        };
        check_text(&path)?;
        check_text(&text)?;
        // ATTACK: `{"a/b":1}` and `{"a":{"b":2}}` would otherwise be one claim with two values.
        if raw.insert(path, text).is_some() {
            return Err(refuse("two claims have the same path"));
        }
        if raw.len() > MAX_CLAIMS {
            return Err(refuse("token has more than 256 claims"));
        }
    }
    Ok(())
}

/// Claims reach certificates, terminals and logs: no control characters, nothing that reorders text (T14).
fn check_text(text: &str) -> Result<(), Refusal> {
    let reorders =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.len() > MAX_CLAIM {
        return Err(refuse("a claim is longer than 2048 bytes"));
    }
    if text.chars().any(|c| c.is_control() || reorders(c)) {
        return Err(refuse("a claim holds control characters"));
    }
    Ok(())
}

fn refuse(what: &str) -> Refusal {
    Refusal::new(RefusalCode::TokenInvalid, what)
}
