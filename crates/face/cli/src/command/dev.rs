//! `chancery dev token`: a token of the development service's own issuer.

use chancery_api::dev::{DevToken, DevTokenWish};
use serde_json::json;

use super::Context;
use crate::catalogue::Code;
use crate::client::Server;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::sign::ask;
use crate::terminal::Shape;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Write a token of the development issuer to stdout.
    ///
    /// `chancery sign` wants a token that is made for its very request, so it asks for one by itself. To sign as another
    /// caller, become one: eval "$(chancery dev token --env --ref refs/heads/x --repository-id 7)"
    Token(Token),
}

/// What the token shall say; the default is a push to `main` of `acme/app`.
#[derive(Debug, clap::Args)]
pub(crate) struct Token {
    /// The audience; that of the service unless given, which is enough for `chancery whoami`.
    #[arg(long, conflicts_with = "env")]
    audience: Option<String>,
    /// Write a line for the shell instead, after which every command there is such a caller.
    #[arg(long)]
    env: bool,
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
    /// Login of whoever started the job.
    #[arg(long)]
    actor: Option<String>,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let Verb::Token(wanted) = verb;
    let server = context.server()?;
    let mut wish = DevTokenWish {
        audience: wanted.audience.clone(),
        repository: wanted.repository.clone(),
        repository_id: wanted.repository_id.clone(),
        repository_owner_id: wanted.repository_owner_id.clone(),
        git_ref: wanted.git_ref.clone(),
        sha: wanted.sha.clone(),
        workflow: wanted.workflow.clone(),
        event: wanted.event.clone(),
        environment: wanted.environment.clone(),
        actor: wanted.actor.clone(),
        ..DevTokenWish::default()
    };
    if wanted.env {
        wish.audience = None;
        return caller(&wish, &server, context);
    }
    if wish.audience.is_none() {
        wish.audience = Some(format!("chancery:{}", ask::audience_host(&server)?));
    }
    let given: DevToken = server.post("/dev/token", json!(wish).to_string(), None)?.json()?;
    match context.terminal.shape() {
        Shape::Json => {
            context.terminal.json(&json!({"schema": "chancery.dev-token/1", "token": given.token}))
        }
        Shape::Text => context.terminal.result(&format!("{}\n", given.token)),
    }
    Ok(Exit::Ok)
}

/// The address from which this shell's commands get their tokens, with what these shall say.
fn caller(wish: &DevTokenWish, server: &Server, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let members = json!(wish);
    let said = members.as_object().into_iter().flatten();
    let said = said.filter_map(|(name, value)| value.as_str().map(|value| (name.as_str(), value)));
    let mut url = reqwest::Url::parse(server.address())
        .map_err(|_| Failure::new(Code::Server, "the service's address cannot be used"))?;
    url.set_path("/dev/actions/token");
    url.query_pairs_mut().append_pair("dev", "1").extend_pairs(said);
    let url = url.to_string().replace('\'', "%27");
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&json!({"schema": "chancery.dev-caller/1", "url": url})),
        Shape::Text => {
            context.terminal.result(&format!("export ACTIONS_ID_TOKEN_REQUEST_URL='{url}'\n"));
        }
    }
    Ok(Exit::Ok)
}
