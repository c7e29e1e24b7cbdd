//! `chancery backup`: the binary does it, on the machine of the service.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::{BackupOptions, BackupReport};
use crate::terminal::{Shape, printable};

/// What to back up, and where to.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example: chancery backup --data-dir /var/lib/chancery --to /backup/2026-11-21\n\
                  The key-encryption key is never in it: keep that elsewhere."
)]
pub(crate) struct Args {
    /// Verify a backup instead.
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The service's data directory; the service may run meanwhile.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The service's configuration file; looked for in the data directory and above it unless given.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the backup goes: a directory that is absent or empty.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Go on with a backup that was interrupted.
    #[arg(long)]
    resume: bool,
}

/// What else there is to do.
#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Read a backup back: every file, every entry of the ledger, its root, and the checkpoint's signature.
    #[command(after_help = "Example: chancery backup verify /backup/2026-11-21")]
    Verify {
        /// The backup.
        directory: PathBuf,
    },
}

/// Does it.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let report = match (&args.verb, &args.data_dir, &args.to) {
        (Some(Verb::Verify { directory }), _, _) => context.host.backup_verify(directory)?,
        (None, Some(data_dir), Some(to)) => context.host.backup(&BackupOptions {
            data_dir: data_dir.clone(),
            config: args.config.clone(),
            to: to.clone(),
            resume: args.resume,
        })?,
        (None, _, _) => {
            return Err(
                Failure::new(Code::Usage, "a backup needs --data-dir and --to").hint("chancery help backup")
            );
        }
    };
    show(&report, context);
    Ok(Exit::Ok)
}

/// Shows what a backup is of.
pub(super) fn show(report: &BackupReport, context: &mut Context<'_, '_>) {
    match context.terminal.shape() {
        Shape::Json => context.terminal.document("chancery.backup-report/1", json!(report)),
        Shape::Text => {
            let mut text = format!(
                "{}  {} entries, root {}\n  made {}, {} files, {} bytes, read back and whole\n",
                printable(&report.origin),
                report.size,
                report.root,
                printable(&report.made),
                report.files,
                report.bytes
            );
            for secret in &report.left_out {
                text.push_str(&format!("  not in it, keep it elsewhere: {}\n", printable(secret)));
            }
            context.terminal.result(&text);
        }
    }
}
