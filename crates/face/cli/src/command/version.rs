//! `chancery version`.

use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Shape;

/// Shows the version.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&json!({"schema": "chancery.version/1", "version": version})),
        Shape::Text => context.terminal.result(&format!("chancery {version}\n")),
    }
    Ok(Exit::Ok)
}
