//! `chancery policy check|test|show|explain|apply`: everything but `apply` works on a directory alone.

use std::path::{Path, PathBuf};

use chancery_api::policy::{PolicyInForce, SignedPolicy};
use chancery_core::id::ProfileName;
use chancery_policy::documents::Documents;
use chancery_policy::explain;
use chancery_policy::policy::Policy;
use chancery_policy::problem::{Problem, Severity};
use chancery_policy::test_cases::{self, Expectation, Outcome};
use serde_json::{Value, json};

use super::Context;
use super::key::Admin;
use super::{policy_diff, policy_sign, policy_simulate};
use crate::arguments::Mode;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::governance;
use crate::file::signatures::SignatureFile;
use crate::ssh;
use crate::terminal::{Shape, printable};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Check governance documents: every problem at once.
    Check(Directory),
    /// Run the tests among the documents.
    Test(Directory),
    /// Show the documents' version and profiles.
    Show {
        /// Which documents.
        #[command(flatten)]
        directory: Directory,
        /// Show what was compiled to Cedar.
        #[arg(long)]
        cedar: bool,
        /// Only one profile.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
    /// Decide a test case and say why.
    Explain {
        /// Which documents.
        #[command(flatten)]
        directory: Directory,
        /// Name of the case in `tests/*.toml`.
        #[arg(long, value_name = "NAME")]
        case: String,
    },
    /// Sign documents as the next version: one of the people of root.toml, each for themselves.
    Sign(policy_sign::Args),
    /// Say in words what another version makes possible and what it stops.
    Diff(policy_diff::Args),
    /// Say what documents would have decided about everything that was signed.
    Simulate(policy_simulate::Args),
    /// Put documents in force that enough people of the root signed.
    Apply {
        /// Which documents.
        #[command(flatten)]
        directory: Directory,
        /// The signatures; DIR.signatures unless given.
        #[arg(long, value_name = "FILE")]
        signatures: Option<PathBuf>,
        /// Sign with this key first.
        #[command(flatten)]
        key: ssh::Key,
        /// Where to ask.
        #[command(flatten)]
        admin: Admin,
        /// Check and show the version; change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// A governance directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Directory {
    /// The directory with `profiles/`, `guardrails/`, `issuers.toml`.
    #[arg(default_value = "governance", value_name = "DIR")]
    pub(super) path: PathBuf,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let (value, text, exit) = match verb {
        Verb::Check(directory) => {
            let (documents, policy) = load(&directory.path, context)?;
            let found: Vec<Problem> = policy
                .warnings()
                .list()
                .iter()
                .cloned()
                .chain(governance::unused(&documents, &policy))
                .collect();
            let warnings: Vec<Value> = found.iter().map(problem).collect();
            let lines: String = found.iter().map(|one| format!("{one}\n")).collect();
            let value = json!({"schema": "chancery.policy-check/1", "ok": true, "version": documents.version(), "problems": warnings});
            (value, format!("{lines}✓ version {}\n", documents.version()), Exit::Ok)
        }
        Verb::Test(directory) => test(&directory.path, context)?,
        Verb::Show { directory, cedar, profile } => {
            let (documents, policy) = load(&directory.path, context)?;
            let only = named(&policy, profile.as_deref())?;
            let text =
                if *cedar { policy.cedar(only.as_ref()) } else { show(&documents, &policy, only.as_ref()) };
            let value =
                json!({"schema": "chancery.policy-show/1", "version": documents.version(), "text": text});
            (value, text, Exit::Ok)
        }
        Verb::Explain { directory, case } => explained(&directory.path, case, context)?,
        Verb::Sign(args) => policy_sign::run(args, context)?,
        Verb::Simulate(args) => policy_simulate::run(args, context)?,
        Verb::Diff(args) => policy_diff::run(args, context)?,
        Verb::Apply { directory, signatures, key, admin, dry_run } => {
            let signed = SignatureFile::new(&directory.path, signatures.as_deref());
            apply((&directory.path, &signed), key, admin, Mode::of(dry_run), context)?
        }
    };
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&value),
        Shape::Text => context.terminal.result(&text),
    }
    Ok(exit)
}

/// What a verb answers: the document, the lines, the exit code.
pub(super) type Answer = (Value, String, Exit);

/// Reads and checks; every problem is shown before the failure.
pub(super) fn load(path: &Path, context: &mut Context<'_, '_>) -> Result<(Documents, Policy), Failure> {
    let documents = governance::read(path)?;
    let loaded = Policy::load(&documents);
    let mut found: Vec<String> = governance::problems(&documents, loaded.as_ref().ok());
    match loaded {
        Ok(policy) if found.is_empty() => return Ok((documents, policy)),
        Ok(_) => {}
        Err(problems) => found.extend(problems.list().iter().map(ToString::to_string)),
    }
    if context.terminal.shape() == Shape::Text {
        found.iter().for_each(|line| context.terminal.complain(&format!("{}\n", printable(line))));
    }
    let what = format!("{} problems in `{}`", found.len(), path.display());
    Err(Failure::new(Code::Governance, what).because(found.join("; "), "documents without errors"))
}

fn problem(problem: &Problem) -> Value {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({"file": problem.file, "field": problem.field, "severity": severity, "message": problem.message})
}

fn outcomes(path: &Path, context: &mut Context<'_, '_>) -> Result<Vec<Outcome>, Failure> {
    let (documents, policy) = load(path, context)?;
    let cases = test_cases::parse(&documents).map_err(|problems| {
        Failure::new(Code::Governance, "policy tests cannot be read").because(problems.to_string(), "")
    })?;
    Ok(test_cases::run(&policy, &cases))
}

fn test(path: &Path, context: &mut Context<'_, '_>) -> Result<Answer, Failure> {
    let outcomes = outcomes(path, context)?;
    let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
    let (mut cases, mut text) = (Vec::new(), String::new());
    for outcome in &outcomes {
        let actual = Expectation::of(&outcome.decision).name();
        let (mark, name) = (if outcome.passed() { "✓" } else { "✗" }, printable(&outcome.name));
        text.push_str(&format!("{mark} {}: {name}\n", printable(&outcome.file)));
        if !outcome.passed() {
            text.push_str(&format!("  expected {}\n", outcome.expect.name()));
            explain::decision(&outcome.decision)
                .lines()
                .for_each(|line| text.push_str(&format!("  {line}\n")));
        }
        cases.push(json!({"file": outcome.file, "name": outcome.name, "ok": outcome.passed(), "actual": actual, "expected": outcome.expect.name()}));
    }
    text.push_str(&format!("{} cases, {failed} failed\n", outcomes.len()));
    let exit = if failed == 0 { Exit::Ok } else { Exit::Error };
    Ok((json!({"schema": "chancery.policy-test/1", "ok": failed == 0, "cases": cases}), text, exit))
}

fn show(documents: &Documents, policy: &Policy, only: Option<&ProfileName>) -> String {
    let mut text = format!("version {}\n", documents.version());
    for profile in policy.profiles().filter(|profile| only.is_none_or(|name| name == profile.name())) {
        let formats: Vec<&str> = profile.formats().keys().map(|format| format.name()).collect();
        text.push_str(&format!(
            "{}  {}  {}  {} grants  owner {}\n",
            profile.name(),
            profile.environment(),
            formats.join(","),
            profile.grants().len(),
            printable(profile.owner())
        ));
    }
    text
}

/// The profile that `--profile` names; it must exist.
fn named(policy: &Policy, profile: Option<&str>) -> Result<Option<ProfileName>, Failure> {
    let Some(text) = profile else { return Ok(None) };
    let name = ProfileName::parse(text).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    if policy.profile(&name).is_some() {
        Ok(Some(name))
    } else {
        Err(Failure::new(Code::Unknown, format!("no profile `{name}`")))
    }
}

fn explained(path: &Path, case: &str, context: &mut Context<'_, '_>) -> Result<Answer, Failure> {
    let outcomes = outcomes(path, context)?;
    let outcome = outcomes
        .iter()
        .find(|outcome| outcome.name == case)
        .ok_or_else(|| Failure::new(Code::Unknown, format!("no case `{case}`")))?;
    let text = explain::decision(&outcome.decision);
    let actual = Expectation::of(&outcome.decision).name();
    Ok((
        json!({"schema": "chancery.policy-explain/1", "case": case, "decision": actual, "text": text}),
        text,
        Exit::Ok,
    ))
}

fn apply(
    (path, file): (&Path, &SignatureFile),
    key: &ssh::Key,
    admin: &Admin,
    mode: Mode,
    context: &mut Context<'_, '_>,
) -> Result<Answer, Failure> {
    let (documents, _) = load(path, context)?;
    if mode == Mode::Rehearsal {
        let text = format!("would apply version {}\n", documents.version());
        return Ok((
            json!({"schema": "chancery.policy-apply/1", "dry_run": true, "version": documents.version()}),
            text,
            Exit::Ok,
        ));
    }
    let server = admin.connect(context)?;
    let set = match key.path() {
        Some(key) => {
            let current: SignedPolicy = server.get("/admin/policy")?.json()?;
            file.add(&policy_sign::after(&current, documents.version())?, key)?
        }
        None => file.read()?,
    };
    let signatures = set.canonical().map_err(|error| Failure::new(Code::Governance, error.to_string()))?;
    let body = json!(SignedPolicy { documents: documents.canonical().to_owned(), signatures }).to_string();
    let applied: PolicyInForce = server.post("/admin/policy", body, None)?.json()?;
    if applied.version != documents.version() {
        return Err(Failure::new(Code::Answer, "the service put another version in force")
            .because(applied.version.to_string(), documents.version().to_string()));
    }
    let text = format!("✓ version {} is in force as number {}\n", applied.version, applied.sequence);
    Ok((
        json!({"schema": "chancery.policy-apply/1", "dry_run": false, "version": applied.version, "sequence": applied.sequence}),
        text,
        Exit::Ok,
    ))
}
