//! Rules about what something was built from: `resolvedDependencies` of its provenance.
//!
//! ```json
//! {"uri":"pkg:npm/a@1.0.0","digest":{"sha512":"…"},"annotations":{"published":"2026-01-01T00:00:00Z"}}
//! ```
//! Where there is any rule, a material without a digest or an address is refused, and so is a provenance that names none.

use chancery_core::attested::{Lack, Unmet};
use chancery_core::time::Time;
use serde_json::Value;

use super::{span, text};
use crate::pattern::{MAX_TEXT, Pattern};
use crate::policy::InvalidPolicy;

/// Most patterns of one list.
const MAX_PATTERNS: usize = 256;
/// Most materials of one provenance.
const MAX_MATERIALS: usize = 20_000;

/// Rules about materials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Materials {
    /// Each must match one of them; empty allows all.
    pub allow: Vec<Pattern>,
    /// None may match one of them.
    pub deny: Vec<Pattern>,
    /// How long ago each must have been published, in seconds.
    pub min_age: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaterialsText {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allow: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    deny: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_age: Option<String>,
}

impl MaterialsText {
    pub(crate) fn read(self) -> Result<Materials, InvalidPolicy> {
        let patterns = |texts: Vec<String>| {
            let parse = |text: &String| Pattern::parse(text).map_err(|_| InvalidPolicy::Pattern("materials"));
            texts.iter().map(parse).collect::<Result<Vec<_>, _>>()
        };
        if self.allow.len().max(self.deny.len()) > MAX_PATTERNS {
            return Err(InvalidPolicy::Member("materials: at most 256 patterns in a list"));
        }
        let min_age = self.min_age.map(|text| span::parse(&text).ok_or(())).transpose();
        let min_age = min_age.map_err(|()| InvalidPolicy::Member("materials.min_age: a span such as 7d"))?;
        if self.allow.is_empty() && self.deny.is_empty() && min_age.is_none() {
            return Err(InvalidPolicy::Member("materials: at least one of allow, deny, min_age"));
        }
        Ok(Materials { allow: patterns(self.allow)?, deny: patterns(self.deny)?, min_age })
    }
    pub(crate) fn of(materials: &Materials) -> Self {
        let texts =
            |patterns: &[Pattern]| patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect();
        let min_age = materials.min_age.map(span::words);
        Self { allow: texts(&materials.allow), deny: texts(&materials.deny), min_age }
    }
}

impl Materials {
    pub(super) fn check(&self, predicate: &Value, at: Time) -> Result<(), Unmet> {
        let list = predicate.get("buildDefinition").and_then(|build| build.get("resolvedDependencies"));
        let list = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if list.is_empty() || list.len() > MAX_MATERIALS {
            let actual = format!("{} materials", list.len());
            return Err(Unmet::new(
                Lack::MaterialUnknown,
                actual,
                "1 to 20000 materials, each with its digest",
            ));
        }
        list.iter().try_for_each(|material| self.check_one(material, at))
    }
    fn check_one(&self, material: &Value, at: Time) -> Result<(), Unmet> {
        let uri = text(material, &["uri"]);
        // ATTACK: what is too long for a pattern would match no denial.
        if uri.len() > MAX_TEXT {
            return Err(Unmet::new(Lack::MaterialUnknown, uri, "an address of at most 4096 bytes"));
        }
        if let Some(denied) = self.deny.iter().find(|denied| denied.matches(uri)) {
            return Err(Unmet::new(Lack::MaterialDenied, uri, format!("not `{}`", denied.as_str())));
        }
        if !self.allow.is_empty() && !self.allow.iter().any(|allowed| allowed.matches(uri)) {
            let allowed: Vec<&str> = self.allow.iter().map(Pattern::as_str).collect();
            return Err(Unmet::new(Lack::MaterialDenied, uri, allowed.join(" or ")));
        }
        let digests = material.get("digest").and_then(Value::as_object);
        let is_fixed = digests
            .is_some_and(|all| all.values().any(|one| one.as_str().is_some_and(|one| !one.is_empty())));
        if uri.is_empty() || !is_fixed {
            let actual = format!("material `{uri}` without a digest or an address");
            return Err(Unmet::new(Lack::MaterialUnknown, actual, "a uri and a digest"));
        }
        self.check_age(material, uri, at)
    }
    fn check_age(&self, material: &Value, uri: &str, at: Time) -> Result<(), Unmet> {
        let Some(least) = self.min_age else { return Ok(()) };
        let said = text(material, &["annotations", "published"]);
        let expected = format!("published at least {} ago", span::words(least));
        match Time::parse_rfc3339(said) {
            Some(published) if at.seconds_since(published) >= least => Ok(()),
            Some(_) => Err(Unmet::new(Lack::MaterialYoung, format!("`{uri}` published at {said}"), expected)),
            None => {
                let actual = format!("`{uri}` without annotation `published`");
                Err(Unmet::new(Lack::MaterialUnknown, actual, expected))
            }
        }
    }
}
