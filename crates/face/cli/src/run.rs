//! From arguments to an exit code.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::arguments::{Cli, ColorChoice, Globals};
use crate::catalogue::Code;
use crate::command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::Host;
use crate::plugin::{self, Plugin};
use crate::terminal::{Streams, Terminal};

/// Runs a command line on the process's streams. The first argument is the program's name, which may be that of a plugin.
pub fn run(arguments: impl IntoIterator<Item = OsString>, host: &dyn Host) -> ExitCode {
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr());
    let err_is_terminal = err.is_terminal();
    let streams = Streams { out: &mut out, err: &mut err, err_is_terminal };
    let mut arguments = arguments.into_iter().peekable();
    let plugin = arguments.peek().and_then(|program| Plugin::named(program));
    ExitCode::from(match plugin {
        Some(plugin) => {
            let given: Vec<OsString> = arguments.skip(1).collect();
            plugin::run(plugin, &given, &mut std::io::stdin().lock(), (host, streams))
        }
        None => run_on(arguments, host, streams),
    })
}

/// As [`run`], on given streams; answers with the exit code.
pub fn run_on(arguments: impl IntoIterator<Item = OsString>, host: &dyn Host, streams: Streams<'_>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            let mut terminal = Terminal::new(streams, &cli.globals, host);
            let code = command::run(cli.command, &cli.globals, host, &mut terminal);
            finish(terminal, code)
        }
        Err(error) => refuse(&error, &arguments, streams, host),
    }
}

/// A result that nobody could read is not a success.
fn finish(terminal: Terminal<'_>, code: u8) -> u8 {
    match terminal.finish() {
        Err(_) if code == Exit::Ok.code() => Exit::Error.code(),
        Ok(()) | Err(_) => code,
    }
}

fn refuse(error: &clap::Error, arguments: &[OsString], streams: Streams<'_>, host: &dyn Host) -> u8 {
    let json = arguments.iter().any(|argument| argument == "--json");
    let globals = Globals { json, color: ColorChoice::Auto, ..Globals::default() };
    let mut terminal = Terminal::new(streams, &globals, host);
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        terminal.result(&text);
        return finish(terminal, Exit::Ok.code());
    }
    if json {
        let what = text.trim_start_matches("error: ").lines().next().unwrap_or_default().to_owned();
        terminal.failure(&Failure::new(Code::Usage, what).hint("chancery --help"));
    } else {
        terminal.complain(&text);
    }
    finish(terminal, Exit::Usage.code())
}
