//! `chancery completion SHELL`: from the same definition as the parser.

use clap::CommandFactory as _;

use super::Context;
use crate::arguments::Cli;
use crate::exit::Exit;
use crate::failure::Failure;

/// Which shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// bash, elvish, fish, powershell or zsh.
    shell: clap_complete::Shell,
}

/// Writes the script to stdout.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "chancery", &mut script);
    context.terminal.result(&String::from_utf8_lossy(&script));
    Ok(Exit::Ok)
}
