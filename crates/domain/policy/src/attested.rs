//! Demanded attestations: what a profile demands before anything is signed, read and judged.
//!
//! ```toml
//! [[attestations]]
//! name = "tests"                   # stands in the trace, in refusals and in `context.attested`
//! policy = "acme-tests"            # verification/acme-tests.toml: by whom, and what it must say
//! subject = "artifact"             # default; or "source": the commit that the token names
//! ```
//! What was found is in [`crate::standing::Standing::attested`]; whoever decides computes it from the evidence. No exception
//! waives a demanded attestation.

use chancery_core::attested::{About, Found, Lack, Requirement, Unmet};
use chancery_core::decision::{Trace, TraceLine};
use chancery_core::refusal::{Refusal, RefusalCode};

use crate::diff::{Changes, Effect};
use crate::documents::Documents;
use crate::facts::Facts;
use crate::fields::Fields;
use crate::problem::Report;
use crate::profile::Profile;
use crate::trigger;

/// Most attestations that one profile demands.
pub const MAX_DEMANDED: usize = 8;

/// `[[attestations]]`, in the order in which they stand.
pub(crate) fn read(report: &mut Report, fields: &mut Fields) -> Vec<Requirement> {
    let mut out: Vec<Requirement> = Vec::new();
    for mut table in fields.tables(report, "attestations", MAX_DEMANDED) {
        let named = name(report, &mut table, "name");
        let policy = name(report, &mut table, "policy");
        let field = table.name("subject");
        let about = match table.text(report, "subject") {
            None => Some(About::Artifact),
            Some(text) => About::from_name(&text),
        };
        if about.is_none() {
            report.error(&field, "is neither `artifact` nor `source`");
        }
        let field = table.name("name");
        table.finish(report);
        let (Some(name), Some(policy), Some(about)) = (named, policy, about) else { continue };
        if out.iter().any(|known| known.name == name) {
            report.error(&field, "another demanded attestation has this name");
        }
        out.push(Requirement { name, policy, about });
    }
    out
}

fn name(report: &mut Report, table: &mut Fields, key: &str) -> Option<String> {
    let text = table.required(report, key)?;
    if !trigger::is_name(&text) {
        report.error(&table.name(key), "is not 1 to 64 letters, digits, `_ - .`");
        return None;
    }
    Some(text)
}

/// A demanded policy that is no file would be one that nothing can meet.
pub(crate) fn policies(report: &mut Report, profile: &Profile, documents: &Documents) {
    for wanted in profile.attestations() {
        let path = format!("verification/{}.toml", wanted.policy);
        if documents.file(&path).is_none() {
            let message =
                format!("`{}` demands policy `{}`: `{path}` is missing", wanted.name, wanted.policy);
            report.error("attestations", message);
        }
    }
}

/// What two versions of a profile demand, compared: what is demanded no more protects less than before.
pub(crate) fn compare(changes: &mut Changes, old: &Profile, new: &Profile) {
    let name = new.name();
    let find = |profile: &'_ Profile, wanted: &Requirement| {
        profile.attestations().iter().find(|other| other.name == wanted.name).cloned()
    };
    for before in old.attestations() {
        let what = format!("profile `{name}`, attestation `{}`", before.name);
        match find(new, before) {
            None => changes.add(Effect::Weakens, format!("{what} is demanded no more")),
            // Which of two policies takes more cannot be decided from their names.
            Some(after) if after != *before => {
                let words = format!("{} becomes {}", words(before), words(&after));
                changes.add(Effect::Weakens, format!("{what}: {words}: read it"));
            }
            Some(_) => {}
        }
    }
    for after in new.attestations().iter().filter(|after| find(old, after).is_none()) {
        let words = format!("attestation `{}` is demanded: {}", after.name, words(after));
        changes.add(Effect::Stops, format!("profile `{name}`, {words}"));
    }
}

fn words(wanted: &Requirement) -> String {
    format!("policy `{}` about the {}", wanted.policy, wanted.about.name())
}

/// One line for each requirement, and the refusal of the first that is not met.
pub(crate) fn apply(profile: &Profile, facts: &Facts<'_>) -> (Trace, Option<Refusal>) {
    let (mut trace, mut refused) = (Trace::new(), None);
    for wanted in profile.attestations() {
        let found = facts.standing.attested.of(&wanted.name);
        trace.push(line(wanted, found));
        if let Some(Found::Unmet(_)) | None = found {
            refused = refused.or_else(|| Some(refusal(profile, wanted, &unmet(wanted, found))));
        }
    }
    (trace, refused)
}

fn line(wanted: &Requirement, found: Option<&Found>) -> TraceLine {
    let (actual, expected, ok) = match found {
        Some(Found::Met(by)) => (by.clone(), wanted.policy.clone(), true),
        Some(Found::Unmet(_)) | None => {
            let unmet = unmet(wanted, found);
            (unmet.actual, unmet.expected, false)
        }
    };
    let (rule, attribute) = ("attestation".to_owned(), wanted.name.clone());
    TraceLine { rule, attribute, actual, expected, ok }
}

/// What nobody looked for is missing.
fn unmet(wanted: &Requirement, found: Option<&Found>) -> Unmet {
    match found {
        Some(Found::Unmet(unmet)) => unmet.clone(),
        Some(Found::Met(_)) | None => {
            let expected = format!("one that policy `{}` accepts", wanted.policy);
            Unmet::new(Lack::Missing, "no attestation", expected)
        }
    }
}

fn refusal(profile: &Profile, wanted: &Requirement, unmet: &Unmet) -> Refusal {
    let (name, attestation, policy) = (profile.name(), &wanted.name, &wanted.policy);
    let (code, what, way) = match unmet.lack {
        Lack::Missing => (
            RefusalCode::AttestationMissing,
            "is missing",
            format!(
                "bring it along: --attestation FILE; verification policy `{policy}` says what it must be"
            ),
        ),
        Lack::Untrusted => (
            RefusalCode::AttestationUntrusted,
            "does not count",
            format!("bring the one of whom verification policy `{policy}` expects, as it was published"),
        ),
        Lack::Insufficient => (
            RefusalCode::AttestationInsufficient,
            "says too little",
            "build where what is expected holds, or have it looked at again".to_owned(),
        ),
        Lack::Stale => (
            RefusalCode::AttestationStale,
            "is too old",
            "have it looked at again, and bring what is said now".to_owned(),
        ),
        Lack::MaterialUnknown => (
            RefusalCode::MaterialUnknown,
            "leaves a material unknown",
            "let the build name each material with its digest and, for an age, the annotation `published`"
                .to_owned(),
        ),
        Lack::MaterialYoung => (
            RefusalCode::MaterialYoung,
            "names a material that is too young",
            "wait until it is old enough, or build again with an older version of it".to_owned(),
        ),
        Lack::MaterialDenied => (
            RefusalCode::MaterialDenied,
            "names a material that is not allowed",
            "build again without it".to_owned(),
        ),
    };
    let what = format!("attestation `{attestation}` that profile `{name}` demands {what}");
    Refusal::new(code, what).because(unmet.actual.as_str(), unmet.expected.as_str()).hint(way)
}
