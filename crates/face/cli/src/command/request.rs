//! `chancery request show|wait`.

use std::time::{Duration, Instant};

use chancery_api::request::{RequestState, StatementState};
use chancery_core::id::RequestId;
use serde_json::json;

use super::Context;
use super::whoami::json_word;
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
        Verb::Show { id } => (id, None),
        Verb::Wait { id, r#for } => (id, Some(Duration::from_secs(*r#for))),
    };
    let id = RequestId::parse(id).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let server = context.server()?;
    let mut state = look(&server, id)?;
    if let Some(limit) = wait {
        let started = Instant::now();
        while state.state == StatementState::Open && started.elapsed() < limit {
            std::thread::sleep(PAUSE.min(limit));
            state = look(&server, id)?;
        }
    }
    show(&state, context);
    Ok(match (state.state, wait) {
        (StatementState::Released, _) | (StatementState::Open, None) => Exit::Ok,
        (StatementState::Open, Some(_)) => Exit::Pending,
        (StatementState::Unknown, _) => Code::Unknown.exit(),
    })
}

fn look(server: &Server, id: RequestId) -> Result<RequestState, Failure> {
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
            context.terminal.result(&text);
        }
    }
}
