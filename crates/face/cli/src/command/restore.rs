//! `chancery restore`: the binary does it.

use std::path::PathBuf;

use super::{Context, act, backup};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::replacement::Replacement;

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
    /// The re-anchor that the root's people signed: chancery act reanchor.
    #[arg(long, value_name = "FILE")]
    act: Option<PathBuf>,
}

/// All of it, or nothing.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let act = args.act.as_deref().map(|path| act::about(path, &context.host.backup_verify(&args.from)?));
    let act = act.transpose()?;
    let report = context.host.restore(&args.from, &args.data_dir)?;
    backup::show(&report, context);
    let place = args.data_dir.join("keyguard/memory/reanchor.act");
    match act {
        Some(text) => Replacement::whole(&place, text.as_bytes())?,
        None => context.terminal.message(&format!(
            "the keyguard starts once the root's people have signed where its ledger goes on: chancery act reanchor \
             --backup DIR --reason … --key SSH_KEY --out FILE, and FILE lies at {}\n",
            place.display()
        )),
    }
    Ok(Exit::Ok)
}
