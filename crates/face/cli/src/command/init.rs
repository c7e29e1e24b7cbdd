//! `chancery init`: the binary does it.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::InitOptions;
use crate::terminal::Shape;

/// What the installation is called.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory for configuration and governance documents; must not exist, or be empty.
    #[arg(default_value = ".", value_name = "DIR")]
    directory: PathBuf,
    /// Host name by which callers will know the service.
    #[arg(long)]
    host: String,
    /// Organisation in the names of the built-in authorities.
    #[arg(long)]
    organisation: String,
}

/// Makes the files and lists them.
pub(crate) fn run(args: Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let Args { directory, host, organisation } = args;
    let made = context.host.init(&InitOptions { directory, host, organisation })?;
    let names: Vec<String> = made.iter().map(|path| path.display().to_string()).collect();
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&json!({"schema": "chancery.init/1", "files": names})),
        Shape::Text => names.iter().for_each(|name| context.terminal.result(&format!("{name}\n"))),
    }
    Ok(Exit::Ok)
}
