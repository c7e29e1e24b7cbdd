//! One step of the demo: a command line, the exit code that it promises, and what came out.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::printable;

/// Where steps run.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    /// This binary.
    pub(crate) program: &'a Path,
    /// What the service says a job needs.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// The job's directory.
    pub(crate) directory: &'a Path,
}

/// A command line and what it promises.
#[derive(Debug)]
pub(crate) struct Step {
    what: &'static str,
    arguments: Vec<String>,
    expect: Exit,
    suffixes: Vec<(&'static str, &'static str)>,
    stolen: Option<String>,
}

impl Step {
    /// A step with what it shows.
    pub(crate) fn new(what: &'static str, arguments: &[&str], expect: Exit) -> Self {
        let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
        Self { what, arguments, expect, suffixes: Vec::new(), stolen: None }
    }
    /// Appends to variables of the environment: another job than the one that the file describes.
    pub(crate) fn with_suffix(mut self, suffixes: &[(&'static str, &'static str)]) -> Self {
        self.suffixes = suffixes.to_vec();
        self
    }
    /// Shows the service a token that was made for something else; its value is not told.
    pub(crate) fn with_token(mut self, token: String) -> Self {
        self.stolen = Some(token);
        self
    }
    fn line(&self) -> String {
        let stolen = if self.stolen.is_some() { "CHANCERY_ID_TOKEN=\"$STOLEN\" " } else { "" };
        let changed = self.suffixes.iter().map(|(name, suffix)| format!("{name}=\"${name}{suffix}\" "));
        format!("{stolen}{}chancery {}", changed.collect::<String>(), self.arguments.join(" "))
    }
}

/// What came out of a step.
#[derive(Debug)]
pub(crate) struct StepResult {
    code: i32,
    ok: bool,
    said: String,
    /// The JSON document; null when there was none.
    pub(crate) document: Value,
}

impl Script<'_> {
    /// Runs a step twice where it can be shown both ways: for people, and for the document.
    pub(crate) fn run(&self, step: &Step) -> Result<StepResult, Failure> {
        let (code, document, _) = self.spawn(step, &["--json"])?;
        let said = match document.get("schema") {
            Some(_) => told(&document),
            None => String::new(),
        };
        let ok = code == i32::from(step.expect.code());
        Ok(StepResult { code, ok, said, document })
    }
    /// Runs a command that is not part of the story.
    pub(crate) fn quietly(&self, arguments: &[&str]) -> Result<Value, Failure> {
        let step = Step::new("", arguments, Exit::Ok);
        self.spawn(&step, &["--json"]).map(|(_, document, _)| document)
    }
    fn spawn(&self, step: &Step, more: &[&str]) -> Result<(i32, Value, Vec<u8>), Failure> {
        let mut command = Command::new(self.program);
        command.args(&step.arguments).args(more).current_dir(self.directory).envs(self.environment);
        for (name, suffix) in &step.suffixes {
            let old = self.environment.get(*name).map(String::as_str).unwrap_or_default();
            command.env(name, format!("{old}{suffix}"));
        }
        command.envs(step.stolen.iter().map(|token| ("CHANCERY_ID_TOKEN", token)));
        let output = command
            .output()
            .map_err(|error| Failure::new(Code::Unexpected, format!("cannot run: {error}")))?;
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Ok((output.status.code().unwrap_or(-1), document, output.stderr))
    }
}

impl StepResult {
    /// Errors when the step did not end as it promises.
    pub(crate) fn promised(&self, step: &Step) -> Result<(), Failure> {
        if self.ok {
            return Ok(());
        }
        Err(Failure::error(format!("`{}` did not end as it should", step.line()))
            .because(format!("exit {}", self.code), format!("exit {}", step.expect.code())))
    }
    /// For people.
    pub(crate) fn text(&self, step: &Step) -> String {
        let mark = if self.ok { "✓" } else { "✗" };
        let promised = if self.ok { String::new() } else { format!(", expected {}", step.expect.code()) };
        format!("\n{}\n  $ {}\n{}{mark} exit {}{promised}\n", step.what, step.line(), self.said, self.code)
    }
    /// For programs.
    pub(crate) fn json(&self, step: &Step) -> Value {
        json!({
            "what": step.what, "command": step.line(), "ok": self.ok, "exit_code": self.code,
            "expected_exit_code": step.expect.code(), "document": self.document,
        })
    }
}

/// The members of a document that the story is about.
fn told(document: &Value) -> String {
    const SHOWN: [(&str, &str); 17] = [
        ("issuer", "/issuer"),
        ("profiles", "/profiles"),
        ("code", "/code"),
        ("what", "/what"),
        ("do", "/hint"),
        ("key", "/results/0/rehearsal/key"),
        ("identity", "/results/0/certificate_identity"),
        ("time", "/results/0/timestamp"),
        ("output", "/results/0/output"),
        ("ledger", "/results/0/ledger"),
        ("ledger", "/ledger"),
        ("result", "/result"),
        ("signer", "/signer/identity"),
        ("request", "/results/0/request_id"),
        ("verdict", "/verdict"),
        ("person", "/person"),
        ("act", "/act"),
    ];
    let mut text = String::new();
    for (name, pointer) in SHOWN {
        match document.pointer(pointer) {
            None | Some(Value::Null) => {}
            Some(Value::String(words)) => text.push_str(&format!("  {name:<9} {}\n", printable(words))),
            Some(other) => text.push_str(&format!("  {name:<9} {}\n", printable(&other.to_string()))),
        }
    }
    for pointer in ["/trace", "/results/0/rehearsal/trace"] {
        for line in document.pointer(pointer).and_then(Value::as_array).into_iter().flatten() {
            let member =
                |name: &str| line.get(name).and_then(Value::as_str).map(printable).unwrap_or_default();
            if line.get("ok") == Some(&Value::Bool(true)) {
                text.push_str(&format!("  ✓ {} {}\n", member("attribute"), member("actual")));
            } else {
                let (actual, expected) = (member("actual"), member("expected"));
                text.push_str(&format!(
                    "  ✗ {}  actual {actual}  expected {expected}\n",
                    member("attribute")
                ));
            }
        }
    }
    for check in document.pointer("/checks").and_then(Value::as_array).into_iter().flatten() {
        let id = check.get("id").and_then(Value::as_str).unwrap_or_default();
        match check.get("ok") {
            Some(Value::Bool(true)) => text.push_str(&format!("  ✓ {id}\n")),
            Some(Value::Bool(false)) => text.push_str(&format!("  ✗ {id}\n")),
            None | Some(_) => {}
        }
    }
    text
}
