//! `chancery exception open|list|review`: permissions to deviate, with owner, reason, end, count and review.

use chancery_api::act::Exceptions;
use chancery_core::id::{PersonId, ProfileName};
use chancery_policy::act::document::{Deed, Exception, Waive};
use serde_json::json;

use super::Context;
use super::act::{self, Way};
use super::freeze::{digest, moment};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Shape;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Open an exception: the root's threshold signs; with --emergency the profile's approvers.
    #[command(
        after_help = "Examples:\n  chancery exception open --profile acme-release --waive limits --count 40 --until 2026-12-01T00:00:00Z \
        --review 2026-12-03T00:00:00Z --owner bob --ticket REL-9 --reason 'mass re-release' --key ~/.ssh/id_ed25519 --out e.act\n  \
        chancery exception open --emergency --profile acme-release --waive approvals --waive hold --count 2 …   # break-glass"
    )]
    Open(Box<Open>),
    /// List exceptions in force and those that wait for their review.
    List,
    /// Say what came of an exception: an auditor who neither signed nor owns it.
    Review {
        /// The exception's name, 64 hexadecimal digits.
        exception: String,
        /// What was found.
        #[arg(long)]
        finding: String,
        /// Who signs, and where it goes.
        #[command(flatten)]
        way: Way,
    },
}

/// An exception.
#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// For which profile.
    #[arg(long, value_name = "NAME")]
    profile: String,
    /// What it takes away: approvals, hold, limits; again for each.
    #[arg(long = "waive", value_name = "WHAT", required = true)]
    waives: Vec<String>,
    /// How many signatures it is good for.
    #[arg(long)]
    count: u32,
    /// Its end, RFC 3339: within 31 days, in an emergency within one.
    #[arg(long, value_name = "TIME")]
    until: String,
    /// When its review is due, RFC 3339: within seven days after its end.
    #[arg(long, value_name = "TIME")]
    review: String,
    /// Who answers for it: a person in the roster.
    #[arg(long, value_name = "PERSON")]
    owner: String,
    /// Ticket or incident.
    #[arg(long)]
    ticket: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Break-glass: the profile's approvers sign instead of the root's people.
    #[arg(long)]
    emergency: bool,
    /// Who signs, and where it goes.
    #[command(flatten)]
    way: Way,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    match verb {
        Verb::Open(open) => act::begin(Deed::Exception(exception(open)?), &open.way, context),
        Verb::Review { exception, finding, way } => {
            let deed = Deed::Review { exception: digest(exception)?, finding: finding.clone() };
            act::begin(deed, way, context)
        }
        Verb::List => list(context),
    }
}

fn exception(open: &Open) -> Result<Exception, Failure> {
    let usage = |error: chancery_core::id::InvalidId| Failure::new(Code::Usage, error.to_string());
    let mut waives = open.waives.iter().map(|name| waive(name)).collect::<Result<Vec<_>, _>>()?;
    waives.sort_unstable();
    waives.dedup();
    Ok(Exception {
        profile: ProfileName::parse(&open.profile).map_err(usage)?,
        waives,
        until: moment(&open.until)?,
        count: open.count,
        owner: PersonId::parse(&open.owner).map_err(usage)?,
        reason: open.reason.clone(),
        ticket: open.ticket.clone(),
        review: moment(&open.review)?,
        emergency: open.emergency,
    })
}

fn waive(name: &str) -> Result<Waive, Failure> {
    match name {
        "approvals" => Ok(Waive::Approvals),
        "hold" => Ok(Waive::Hold),
        "limits" => Ok(Waive::Limits),
        _ => Err(Failure::new(Code::Usage, format!("`{name}` cannot be waived"))
            .because(name, "approvals, hold or limits")),
    }
}

fn list(context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let exceptions: Exceptions = context.server()?.get("/v1/exceptions")?.json()?;
    match context.terminal.shape() {
        Shape::Json => context.terminal.document("chancery.exceptions/1", json!(exceptions)),
        Shape::Text if exceptions.exceptions.is_empty() => context.terminal.result("no exceptions\n"),
        Shape::Text => {
            for one in &exceptions.exceptions {
                let state = if one.reviewed.is_some() { "reviewed" } else { "review due" };
                context.terminal.result(&format!(
                    "{}  {}  waives {}  {} of {} used  until {}  {state} {}\n",
                    one.exception,
                    one.profile,
                    one.waives.join(","),
                    one.used,
                    one.count,
                    one.until,
                    one.review
                ));
            }
        }
    }
    Ok(Exit::Ok)
}
