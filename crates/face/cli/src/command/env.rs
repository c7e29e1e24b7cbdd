//! `chancery env`: every environment variable that a command reads, with its value and where that comes from.

use std::collections::BTreeMap;

use clap::CommandFactory as _;
use serde_json::{Value, json};

use super::Context;
use crate::arguments::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Shape, printable};

/// Read by no flag. The last member says whether the value is a secret.
const OTHERS: [(&str, &str, Secrecy); 5] = [
    ("CHANCERY_ID_TOKEN", "identity token of the job, where no CI gives one", Secrecy::Secret),
    ("CHANCERY_LOG", "what a service logs: `warn,chancery=info`", Secrecy::Shown),
    ("CLICOLOR_FORCE", "colour even where no terminal is", Secrecy::Shown),
    ("NO_COLOR", "no colour", Secrecy::Shown),
    ("TERM", "no colour where it is `dumb`", Secrecy::Shown),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Secret,
    Shown,
}

/// One variable.
struct Variable {
    name: String,
    meaning: String,
    flag: Option<String>,
    secrecy: Secrecy,
}

/// Shows them.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let variables = variables();
    match context.terminal.shape() {
        Shape::Json => {
            let list: Vec<Value> = variables.iter().map(|variable| variable.json(context)).collect();
            context.terminal.json(&json!({"schema": "chancery.env/1", "variables": list}));
        }
        Shape::Text => {
            let lines: String = variables.iter().map(|variable| variable.line(context)).collect();
            context.terminal.result(&lines);
        }
    }
    Ok(Exit::Ok)
}

impl Variable {
    fn value(&self, context: &Context<'_, '_>) -> Option<String> {
        let found = context.host.variable(&self.name)?;
        Some(if self.secrecy == Secrecy::Secret { "[hidden]".to_owned() } else { found })
    }
    fn line(&self, context: &Context<'_, '_>) -> String {
        let value = self.value(context).map_or_else(|| "(not set)".to_owned(), |value| printable(&value));
        let flag = self.flag.as_ref().map(|flag| format!(" ({flag})")).unwrap_or_default();
        format!("{:<22} {value}\n    {}{flag}\n", self.name, self.meaning)
    }
    fn json(&self, context: &Context<'_, '_>) -> Value {
        let value = self.value(context);
        let source = if value.is_some() { "environment" } else { "none" };
        json!({
            "name": self.name, "meaning": self.meaning, "flag": self.flag, "value": value, "source": source,
            "secret": self.secrecy == Secrecy::Secret,
        })
    }
}

/// Those of the flags, as the parser knows them, and the few that no flag reads.
fn variables() -> Vec<Variable> {
    let mut found = BTreeMap::new();
    collect(&Cli::command(), &mut found);
    for (name, meaning, secrecy) in OTHERS {
        let variable = Variable { name: name.to_owned(), meaning: meaning.to_owned(), flag: None, secrecy };
        found.insert(name.to_owned(), variable);
    }
    found.into_values().collect()
}

fn collect(command: &clap::Command, found: &mut BTreeMap<String, Variable>) {
    for argument in command.get_arguments() {
        let Some(name) = argument.get_env().and_then(|name| name.to_str()) else { continue };
        let variable = Variable {
            name: name.to_owned(),
            meaning: argument.get_help().map(ToString::to_string).unwrap_or_default(),
            flag: argument.get_long().map(|long| format!("--{long}")),
            secrecy: Secrecy::Shown,
        };
        found.entry(name.to_owned()).or_insert(variable);
    }
    for inner in command.get_subcommands() {
        collect(inner, found);
    }
}
