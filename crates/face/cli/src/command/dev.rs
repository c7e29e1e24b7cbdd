//! `chancery dev token`: a token of the development service's own issuer.

use chancery_api::dev::{DevToken, DevTokenWish};
use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Shape;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Write a token of the development issuer to stdout.
    Token(Token),
}

/// What the token shall say; the default is a push to `main` of `acme/app`.
#[derive(Debug, clap::Args)]
pub(crate) struct Token {
    /// The audience.
    #[arg(long)]
    audience: Option<String>,
    /// Repository, `acme/app`.
    #[arg(long)]
    repository: Option<String>,
    /// Immutable id of the repository.
    #[arg(long)]
    repository_id: Option<String>,
    /// Immutable id of the owner.
    #[arg(long)]
    repository_owner_id: Option<String>,
    /// The full ref, `refs/heads/main`.
    #[arg(long = "ref", value_name = "REF")]
    git_ref: Option<String>,
    /// The commit.
    #[arg(long)]
    sha: Option<String>,
    /// File name of the workflow.
    #[arg(long)]
    workflow: Option<String>,
    /// The event.
    #[arg(long)]
    event: Option<String>,
    /// The deployment environment.
    #[arg(long)]
    environment: Option<String>,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let Verb::Token(wanted) = verb;
    let wish = DevTokenWish {
        audience: wanted.audience.clone(),
        repository: wanted.repository.clone(),
        repository_id: wanted.repository_id.clone(),
        repository_owner_id: wanted.repository_owner_id.clone(),
        git_ref: wanted.git_ref.clone(),
        sha: wanted.sha.clone(),
        workflow: wanted.workflow.clone(),
        event: wanted.event.clone(),
        environment: wanted.environment.clone(),
        ..DevTokenWish::default()
    };
    let body = json!(wish);
    let given: DevToken = context.server()?.post("/dev/token", body.to_string(), None)?.json()?;
    match context.terminal.shape() {
        Shape::Json => {
            context.terminal.json(&json!({"schema": "chancery.dev-token/1", "token": given.token}))
        }
        Shape::Text => context.terminal.result(&format!("{}\n", given.token)),
    }
    Ok(Exit::Ok)
}
