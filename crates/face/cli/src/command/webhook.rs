//! `chancery webhook`: through the administrator's socket, because notices tell what only an operator may hear first.

use chancery_api::webhook::{DeadLetters, RedeliverWish, Redelivered, Tested, Webhook, Webhooks};
use serde_json::json;

use super::Context;
use super::key::Admin;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Shape, printable};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List webhooks: what each is told about, how far it is, what was given up.
    List {
        /// Where to ask.
        #[command(flatten)]
        admin: Admin,
    },
    /// Send a notice that tells nothing, and say whether the receiver took it.
    #[command(after_help = "Example: chancery webhook test chat")]
    Test {
        /// The webhook's name.
        name: String,
        /// Where to ask.
        #[command(flatten)]
        admin: Admin,
    },
    /// List the notices that were given up; a hundred at a time.
    #[command(after_help = "Example: chancery webhook dead chat --json")]
    Dead {
        /// The webhook's name.
        name: String,
        /// Only those with a higher number.
        #[arg(long, default_value_t = 0, value_name = "NUMBER")]
        after: u64,
        /// Where to ask.
        #[command(flatten)]
        admin: Admin,
    },
    /// Send the notices again that were given up, oldest first.
    #[command(after_help = "Example: chancery webhook redeliver chat --number 3")]
    Redeliver {
        /// The webhook's name.
        name: String,
        /// Only this one.
        #[arg(long, value_name = "NUMBER")]
        number: Option<u64>,
        /// Where to ask.
        #[command(flatten)]
        admin: Admin,
    },
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let (schema, value, text) = match verb {
        Verb::List { admin } => {
            let webhooks: Webhooks = admin.connect(context)?.get("/admin/webhooks")?.json()?;
            let text = webhooks.webhooks.iter().map(lines).collect();
            ("chancery.webhooks/1", json!(webhooks), text)
        }
        Verb::Test { name, admin } => {
            let path = path(name, "test")?;
            let tested: Tested = admin.connect(context)?.post(&path, String::new(), None)?.json()?;
            let text = format!("taken  {}\n", printable(&tested.notice));
            ("chancery.webhook-test/1", json!(tested), text)
        }
        Verb::Dead { name, after, admin } => {
            let path = path(name, &format!("dead?after={after}"))?;
            let dead: DeadLetters = admin.connect(context)?.get(&path)?.json()?;
            let line = |letter: &chancery_api::webhook::DeadLetter| {
                let texts =
                    [&letter.at, &letter.event, &letter.notice, &letter.why].map(|text| printable(text));
                format!("{:>6}  {}  {} attempts\n", letter.number, texts.join("  "), letter.attempts)
            };
            let text = dead.dead.iter().map(line).collect();
            ("chancery.webhook-dead/1", json!(dead), text)
        }
        Verb::Redeliver { name, number, admin } => {
            let wish = json!(RedeliverWish { number: *number }).to_string();
            let path = path(name, "redeliver")?;
            let done: Redelivered = admin.connect(context)?.post(&path, wish, None)?.json()?;
            let text = format!("taken  {}\nleft   {}\n", done.delivered, done.left);
            ("chancery.webhook-redelivered/1", json!(done), text)
        }
    };
    match context.terminal.shape() {
        Shape::Text => context.terminal.result(&text),
        Shape::Json => context.terminal.document(schema, value),
    }
    Ok(Exit::Ok)
}

/// Names are as in the configuration: what else is in one would change the path.
fn path(name: &str, what: &str) -> Result<String, Failure> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(fits) {
        return Ok(format!("/admin/webhooks/{name}/{what}"));
    }
    let failure = Failure::new(Code::Usage, "this is not the name of a webhook");
    Err(failure.because(name, "lower-case letters, digits and hyphens, as in the configuration"))
}

fn lines(webhook: &Webhook) -> String {
    let next = webhook.next.map_or_else(|| "not begun".to_owned(), |next| format!("next entry {next}"));
    let mut text = format!(
        "{}  {}  {next}, {} behind  {} taken  {} failed  {} given up\n  {}\n",
        printable(&webhook.name),
        printable(&webhook.host),
        webhook.behind,
        webhook.delivered,
        webhook.failed,
        webhook.dead,
        printable(&webhook.events.join(" ")),
    );
    if let Some(last) = &webhook.last_failure {
        text.push_str(&format!("  last failure {}: {}\n", printable(&last.at), printable(&last.why)));
    }
    text
}
