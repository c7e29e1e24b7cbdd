//! `chancery freeze set|list|lift`: one person stops, the root's people let go on.

use chancery_api::act::Freezes;
use chancery_core::digest::Sha256;
use chancery_core::freeze::Scope;
use chancery_core::id::{IssuerName, KeyId, ProfileName};
use chancery_core::time::Time;
use chancery_policy::act::document::Deed;
use serde_json::json;

use super::Context;
use super::act::{self, Way};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Shape, printable};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Stop signing, at once: everything that has all that is named; nothing named is everything.
    #[command(
        after_help = "Examples:\n  chancery freeze set --profile acme-release --reason 'runner compromised' --key ~/.ssh/id_ed25519\n  \
        chancery freeze set --repository 42 --until 2026-12-24T08:00:00Z --reason INC-7 --key ~/.ssh/id_ed25519"
    )]
    Set(Box<Set>),
    /// List what is stopped.
    List,
    /// Let go on: the root's threshold signs.
    #[command(
        after_help = "Example:\n  chancery freeze lift NAME --reason 'runner replaced' --key ~/.ssh/id_ed25519 --out unfreeze.act"
    )]
    Lift {
        /// The freeze's name, 64 hexadecimal digits.
        freeze: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Who signs, and where it goes.
        #[command(flatten)]
        way: Way,
    },
}

/// What is stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    /// Only this key.
    #[arg(long = "signing-key", value_name = "NAME")]
    signing_key: Option<String>,
    /// Only this profile.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Only callers of this issuer.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Only callers of the repository with this immutable id.
    #[arg(long, value_name = "ID")]
    repository: Option<String>,
    /// Only callers of this workflow.
    #[arg(long, value_name = "URI")]
    workflow: Option<String>,
    /// Only callers on this class or group of runners.
    #[arg(long, value_name = "GROUP")]
    runner: Option<String>,
    /// From when on, RFC 3339; at once unless given.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until when, RFC 3339; until it is lifted unless given.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who signs, and where it goes.
    #[command(flatten)]
    way: Way,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    match verb {
        Verb::Set(set) => act::begin(deed(set)?, &set.way, context),
        Verb::Lift { freeze, reason, way } => {
            let freeze = digest(freeze)?;
            act::begin(Deed::Unfreeze { freeze, reason: reason.clone() }, way, context)
        }
        Verb::List => list(context),
    }
}

/// 64 hexadecimal digits.
pub(super) fn digest(text: &str) -> Result<Sha256, Failure> {
    Sha256::parse_hex(text).map_err(|error| Failure::new(Code::Usage, error.to_string()))
}

/// A moment in RFC 3339.
pub(super) fn moment(text: &str) -> Result<Time, Failure> {
    Time::parse_rfc3339(text).ok_or_else(|| {
        Failure::new(Code::Usage, format!("`{text}` is not a moment")).because(text, "2026-12-24T08:00:00Z")
    })
}

fn deed(set: &Set) -> Result<Deed, Failure> {
    let usage = |error: chancery_core::id::InvalidId| Failure::new(Code::Usage, error.to_string());
    let scope = Scope {
        key: set.signing_key.as_deref().map(KeyId::parse).transpose().map_err(usage)?,
        profile: set.profile.as_deref().map(ProfileName::parse).transpose().map_err(usage)?,
        issuer: set.issuer.as_deref().map(IssuerName::parse).transpose().map_err(usage)?,
        repository: set.repository.clone(),
        workflow: set.workflow.clone(),
        runner: set.runner.clone(),
    };
    let from = set.from.as_deref().map(moment).transpose()?;
    let until = set.until.as_deref().map(moment).transpose()?;
    Ok(Deed::Freeze { scope, from, until, reason: set.reason.clone() })
}

fn list(context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let freezes: Freezes = context.server()?.get("/v1/freezes")?.json()?;
    match context.terminal.shape() {
        Shape::Json => context.terminal.document("chancery.freezes/1", json!(freezes)),
        Shape::Text if freezes.freezes.is_empty() => context.terminal.result("nothing is stopped\n"),
        Shape::Text => {
            for one in &freezes.freezes {
                let scope = serde_json::to_string(&one.scope).unwrap_or_default();
                let until = one.until.as_deref().unwrap_or("until it is lifted");
                context.terminal.result(&format!("{}  {}  {until}\n", one.freeze, printable(&scope)));
            }
        }
    }
    Ok(Exit::Ok)
}
