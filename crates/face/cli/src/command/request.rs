//! `chancery request show|wait`.

use std::time::{Duration, Instant};

use chancery_api::request::{RequestState, StatementState};
use chancery_core::id::RequestId;
use serde_json::json;

use super::whoami::json_word;
use super::{Context, approve};
use crate::catalogue::Code;
use crate::client::Server;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Shape;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Show how far a request is.
    Show {
        /// The request's id, 64 hexadecimal digits.
        id: String,
    },
    /// List the requests that wait for people.
    List,
    /// Approve a request with your SSH key, after looking at it.
    Approve(approve::Approve),
    /// Reject a request, with a reason.
    Reject(approve::Reject),
    /// Take a request back, as the job that asked for it.
    Cancel {
        /// The request's id, 64 hexadecimal digits.
        id: String,
    },
    /// Wait until everything in a request is signed; exit 5 when the time is over.
    Wait {
        /// The request's id, 64 hexadecimal digits.
        id: String,
        /// Seconds to wait.
        #[arg(long, default_value_t = 600, value_name = "SECONDS")]
        r#for: u64,
    },
}

/// Shows it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let (id, wait) = match verb {
        Verb::List => return approve::list(context),
        Verb::Approve(args) => return approve::approve(args, context),
        Verb::Reject(args) => return approve::reject(args, context),
        Verb::Cancel { id } => return approve::cancel(id, context),
        Verb::Show { id } => (id, None),
        Verb::Wait { id, r#for } => (id, Some(Duration::from_secs(*r#for))),
    };
    let id = RequestId::parse(id).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let server = context.server()?;
    let mut state = look(&server, id)?;
    if let Some(limit) = wait {
        let started = Instant::now();
        while is_on_its_way(&state) && started.elapsed() < limit {
            std::thread::sleep(PAUSE.min(limit));
            state = look(&server, id)?;
        }
    }
    show(&state, context);
    Ok(match (state.state, wait) {
        (StatementState::Released, _) | (StatementState::Open | StatementState::Pending, None) => Exit::Ok,
        // What waited for people is asked for again by its pipeline: it has what it needs now.
        (StatementState::Pending, Some(_)) if !is_on_its_way(&state) => Exit::Ok,
        (StatementState::Open | StatementState::Pending, Some(_)) => Exit::Pending,
        (StatementState::Rejected, _) => Exit::Denied,
        (StatementState::Unknown, _) => Code::Unknown.exit(),
    })
}

/// Whether waiting longer may help.
pub(crate) fn is_on_its_way(state: &RequestState) -> bool {
    let approved = state.waiting.first().is_some_and(|one| one.need > 0 && one.approvals >= one.need);
    state.state == StatementState::Open || (state.state == StatementState::Pending && !approved)
}

pub(crate) fn look(server: &Server, id: RequestId) -> Result<RequestState, Failure> {
    server.get(&format!("/v1/requests/{id}"))?.json()
}

fn show(state: &RequestState, context: &mut Context<'_, '_>) {
    match context.terminal.shape() {
        Shape::Json => context.terminal.document("chancery.request-state/1", json!(state)),
        Shape::Text => {
            let mut text = format!("request {}  {}\n", state.request_id, json_word(&state.state));
            for one in &state.statements {
                let index = one.index.map(|index| format!("  entry {index}")).unwrap_or_default();
                text.push_str(&format!("  {}  {}{index}\n", one.statement, json_word(&one.state)));
            }
            if state.state == StatementState::Pending || state.state == StatementState::Rejected {
                text.push_str(&state.waiting.first().map(approve::words).unwrap_or_default());
            }
            context.terminal.result(&text);
        }
    }
}
