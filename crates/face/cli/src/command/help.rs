//! `chancery help [exit-codes | CODE | COMMAND…]`.

use clap::CommandFactory as _;
use serde_json::{Value, json};

use super::Context;
use crate::arguments::Cli;
use crate::catalogue::{self, Code, Line};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Shape;

/// What is to be explained.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `exit-codes`, `codes`, an error code such as `CH4012`, or a command.
    topic: Vec<String>,
}

/// Explains it on stdout.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let (text, value) = match args.topic.first().map(String::as_str) {
        None => (Cli::command().render_long_help().to_string(), json!({"topic": null})),
        Some("exit-codes") => exit_codes(),
        Some("codes") => codes(&catalogue::lines()),
        Some(topic) if topic.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("ch")) => {
            let line = catalogue::find(topic).ok_or_else(|| unknown(topic))?;
            codes(&[line])
        }
        Some(_) => command(&args.topic)?,
    };
    match context.terminal.shape() {
        Shape::Text => context.terminal.result(&text),
        Shape::Json => {
            let mut value = value;
            if let Some(members) = value.as_object_mut().filter(|members| members.contains_key("topic")) {
                members.insert("text".into(), json!(text));
            }
            context.terminal.document("chancery.help/1", value);
        }
    }
    Ok(Exit::Ok)
}

fn exit_codes() -> (String, Value) {
    let mut text = String::from(
        "exit  name                meaning                                    what a pipeline should do\n",
    );
    let mut list = Vec::new();
    for (exit, name, meaning, advice) in Exit::ALL {
        let line = format!("{:>4}  {name:<18}  {meaning:<41}  {advice}", exit.code());
        text.push_str(line.trim_end());
        text.push('\n');
        list.push(json!({"code": exit.code(), "name": name, "meaning": meaning, "advice": advice}));
    }
    text.push_str(
        "\nSeveral files: the worst wins, in the order 1, 2, 11, 12, 14, 13, 10, 15, 4, 3, 75, 5.\n",
    );
    (text, json!({"exit_codes": list}))
}

fn codes(lines: &[Line]) -> (String, Value) {
    let mut text = String::new();
    let mut list = Vec::new();
    for line in lines {
        text.push_str(&format!("{}  exit {:>2}  {}\n", line.code, line.exit.code(), line.meaning));
        text.push_str(&format!("  what to do:  {}\n", line.remedy));
        list.push(member(line));
    }
    (text, json!({"codes": list}))
}

fn member(line: &Line) -> Value {
    let Line { code, meaning, remedy, exit } = line;
    json!({"code": code, "exit_code": exit.code(), "meaning": meaning, "what_to_do": remedy})
}

fn command(topic: &[String]) -> Result<(String, Value), Failure> {
    let mut found = Cli::command();
    found.build();
    for word in topic {
        let next = found.find_subcommand(word).filter(|sub| !sub.is_hide_set()).cloned();
        found = next.ok_or_else(|| unknown(word))?;
    }
    Ok((found.render_long_help().to_string(), json!({"topic": topic.join(" ")})))
}

fn unknown(topic: &str) -> Failure {
    Failure::new(Code::Unknown, format!("no help for `{topic}`"))
        .because(topic, "exit-codes, codes, an error code, or a command")
}
