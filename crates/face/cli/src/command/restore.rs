//! `chancery restore`: the binary does it.

use std::path::PathBuf;

use super::{Context, backup};
use crate::exit::Exit;
use crate::failure::Failure;

/// What to restore, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: chancery restore --from /backup/2026-11-21 --data-dir /var/lib/chancery\n\
                        Then put the key-encryption key in its place, and let the root's people sign the re-anchor: \
                        how-to/backup in the manual.")]
pub(crate) struct Args {
    /// The backup; verified before anything is written.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data directory to make: absent or empty.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

/// All of it, or nothing.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let report = context.host.restore(&args.from, &args.data_dir)?;
    backup::show(&report, context);
    context
        .terminal
        .message("the keyguard starts once the root's people have signed where its ledger goes on");
    Ok(Exit::Ok)
}
