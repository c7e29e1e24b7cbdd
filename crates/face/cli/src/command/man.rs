//! `chancery man`: manual pages from the same definition as the parser.

use std::path::PathBuf;

use clap::CommandFactory as _;

use super::Context;
use crate::arguments::Cli;
use crate::exit::Exit;
use crate::failure::Failure;

/// Where the pages go.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory for one page per command; without it the main page goes to stdout.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Writes the pages.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let command = Cli::command();
    let Some(directory) = &args.output else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut page);
        rendered.map_err(|error| Failure::file("render", std::path::Path::new("chancery.1"), &error))?;
        context.terminal.result(&String::from_utf8_lossy(&page));
        return Ok(Exit::Ok);
    };
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(command.disable_help_subcommand(true), directory));
    written.map_err(|error| Failure::file("write", directory, &error))?;
    context.terminal.message(&format!("manual pages are in {}\n", directory.display()));
    Ok(Exit::Ok)
}
