//! `chancery serve`: the binary does it.

use std::path::PathBuf;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::ServeOptions;

/// How to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Development authorities, issuer and policy; loopback only; never for anything that others trust.
    #[arg(long)]
    dev: bool,
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "CHANCERY_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Directory for everything that is kept; with --dev a new temporary one unless given.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address to listen on, `127.0.0.1:8443`.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

/// Serves until it is told to stop.
pub(crate) fn run(args: Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let Args { dev, config, data_dir, listen } = args;
    context.host.serve(&ServeOptions { dev, config, data_dir, listen })?;
    Ok(Exit::Ok)
}
