//! `chancery evidence export`: what the ledger names by hash, as files that an auditor can take along.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Shape, printable};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Copy tokens, requests, signatures, certificates, timestamps and governance documents, each named by its hash.
    #[command(after_help = "Example:
  chancery evidence export --data-dir /var/lib/chancery --to evidence")]
    Export {
        /// Data directory of a service, stopped or running; it is only read.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
        /// Directory for the copy; what is there already stays.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let Verb::Export { data_dir, to } = verb;
    let count = context.host.evidence_export(data_dir, to)?;
    let shown = to.display().to_string();
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&json!({
            "schema": "chancery.evidence-export/1", "directory": shown, "contents": count,
        })),
        Shape::Text => {
            context.terminal.result(&format!("✓ {count} pieces of evidence are in {}\n", printable(&shown)));
        }
    }
    Ok(Exit::Ok)
}
