//! What may start a job that signs, and on what class of runner it may run.
//!
//! A token is as trustworthy as the code that ran before it was issued. Some events run code, or take text, of people
//! without any right to the repository; such jobs are denied unless a
//! profile takes their event by name.

use std::collections::BTreeSet;

/// Events that somebody without a right to write can cause, by the names of each CI's own claim. Sorted.
///
/// GitHub: everything that pull requests, issues, discussions, wiki pages, stars and forks cause, and `workflow_run`
/// and checks, which run privileged after them. GitLab: merge requests, whose pipelines can be a fork's. Azure DevOps:
/// `PullRequest`.
pub const UNTRUSTED: [&str; 22] = [
    "PullRequest",
    "check_run",
    "check_suite",
    "commit_comment",
    "discussion",
    "discussion_comment",
    "external_pull_request_event",
    "fork",
    "gollum",
    "issue_comment",
    "issues",
    "merge_request_event",
    "page_build",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_target",
    "star",
    "status",
    "watch",
    "workflow_run",
];

/// Runners that their owner runs: whoever controls the machine can pose as the build.
const OWN_RUNNER: &str = "self-hosted";

/// Which events may start a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Events {
    /// These alone; a caller whose issuer names no event is refused.
    Named(BTreeSet<String>),
    /// All but [`UNTRUSTED`]; also where the issuer names none.
    Usual,
}

/// Which runners a job may run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runners {
    /// Any.
    Any,
    /// These classes alone; a caller whose issuer names none is refused.
    Named(BTreeSet<String>),
    /// All but those that say that they are `self-hosted`: what production takes by default.
    NotOwn,
}

impl Events {
    /// Whether a job that this event started is taken.
    #[must_use]
    pub fn takes(&self, event: Option<&str>) -> bool {
        match self {
            Self::Named(names) => event.is_some_and(|event| names.contains(event)),
            Self::Usual => event.is_none_or(|event| !UNTRUSTED.contains(&event)),
        }
    }
    /// What is taken, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Named(names) => join(names),
            Self::Usual => "an event that needs the right to write".to_owned(),
        }
    }
    /// The condition as a Cedar expression.
    pub(crate) fn cedar(&self) -> String {
        match self {
            Self::Named(names) => one_of("build_trigger", names.iter().map(String::as_str)),
            Self::Usual => format!("!({})", one_of("build_trigger", UNTRUSTED.into_iter())),
        }
    }
}

impl Runners {
    /// Whether a job on this class of runner is taken.
    #[must_use]
    pub fn takes(&self, runner: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Named(names) => runner.is_some_and(|runner| names.contains(runner)),
            Self::NotOwn => runner != Some(OWN_RUNNER),
        }
    }
    /// What is taken, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Any => "any runner".to_owned(),
            Self::Named(names) => join(names),
            Self::NotOwn => format!("a runner that is not {OWN_RUNNER}"),
        }
    }
    /// The condition as a Cedar expression; `None` where everything holds.
    pub(crate) fn cedar(&self) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Named(names) => Some(one_of("runner_environment", names.iter().map(String::as_str))),
            Self::NotOwn => Some(format!("!({})", one_of("runner_environment", std::iter::once(OWN_RUNNER)))),
        }
    }
}

/// Whether a text may name an event or a class of runner: 1 to 64 of letters, digits, `_ - .`, so that it needs no
/// escaping anywhere.
pub(crate) fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=64).contains(&text.len()) && text.chars().all(legal)
}

fn join(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(" or ")
}

fn one_of<'a>(claim: &str, names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    format!("context.claims has {claim} && [{}].contains(context.claims.{claim})", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_nothing_that_a_stranger_can_start() {
        assert!(UNTRUSTED.is_sorted() && UNTRUSTED.iter().all(|name| is_name(name)));
        for (event, taken) in [
            (Some("push"), true),
            (Some("release"), true),
            (Some("workflow_dispatch"), true),
            (Some("schedule"), true),
            (None, true),
            (Some("pull_request_target"), false),
            (Some("workflow_run"), false),
            (Some("issue_comment"), false),
            (Some("merge_request_event"), false),
        ] {
            assert_eq!(Events::Usual.takes(event), taken, "{event:?}");
        }
        let named = Events::Named(BTreeSet::from(["release".to_owned(), "workflow_run".to_owned()]));
        assert!(named.takes(Some("workflow_run")) && !named.takes(Some("push")) && !named.takes(None));
        assert!(Runners::NotOwn.takes(None) && Runners::NotOwn.takes(Some("github-hosted")));
        assert!(!Runners::NotOwn.takes(Some("self-hosted")) && Runners::Any.takes(Some("self-hosted")));
    }
}
