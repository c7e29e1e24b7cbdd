//! Signing that waits for people: the request stays on the service, and is asked for again with a fresh token when it has
//! what it waited for. Nothing is held meanwhile but this process, which may be ended: the same command goes on.

use std::time::{Duration, Instant};

use chancery_api::profile::Profile;
use chancery_api::request::StatementState;
use chancery_api::signed::Signed;
use chancery_core::request::Request;

use crate::catalogue::Code;
use crate::client::Server;
use crate::command::Context;
use crate::command::request::{is_on_its_way, look};
use crate::failure::Failure;
use crate::sign::ask;
use crate::sign::brought::Asked;
use crate::sign::image::Attaching;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// What waits for no people is asked for again after so many looks.
const LOOKS: u32 = 5;

/// How long a command may wait, as every command that signs says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Waiting {
    /// Seconds to wait for approvals, other builders or a hold period.
    #[arg(long, default_value_t = 1800, value_name = "SECONDS", conflicts_with = "no_wait")]
    wait: u64,
    /// Do not wait: exit 5, and go on later with `chancery request wait` and the same command.
    #[arg(long)]
    no_wait: bool,
}

impl Waiting {
    /// The time, none where there is nothing to wait for.
    pub(crate) const fn patience(&self) -> Duration {
        Duration::from_secs(if self.no_wait { 0 } else { self.wait })
    }
}

/// Signs a request, and waits as long as it may.
pub(crate) fn sign(
    (server, profile): (&Server, &Profile),
    (asked, attaching): (&Asked<'_>, Attaching),
    patience: Duration,
    context: &mut Context<'_, '_>,
) -> Result<Signed, Failure> {
    let started = Instant::now();
    let mut told = false;
    loop {
        let failure = match ask::sign(server, context.host, profile, (asked, attaching)) {
            Err(failure) if failure.code == Code::Pending.code() => failure,
            other => return other,
        };
        let id = asked.request.id();
        if started.elapsed() >= patience {
            let way = format!("go on later with the same command; chancery request wait {id} tells when");
            return Err(failure.hint(way));
        }
        if !told {
            context.terminal.message(&format!("… {}\n  chancery request approve {id}\n", failure.what));
            told = true;
        }
        let left = patience.saturating_sub(started.elapsed());
        wait(server, asked.request, left)?;
    }
}

/// Waits until asking again may help.
fn wait(server: &Server, request: &Request, left: Duration) -> Result<(), Failure> {
    let started = Instant::now();
    for looks in 1.. {
        std::thread::sleep(PAUSE.min(left));
        let state = look(server, request.id())?;
        let waits_for_people = state.waiting.first().is_some_and(|one| one.need > 0);
        let is_due = !is_on_its_way(&state) || (!waits_for_people && looks >= LOOKS);
        if is_due || state.state == StatementState::Rejected || started.elapsed() >= left {
            break;
        }
    }
    Ok(())
}
