//! `chancery policy diff`: what another version makes possible, and what it stops, in words.

use std::path::PathBuf;

use chancery_api::policy::SignedPolicy;
use chancery_policy::diff::{self, Effect};
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;
use serde_json::{Value, json};

use super::Context;
use super::key::Admin;
use super::policy::{Answer, Directory, load};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::printable;

/// What is compared.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery policy diff governance                # against what is in force\n  \
    chancery policy diff governance --old ../before"
)]
pub(crate) struct Args {
    /// The new documents.
    #[command(flatten)]
    directory: Directory,
    /// The directory to compare with; what is in force unless given.
    #[arg(long, value_name = "DIR")]
    old: Option<PathBuf>,
    /// Where to ask.
    #[command(flatten)]
    admin: Admin,
}

/// Compares.
pub(super) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Answer, Failure> {
    let new = load(&args.directory.path, context)?;
    let old = match &args.old {
        Some(path) => load(path, context)?,
        None => in_force(&args.admin, context)?,
    };
    let changes = diff::compare((&old.0, &old.1), (&new.0, &new.1));
    let mut text = String::new();
    for effect in [Effect::Weakens, Effect::Allows, Effect::Stops, Effect::Changes] {
        let own: Vec<&diff::Change> = changes.iter().filter(|change| change.effect == effect).collect();
        if !own.is_empty() {
            text.push_str(&format!("{}:\n", effect.title()));
            own.iter().for_each(|change| text.push_str(&format!("  {}\n", printable(&change.words))));
        }
    }
    if text.is_empty() {
        text.push_str("nothing changes what anybody may do\n");
    }
    let list: Vec<Value> =
        changes.iter().map(|change| json!({"effect": change.effect.name(), "what": change.words})).collect();
    let value = json!({
        "schema": "chancery.policy-diff/1", "old": old.0.version(), "new": new.0.version(), "changes": list,
    });
    Ok((value, text, Exit::Ok))
}

fn in_force(admin: &Admin, context: &Context<'_, '_>) -> Result<(Documents, Policy), Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(Code::Answer, "the policy in force cannot be read").because(error.to_string(), "")
    };
    let current: SignedPolicy = admin.connect(context)?.get("/admin/policy")?.json()?;
    let documents = Documents::parse(&current.documents).map_err(|error| unreadable(&error))?;
    let policy = Policy::load(&documents).map_err(|error| unreadable(&error))?;
    Ok((documents, policy))
}
