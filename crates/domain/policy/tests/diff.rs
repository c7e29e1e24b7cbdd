//! Two versions compared in words: every kind of change has its effect, and nothing that weakens is told as anything else.
#![expect(clippy::unwrap_used, reason = "test")]

use std::collections::BTreeMap;

use chancery_policy::diff::{Effect, compare};
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;

const PROFILE: &str = include_str!("../../../../testdata/governance/dev/profiles/dev.toml");
const GUARDRAIL: &str = include_str!("../../../../testdata/governance/dev/guardrails/events.cedar");
const ROOT: &str = include_str!("../../../../testdata/governance/dev/root.toml");

type Files = BTreeMap<String, String>;

fn files() -> Files {
    let pairs = [
        ("root.toml", ROOT),
        ("profiles/dev.toml", PROFILE),
        ("guardrails/events.cedar", GUARDRAIL),
        ("issuers.toml", ""),
    ];
    pairs.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
}

fn load(files: Files) -> (Documents, Policy) {
    let documents = Documents::new(files).unwrap();
    let policy = Policy::load(&documents).unwrap();
    (documents, policy)
}

fn effects(old: Files, new: Files) -> Vec<(Effect, String)> {
    let (old, new) = (load(old), load(new));
    let changes = compare((&old.0, &old.1), (&new.0, &new.1));
    changes.into_iter().map(|change| (change.effect, change.words)).collect()
}

fn replaced(path: &str, from: &str, to: &str) -> Files {
    let mut files = files();
    let text = files.get_mut(path).unwrap();
    assert!(text.contains(from), "{from}");
    *text = text.replace(from, to);
    files
}

#[test]
fn the_same_documents_differ_in_nothing() {
    assert_eq!(effects(files(), files()), []);
}

#[test]
fn each_change_has_its_effect_and_its_reverse() {
    let profile = "profiles/dev.toml";
    let (weaker, stronger) = (Effect::Weakens, Effect::Stops);
    let cases = [
        (replaced(profile, "count = 100", "count = 200"), weaker, "at most 100 becomes 200", stronger),
        (replaced(profile, "need = 0", "need = 2"), stronger, "approvals: 0 becomes 2", weaker),
        (
            replaced(profile, "binding = \"request\"", "binding = \"fixed\""),
            weaker,
            "request becomes fixed",
            stronger,
        ),
        (replaced(profile, "refs/tags/v*", "refs/tags/*"), Effect::Allows, "refs/tags/*", Effect::Allows),
        (
            replaced(profile, "depth = \"digest\"", "depth = \"structured\""),
            stronger,
            "digest becomes structured",
            weaker,
        ),
    ];
    for (new, effect, words, reverse) in cases {
        let forth = effects(files(), new.clone());
        assert!(forth.iter().any(|(e, w)| *e == effect && w.contains(words)), "{words}: {forth:?}");
        let back = effects(new, files());
        assert!(back.iter().any(|(e, _)| *e == reverse), "{words}: {back:?}");
    }
}

#[test]
fn what_goes_and_what_comes_is_told() {
    let mut without = files();
    without.remove("guardrails/events.cedar");
    let gone = effects(files(), without.clone());
    assert!(
        gone.iter().any(|(effect, words)| *effect == Effect::Weakens && words.contains("guardrail")),
        "{gone:?}"
    );
    assert!(effects(without, files()).iter().all(|(effect, _)| *effect == Effect::Stops));
    let mut more = files();
    more.insert("profiles/other.toml".into(), PROFILE.to_owned());
    let new = effects(files(), more.clone());
    assert!(new.iter().all(|(effect, _)| *effect == Effect::Allows) && new.len() >= 3, "{new:?}");
    assert!(effects(more, files()).iter().all(|(effect, _)| *effect == Effect::Stops));
    let issuers = replaced("issuers.toml", "", "# another\n");
    let read = effects(files(), issuers);
    assert!(
        read.iter().any(|(effect, words)| *effect == Effect::Weakens && words.contains("issuers.toml")),
        "{read:?}"
    );
}
