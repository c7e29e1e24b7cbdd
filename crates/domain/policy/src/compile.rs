//! Profiles as Cedar text: each grant is a `permit`, each condition of the profile a `forbid … unless`.
//!
//! ```cedar
//! permit (principal == Issuer::"dev", action == Action::"sign", resource == Profile::"dev")
//! when { context.claims has "source_repository_identifier" && context.claims["source_repository_identifier"] == "42" }
//! when { context.claims has "source_repository_ref" && context.claims["source_repository_ref"] like "refs/tags/v*"
//!   && !(context.claims["source_repository_ref"] like "*/*/*/*") };
//! ```

use std::fmt::Write as _;

use chancery_core::id::ProfileName;

use crate::attribute::Space;
use crate::grant::{Grant, Matcher};
use crate::limit::Exceed;
use crate::pattern::Kind;
use crate::profile::{Binding, Profile};

/// One Cedar policy with its id: `grant:<profile>/<grant>` or `profile:<profile>/<condition>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The policy's id.
    pub id: String,
    /// The policy's text, without an annotation.
    pub text: String,
}

/// The `permit` of one grant.
#[must_use]
pub fn grant(profile: &ProfileName, grant: &Grant) -> Compiled {
    let mut text = format!(
        "permit (principal == Issuer::\"{}\", action == Action::\"sign\", resource == Profile::\"{profile}\")",
        grant.issuer()
    );
    for matcher in grant.matchers() {
        let _infallible = write!(text, "\nwhen {{ {} }}", condition(matcher));
    }
    if let Some(expires) = grant.expires() {
        let _infallible = write!(text, "\nwhen {{ context.time.seconds < {} }}", expires.seconds());
    }
    text.push_str(";\n");
    Compiled { id: format!("grant:{profile}/{}", grant.name()), text }
}

/// The `forbid`s of a profile's own conditions: event, runner, format, depth, binding, and one for each limit that
/// refuses.
#[must_use]
pub fn conditions(profile: &Profile) -> Vec<Compiled> {
    let mut out =
        vec![forbid(profile, "format", &formats(profile)), forbid(profile, "depth", &depths(profile))];
    out.push(forbid(profile, "event", &profile.events().cedar()));
    out.extend(profile.runners().cedar().map(|runners| forbid(profile, "runner", &runners)));
    out.push(forbid(profile, "binding", binding(profile.binding())));
    let refusing = profile.limits().iter().filter(|limit| limit.exceed == Exceed::Refuse);
    for limit in refusing {
        let (window, count) = (limit.window, limit.count);
        let unless = format!(
            "context.waived.limits || context.counts has \"{window}\" && context.counts[\"{window}\"] < {count}"
        );
        out.push(forbid(profile, &format!("limit-{window}"), &unless));
    }
    out
}

const fn binding(least: Binding) -> &'static str {
    match least {
        Binding::Sigstore => "context.binding == Binding::\"sigstore\"",
        Binding::Fixed => "context.binding != Binding::\"sigstore\"",
        Binding::Session => "[Binding::\"request\", Binding::\"session\"].contains(context.binding)",
        Binding::Request => "context.binding == Binding::\"request\"",
    }
}

fn forbid(profile: &Profile, condition: &str, unless: &str) -> Compiled {
    let name = profile.name();
    Compiled {
        id: format!("profile:{name}/{condition}"),
        text: format!(
            "forbid (principal, action == Action::\"sign\", resource == Profile::\"{name}\")\nunless {{ {unless} }};\n"
        ),
    }
}

fn formats(profile: &Profile) -> String {
    let allowed = profile.formats().iter().map(|(format, rule)| {
        let families: Vec<String> =
            rule.families.iter().map(|family| format!("Family::\"{family}\"")).collect();
        format!(
            "(context.format == Format::\"{format}\" && [{}].contains(context.family))",
            families.join(", ")
        )
    });
    allowed.collect::<Vec<_>>().join(" || ")
}

fn depths(profile: &Profile) -> String {
    let enough = profile.formats().iter().map(|(format, rule)| {
        format!("(context.format == Format::\"{format}\" && context.depth >= {})", rule.depth.level())
    });
    enough.collect::<Vec<_>>().join(" || ")
}

fn condition(matcher: &Matcher) -> String {
    let record = match matcher.attribute.space() {
        Space::Normalised => "context.claims",
        Space::Raw => "context.raw",
    };
    // Names come from a fixed table or a fixed alphabet without quotes and backslashes.
    let name = matcher.attribute.name();
    let (value, text) = (format!("{record}[\"{name}\"]"), escape(matcher.pattern.as_str()));
    let compared = match matcher.pattern.kind() {
        Kind::Exact => format!("{value} == \"{text}\""),
        Kind::Across => format!("{value} like \"{}\"", text.replace("**", "*")),
        Kind::WithinSegment => {
            // More slashes than the pattern's own mean that a wildcard took one.
            let more = "*/".repeat(matcher.pattern.slashes().saturating_add(1));
            format!("{value} like \"{text}\"\n  && !({value} like \"{more}*\")")
        }
    };
    format!("{record} has \"{name}\" && {compared}")
}

/// Patterns hold no control characters, so the quote and the backslash are all that could end or change the string.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
