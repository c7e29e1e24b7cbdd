//! The scalar claims of a token as text, checked to be fit for certificates, logs and terminals.

use std::collections::BTreeMap;

use chancery_core::claims::Claims;
use chancery_core::refusal::{Refusal, RefusalCode};

use crate::excerpt::excerpt;
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
    /// Paths of claims that are not text or a whole number, with what they are.
    others: BTreeMap<String, &'static str>,
}

impl Source {
    /// Flattens the claims: members of members are joined with `/`; lists, fractions and nulls are left out.
    ///
    /// `named` are the claims that the dialect reads, by their paths. ATTACK: one of another type would count as
    /// absent, or as the text that it prints as (`42.0` as `42`), so it is refused.
    pub(super) fn read<'a>(
        issuer: &Issuer,
        claims: &Object,
        named: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Refusal> {
        check_subject(claims)?;
        let mut source = Self {
            base_url: issuer.base_url().as_str().to_owned(),
            issuer: issuer.url().as_str().to_owned(),
            raw: BTreeMap::new(),
            others: BTreeMap::new(),
        };
        source.flatten("", claims, 0)?;
        for name in named {
            if let Some(kind) = source.others.get(name) {
                return Err(refuse(format!("claim `{name}` is not text")).because(*kind, "text"));
            }
        }
        Ok(source)
    }
    /// A claim as text; empty text counts as absent, because issuers send it for what they do not know.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.raw.get(name).filter(|text| !text.is_empty()).cloned()
    }
    /// What a claim is when it is there and neither text nor a whole number.
    pub(super) fn other(&self, name: &str) -> Option<&'static str> {
        self.others.get(name).copied()
    }
    /// `<base url>/<claim>`, where the claim is a path of names.
    pub(super) fn url(&self, name: &str) -> Option<String> {
        Some(format!("{}/{}", self.base_url, self.text(name)?))
    }
    /// Where names live.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }
    /// The exact `iss`.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }
    /// Ends the reading: issuer, subject and raw claims filled, the rest as `fill` says.
    pub(super) fn claims(&self, fill: impl FnOnce(&Self, &mut Claims)) -> Claims {
        let subject = self.text("sub").unwrap_or_default();
        let mut claims =
            Claims { issuer: self.issuer.clone(), subject, raw: self.raw.clone(), ..Claims::default() };
        fill(self, &mut claims);
        claims
    }

    fn flatten(&mut self, prefix: &str, members: &Object, depth: u8) -> Result<(), Refusal> {
        for (name, value) in members {
            // ATTACK: the members of `{"":{"repository_id":"42"}}` would pose as claims of the token itself.
            if name.is_empty() {
                return Err(refuse("a claim has an empty name"));
            }
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            check_text("the name of a claim", &path)?;
            let text = match value {
                Json::Object(inner) if depth < MAX_DEPTH => {
                    self.flatten(&path, inner, depth.saturating_add(1))?;
                    self.others.insert(path, value.kind());
                    continue;
                }
                Json::Object(_) => return Err(refuse("claims are nested deeper than 4 levels")),
                Json::Array(_) | Json::Float(_) => {
                    self.others.insert(path, value.kind());
                    continue;
                }
                Json::Null => continue,
                Json::Bool(truth) => {
                    self.others.insert(path.clone(), value.kind());
                    truth.to_string()
                }
                Json::Integer(value) => value.to_string(),
                Json::String(value) => value.clone(),
            };
            check_text(&format!("claim `{path}`"), &text)?;
            // ATTACK: `{"a/b":1}` and `{"a":{"b":2}}` would otherwise be one claim with two values.
            if self.raw.contains_key(&path) {
                return Err(refuse("two claims have the same path").because(excerpt(&path), "one"));
            }
            self.raw.insert(path, text);
            if self.raw.len() > MAX_CLAIMS {
                return Err(refuse("token has more than 256 claims"));
            }
        }
        Ok(())
    }
}

/// OIDC Core §2 demands a subject, and every dialect's issuer sends one.
fn check_subject(claims: &Object) -> Result<(), Refusal> {
    match claims.get("sub") {
        Some(Json::String(subject)) if !subject.is_empty() => Ok(()),
        Some(Json::String(_)) => Err(refuse("token's `sub` is not text").because("empty text", "text")),
        other => {
            let actual = other.map_or("no `sub`", Json::kind);
            Err(refuse("token's `sub` is not text").because(actual, "text"))
        }
    }
}

/// Claims reach certificates, terminals and logs: nothing that controls, hides or reorders text (T14). The characters
/// are those that grants refuse too, so that none could be meant.
fn check_text(which: &str, text: &str) -> Result<(), Refusal> {
    let hides = |c: char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
            || matches!(c, '\u{e0000}'..='\u{e007f}')
    };
    let refuse_because = |what: &str, actual: String, expected: &str| {
        Err(refuse(excerpt(&format!("{which} {what}"))).because(actual, expected))
    };
    if text.len() > MAX_CLAIM {
        return refuse_because(
            "is longer than 2048 bytes",
            format!("{} bytes", text.len()),
            "at most 2048 bytes",
        );
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return refuse_because("holds a control character", excerpt(&c.to_string()), "none");
    }
    if let Some(c) = text.chars().find(|c| hides(*c)) {
        let what = "holds a character that hides or reorders text";
        return refuse_because(what, excerpt(&c.to_string()), "none");
    }
    Ok(())
}

/// A refusal of claims that are signed, but cannot be read with one meaning.
pub(super) fn refuse(what: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::TokenInvalid, what)
}
