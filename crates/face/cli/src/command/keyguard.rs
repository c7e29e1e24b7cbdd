//! `chancery keyguard`: the keyguard on a host of its own; the binary does it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::HiddenRole;

/// How to run it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chancery keyguard --config /etc/chancery/keyguard.toml\n\n\
    The gateway's configuration names it: [keyguard] address, ca, certificate, key.\n\
    Without it, `chancery serve` runs a keyguard beside the gateway.")]
pub(crate) struct Args {
    /// Configuration file of the keyguard.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Whose child this process is.
    #[arg(long, hide = true, value_enum)]
    behind: Option<Parent>,
}

/// Who started a keyguard and holds the other end of its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Parent {
    /// `chancery keyguard`.
    Door,
    /// `chancery serve`.
    Serve,
}

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<u8, Failure> {
    let parent = match args.behind {
        None => {
            context.host.keyguard(&args.config)?;
            return Ok(Exit::Ok.code());
        }
        Some(Parent::Door) => "door",
        Some(Parent::Serve) => "serve",
    };
    let arguments: [OsString; 4] =
        ["--config".into(), args.config.clone().into(), "--behind".into(), parent.into()];
    Ok(context.host.hidden(HiddenRole::Keyguard, &arguments))
}
