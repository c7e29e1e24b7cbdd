//! `[vouch]`: a profile that says of artifacts that they passed verification, and signs nothing else.
//!
//! ```toml
//! [keys]
//! verifier-dsse = "acme-verifier"
//! [formats.sigstore]
//! families = ["verifier-dsse"]
//! [vouch]
//! verifier = "https://acme.example/verifier"             # `verifier.id` of every summary
//! levels = ["SLSA_BUILD_LEVEL_2", "ACME_TESTED"]         # what meeting every demanded attestation means
//! resources = ["pkg:generic/acme/**"]                    # what may be vouched for
//! [[attestations]]                                       # at least one: what is verified
//! ```
//! Such a profile has no other family, and nobody whom another profile of its environment names may use it: clients that look
//! at the signer alone count every attestation of an identity as its signature.

use std::collections::BTreeSet;

use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::id::PolicyVersion;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::statement::Statement;
use chancery_core::vouched::{MAX_LEVELS, MAX_URI, Vouched};

use crate::diff::{Changes, Effect};
use crate::fields::Fields;
use crate::grant::Grant;
use crate::pattern::Pattern;
use crate::problem::Report;
use crate::profile::Profile;

const MAX_RESOURCES: usize = 32;

/// What a profile vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouch {
    /// Who verifies.
    pub verifier: String,
    /// What is verified where every demanded attestation is met.
    pub levels: Vec<String>,
    /// What may be vouched for.
    pub resources: Vec<Pattern>,
}

/// `[vouch]`; `None` where the profile has none.
pub(crate) fn read(report: &mut Report, fields: &mut Fields) -> Option<Vouch> {
    let mut table = fields.table(report, "vouch")?;
    let verifier = table.required(report, "verifier").unwrap_or_default();
    if !verifier.contains(':') || verifier.len() > MAX_URI || !verifier.chars().all(|c| c.is_ascii_graphic())
    {
        report.error(&table.name("verifier"), "is not a URI of at most 512 characters");
    }
    let field = table.name("levels");
    let levels = table.texts(report, "levels").unwrap_or_default();
    if levels.is_empty() || levels.len() > MAX_LEVELS || !are_levels(&levels) {
        report.error(
            &field,
            "are not 1 to 64 names such as SLSA_BUILD_LEVEL_2, one for each track, never FAILED",
        );
    }
    let field = table.name("resources");
    let named = table.texts(report, "resources").unwrap_or_default();
    let resources: Vec<Pattern> = named.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
    if resources.is_empty() || resources.len() != named.len() || resources.len() > MAX_RESOURCES {
        report.error(&field, "are not 1 to 32 patterns of URIs");
    }
    table.finish(report);
    Some(Vouch { verifier, levels, resources })
}

fn are_levels(levels: &[String]) -> bool {
    let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_word =
        |level: &String| (1..=64).contains(&level.len()) && level.chars().all(legal) && level != "FAILED";
    let tracks: BTreeSet<&str> = levels
        .iter()
        .map(|level| level.split_once("_LEVEL_").map_or(level.as_str(), |(track, _)| track))
        .collect();
    levels.iter().all(is_word) && tracks.len() == levels.len()
}

/// A verifier's key signs nothing else, and no other profile has one.
pub(crate) fn lint(report: &mut Report, profile: &Profile) {
    let has_key = profile.keys.contains_key(&Family::VerifierDsse);
    match &profile.vouch {
        None if has_key => {
            report.error("vouch", "is missing: family `verifier-dsse` says what a verifier found")
        }
        None => {}
        Some(_) if profile.keys.len() != 1 || !has_key => {
            report.error("keys", "a profile with `[vouch]` has one key, of family `verifier-dsse`");
        }
        Some(_) if profile.attestations.is_empty() => {
            report.error("attestations", "are missing: without one nothing is verified");
        }
        Some(_) => {}
    }
}

/// ATTACK: `cosign verify` counts any attestation of an identity as a signature. So whoever asks for summaries is nobody whom
/// another profile of the environment names.
pub(crate) fn apart<'a>(report: &mut Report, profile: &Profile, all: impl IntoIterator<Item = &'a Profile>) {
    if profile.vouch.is_none() {
        return;
    }
    let others =
        all.into_iter().filter(|other| other.vouch.is_none() && other.environment == profile.environment);
    for other in others {
        let shared =
            profile.grants.iter().find(|grant| other.grants.iter().any(|named| may_meet(grant, named)));
        if let Some(grant) = shared {
            let (name, other) = (grant.name(), other.name());
            report.error("grants", format!("`{name}` may name a job that profile `{other}` lets sign: give the verifier a job of its own"));
        }
    }
}

/// Whether a caller could be named by both: no claim that both compare keeps them apart.
fn may_meet(one: &Grant, other: &Grant) -> bool {
    let disjoint = |a: &Pattern, b: &Pattern| match (a.is_exact(), b.is_exact()) {
        (true, _) => !b.matches(a.as_str()),
        (_, true) => !a.matches(b.as_str()),
        // Two globs: apart when what comes before their first wildcards already differs.
        (false, false) => {
            let head = |pattern: &Pattern| pattern.as_str().split('*').next().unwrap_or_default().to_owned();
            let (a, b) = (head(a), head(b));
            !a.starts_with(b.as_str()) && !b.starts_with(a.as_str())
        }
    };
    let kept_apart = one.matchers().iter().any(|a| {
        other.matchers().iter().any(|b| a.attribute == b.attribute && disjoint(&a.pattern, &b.pattern))
    });
    one.issuer() == other.issuer() && !kept_apart
}

/// What two versions of a profile vouch for, compared: whatever changes there is said of artifacts, so it is to be read.
pub(crate) fn compare(changes: &mut Changes, old: &Profile, new: &Profile) {
    if old.vouch != new.vouch {
        let what = format!("profile `{}` vouches for something else: read `[vouch]`", new.name());
        changes.add(Effect::Weakens, what);
    }
}

/// What stands beside the statement when it is compared.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The attestations in the evidence, as received.
    pub attestations: &'a [String],
    /// The governance that decides.
    pub version: PolicyVersion,
}

/// Compares what a summary would say with what was shown and what governance says. That every demanded attestation is met is
/// decided with the policy. Other statements pass.
pub fn check(profile: &Profile, statement: &Statement, shown: Shown<'_>) -> Result<(), Refusal> {
    if statement.family != Family::VerifierDsse {
        return Ok(());
    }
    let refuse = |what: &str| Refusal::new(RefusalCode::StatementInvalid, what);
    let said = Vouched::of(statement).map_err(|error| refuse(&error.to_string()))?;
    let vouch = profile.vouch().ok_or_else(|| {
        refuse("this profile vouches for nothing")
            .because(profile.name().to_string(), "a profile with `[vouch]`")
    })?;
    let inputs: Vec<Sha256> = shown.attestations.iter().map(|text| Sha256::of(text.as_bytes())).collect();
    let words = |digests: &[Sha256]| digests.iter().map(Sha256::to_string).collect::<Vec<_>>().join(", ");
    let compared = [
        ("verifier", said.verifier.clone(), vouch.verifier.clone()),
        ("levels", said.levels.join(", "), vouch.levels.join(", ")),
        ("policy", said.policy.to_string(), shown.version.digest().to_string()),
        ("input attestations", words(&said.inputs), words(&inputs)),
    ];
    if let Some((member, actual, expected)) =
        compared.into_iter().find(|(_, actual, expected)| actual != expected)
    {
        return Err(refuse(&format!("the summary would say another {member} than was verified"))
            .because(actual, expected)
            .hint(
                "ask again with `chancery vouch`: governance may have changed since the profile was read",
            ));
    }
    if !vouch.resources.iter().any(|pattern| pattern.matches(&said.resource)) {
        let known: Vec<&str> = vouch.resources.iter().map(Pattern::as_str).collect();
        return Err(refuse("this profile does not vouch for the resource")
            .because(said.resource, known.join(", "))
            .hint("name the artifact as `resources` of the profile has it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_one_for_each_track_and_never_failed() {
        let are =
            |levels: &[&str]| are_levels(&levels.iter().map(|level| (*level).to_owned()).collect::<Vec<_>>());
        assert!(are(&["SLSA_BUILD_LEVEL_2", "SLSA_SOURCE_LEVEL_3", "ACME_TESTED"]));
        for bad in [
            &["SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3"][..],
            &["ACME_TESTED", "ACME_TESTED"],
            &["FAILED"],
            &["acme"],
            &[""],
        ] {
            assert!(!are(bad), "{bad:?}");
        }
    }
}
