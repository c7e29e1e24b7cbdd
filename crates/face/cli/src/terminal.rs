//! Where output goes: the result to stdout, messages to stderr; colour and progress only where a person looks.

use std::fmt;
use std::io::Write;

use serde_json::{Map, Value};

use crate::arguments::{ColorChoice, Globals};
use crate::failure::Failure;
use crate::host::Host;

/// What the process's streams are.
pub struct Streams<'a> {
    /// Takes the result.
    pub out: &'a mut dyn Write,
    /// Takes messages.
    pub err: &'a mut dyn Write,
    /// Whether a person looks at the messages.
    pub err_is_terminal: bool,
}

impl fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Streams(terminal: {})", self.err_is_terminal)
    }
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One JSON document.
    Json,
    /// Lines for people.
    Text,
}

/// The streams with what the flags and the environment say about them.
#[derive(Debug)]
pub(crate) struct Terminal<'a> {
    streams: Streams<'a>,
    shape: Shape,
    is_quiet: bool,
    colors: Colors,
    broken: Option<std::io::ErrorKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colors {
    Off,
    On,
}

impl<'a> Terminal<'a> {
    /// Decides about colour: `--color` first, then NO_COLOR, CLICOLOR_FORCE, TERM=dumb, then whether it is a terminal.
    #[must_use]
    pub(crate) fn new(streams: Streams<'a>, globals: &Globals, host: &dyn Host) -> Self {
        let set = |name: &str| host.variable(name).is_some_and(|value| !value.is_empty() && value != "0");
        let no_color = host.variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = host.variable("TERM").is_some_and(|value| value == "dumb");
        let is_on = match globals.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                !no_color && (set("CLICOLOR_FORCE") || (streams.err_is_terminal && !is_dumb))
            }
        };
        let colors = if is_on { Colors::On } else { Colors::Off };
        let shape = if globals.json { Shape::Json } else { Shape::Text };
        Self { streams, shape, is_quiet: globals.quiet, colors, broken: None }
    }
    /// How the result is to be written.
    #[must_use]
    pub(crate) const fn shape(&self) -> Shape {
        self.shape
    }
    /// Whether progress may be shown: only to a person, never beside `--quiet`.
    #[must_use]
    pub(crate) const fn shows_progress(&self) -> bool {
        self.streams.err_is_terminal && !self.is_quiet
    }
    /// Writes a part of the result. A reader that went away is remembered, see [`Terminal::finish`].
    pub(crate) fn result(&mut self, text: &str) {
        let written = self.streams.out.write_all(text.as_bytes());
        self.remember(written);
    }
    /// Writes a JSON document as the result.
    pub(crate) fn json(&mut self, value: &serde_json::Value) {
        self.result(&format!("{value:#}\n"));
    }
    /// Writes a wire type as the result, under a schema of the command line's own.
    pub(crate) fn document(&mut self, schema: &str, value: Value) {
        let mut members = match value {
            Value::Object(members) => members,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        };
        members.insert("schema".into(), Value::String(schema.to_owned()));
        self.json(&Value::Object(members));
    }
    /// A message for people; not with `--quiet`.
    pub(crate) fn message(&mut self, text: &str) {
        if !self.is_quiet {
            self.complain(text);
        }
    }
    /// A message that is shown even with `--quiet`.
    pub(crate) fn complain(&mut self, text: &str) {
        let styled = self.styled(text);
        // Nobody to tell when stderr is gone.
        drop(self.streams.err.write_all(styled.as_bytes()));
    }
    /// A failure, in the shape that was asked for.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        match self.shape {
            Shape::Json => self.json(&failure.json()),
            Shape::Text => self.complain(&failure.text()),
        }
    }
    /// Flushes; errors when a part of the result could not be written.
    pub(crate) fn finish(mut self) -> Result<(), std::io::ErrorKind> {
        let flushed = self.streams.out.flush();
        self.remember(flushed);
        drop(self.streams.err.flush());
        self.broken.map_or(Ok(()), Err)
    }

    fn remember(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written {
            self.broken.get_or_insert(error.kind());
        }
    }
    fn styled(&self, text: &str) -> String {
        if self.colors == Colors::Off {
            return text.to_owned();
        }
        let paint = |text: &str, color: anstyle::AnsiColor| {
            let style = color.on_default().effects(anstyle::Effects::BOLD);
            format!("{style}{text}{style:#}")
        };
        let text = text.replace('✓', &paint("✓", anstyle::AnsiColor::Green));
        let text = text.replace('✗', &paint("✗", anstyle::AnsiColor::Red));
        match text.strip_prefix("error[").and_then(|rest| rest.split_once(']')) {
            Some((code, rest)) => {
                format!("{}{rest}", paint(&format!("error[{code}]"), anstyle::AnsiColor::Red))
            }
            None => text,
        }
    }
}

/// Names and claims are chosen by others: nothing in them may steer a terminal or hide text.
#[must_use]
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || hides {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}
