//! `chancery verify`: judges files against an expected signer. Without one there is no success.
//!
//! Neither the HTTP client nor a random number is touched unless trust has to be fetched.

use std::path::PathBuf;

use chancery_core::time::Time;
use chancery_core::verdict::{Outcome, Reason};
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::verify;
use serde_json::{Value, json};

use super::Context;
use crate::evidence::{self, Judged};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::selection;
use crate::report::{self, About};
use crate::terminal::Shape;
use crate::trust::{self, Reach, Trusted};

/// What to verify, and against what.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// Files, or patterns such as `dist/*.exe`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Name of a verification policy in the trust document: who must have signed.
    #[arg(long, env = "CHANCERY_POLICY", hide_env_values = true, value_name = "NAME")]
    policy: Option<String>,
    /// Whom to trust.
    #[command(flatten)]
    trust: trust::Source,
    /// Never use the network.
    #[arg(long)]
    offline: bool,
    /// Signature file; without it FILE.sigstore.json, or the signature inside the file.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Say what each check asks, and what became of it.
    #[arg(long)]
    explain: bool,
    /// Judge as of a moment: 2026-11-20T21:47:03Z.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// What every file is judged against.
struct Expected<'a> {
    trust: Trusted,
    policy_name: &'a str,
    policy: VerificationPolicy,
    at: Time,
    reach: Reach,
}

/// Verifies every file; the worst outcome is the command's.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let expected = expected(args, context)?;
    let files = selection::files(&args.files)?;
    if args.bundle.is_some() && files.len() > 1 {
        return Err(Failure::new(crate::catalogue::Code::Usage, "--bundle belongs to one file")
            .because(format!("{} files", files.len()), "1"));
    }
    let mut exits = Vec::new();
    let mut documents: Vec<Value> = Vec::new();
    for path in &files {
        let name = path.display().to_string();
        let Expected { trust, policy_name, policy, at, reach } = &expected;
        let about = About { name: &name, policy: policy_name, reach: *reach, voucher: &trust.voucher };
        let judging = verify::Context { trust: &trust.snapshot, policy, at: *at };
        match evidence::judge(path, args.bundle.as_deref(), &judging) {
            Ok(judged) => {
                exits.push(Exit::of_outcome(judged.verdict.outcome()));
                documents.push(show(&judged, about, args, context));
            }
            Err(failure) if files.len() == 1 => return Err(failure),
            Err(failure) => {
                exits.push(failure.exit);
                documents.push(failure.json());
                if context.terminal.shape() == Shape::Text {
                    context.terminal.failure(&failure);
                }
            }
        }
    }
    let worst = Exit::worst(exits);
    if context.terminal.shape() == Shape::Json {
        let document = match documents.as_slice() {
            [one] => one.clone(),
            all => json!({"schema": report::SCHEMA_MANY, "exit_code": worst.code(), "results": all}),
        };
        context.terminal.json(&document);
    }
    Ok(worst)
}

fn expected<'a>(args: &'a Args, context: &mut Context<'_, '_>) -> Result<Expected<'a>, Failure> {
    let reach = if args.offline { Reach::Offline } else { Reach::Online };
    let Some(policy_name) = args.policy.as_deref() else { return Err(no_expectation()) };
    let at = trust::moment(args.at.as_deref(), context.host.now())?;
    let trust = trust::load(&args.trust, reach, context)?;
    let policy = trust::policy(&trust.snapshot, policy_name)?.clone();
    Ok(Expected { trust, policy_name, policy, at, reach })
}

/// Verifying without an expected signer is an error, never a success.
fn no_expectation() -> Failure {
    let reason = Reason::NoExpectation;
    let mut failure = Failure::new(crate::catalogue::Code::Usage, "no expected signer is named")
        .hint("give --policy NAME, a policy of the trust document; `chancery inspect` shows without judging");
    failure.code = reason.code().to_owned();
    failure.exit = Exit::of_outcome(reason.outcome());
    failure
}

fn show(judged: &Judged, about: About<'_>, args: &Args, context: &mut Context<'_, '_>) -> Value {
    if context.terminal.shape() == Shape::Text {
        if judged.verdict.outcome() == Outcome::Verified {
            context.terminal.result(&report::accepted(judged, about));
        } else {
            context.terminal.complain(&report::rejected(judged, about));
        }
        if args.explain {
            context.terminal.result(&report::explained(&judged.verdict));
        }
    }
    report::json(judged, about)
}
