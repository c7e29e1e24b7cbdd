//! `chancery demo`: the whole story on an embedded service, told by the commands that anybody would use.
//!
//! Each step runs this binary as a job would, and must end with the exit code that it promises.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::Context;
use crate::catalogue::Code;
use crate::demo::authority;
use crate::demo::service::Service;
use crate::demo::step::{Script, Step};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Shape;

/// What to sign.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file to sign; it is copied and not changed. Without it a small one is made.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Tells the story; exit 0 only when every step went as it should.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let started = Instant::now();
    let program = context.host.program()?;
    let place = tempfile::tempdir()
        .map_err(|error| Failure::file("write", Path::new("a temporary directory"), &error))?;
    let artifact = artifact(args.file.as_deref(), place.path())?;
    say(context, "starting a development service; nothing of it outlives this demo\n");
    let service = Service::start(&program, &place.path().join("data"))?;
    let script = Script { program: &program, environment: &service.environment, directory: place.path() };
    let mut done: Vec<Value> = Vec::new();
    let outcome = story(&script, &artifact, &mut |step, result| {
        done.push(result.json(step));
        say(context, &result.text(step));
    });
    let all_well = match &outcome {
        Ok(()) => done.iter().all(|step| step.get("ok") == Some(&json!(true))),
        Err(_) => false,
    };
    drop(service);
    outcome?;
    let seconds = started.elapsed().as_secs_f32();
    match context.terminal.shape() {
        Shape::Json => {
            context.terminal.json(&json!({"schema": "chancery.demo/1", "ok": all_well, "steps": done}))
        }
        Shape::Text if all_well => {
            context.terminal.result(&format!("\n✓ all of it held, in {seconds:.1} s\n"));
            context
                .terminal
                .result("do it yourself:  chancery serve --dev, then the lines that start with $\n");
        }
        Shape::Text => context.terminal.result("\n✗ not all of it held\n"),
    }
    Ok(if all_well { Exit::Ok } else { Exit::Error })
}

/// The steps, in the order of the story.
fn story(
    script: &Script<'_>,
    artifact: &Path,
    tell: &mut dyn FnMut(&Step, &crate::demo::step::StepResult),
) -> Result<(), Failure> {
    let file = artifact.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let branch = [("ACTIONS_ID_TOKEN_REQUEST_URL", "&ref=refs/heads/feature-x")];
    let mut play = |step: Step| -> Result<Value, Failure> {
        let result = script.run(&step)?;
        tell(&step, &result);
        // What comes after a step that went wrong says nothing.
        result.promised(&step)?;
        Ok(result.document)
    };
    play(Step::new("who the service takes this job for", &["whoami"], Exit::Ok))?;
    play(Step::new("what would be decided, and why", &["sign", file, "--detached", "--dry-run"], Exit::Ok))?;
    let signed =
        play(Step::new("sign: logged before, verified after", &["sign", file, "--detached"], Exit::Ok))?;
    let refused = Step::new(
        "the same from a branch that no grant names",
        &["sign", file, "--message", "--output", "refused"],
        Exit::Denied,
    );
    play(refused.with_suffix(&branch))?;
    play(Step::new("verify, offline", &["verify", "--offline", file], Exit::Ok))?;
    let index =
        signed.pointer("/results/0/ledger/index").and_then(Value::as_u64).map(|index| index.to_string());
    if let Some(index) = index {
        play(Step::new("prove that it is in the ledger", &["ledger", "prove", &index], Exit::Ok))?;
    }
    let tampered = tamper(artifact)?;
    play(Step::new("one bit changed", &["verify", "--offline", &tampered], Exit::Invalid))?;
    authority::story(script, artifact, &mut play)
}

fn artifact(given: Option<&Path>, place: &Path) -> Result<PathBuf, Failure> {
    let name = match given {
        Some(path) => crate::evidence::base_name(path)?,
        None => "hello.bin".to_owned(),
    };
    let target = place.join(name);
    let made = match given {
        Some(path) => std::fs::copy(path, &target).map(drop),
        None => std::fs::write(&target, b"Hello from a pipeline that never saw a key.\n"),
    };
    made.map_err(|error| Failure::file("read", given.unwrap_or(&target), &error))?;
    Ok(target)
}

/// A copy with the last bit flipped, with the same bundle beside it.
fn tamper(artifact: &Path) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::file("read", artifact, &error);
    let suffix = chancery_format::sigstore::attach::SUFFIX;
    let copy = crate::evidence::beside(artifact, ".tampered");
    std::fs::copy(artifact, &copy).map_err(unreadable)?;
    std::fs::copy(crate::evidence::beside(artifact, suffix), crate::evidence::beside(&copy, suffix))
        .map_err(unreadable)?;
    flip_last(&copy).map_err(unreadable)?;
    copy.file_name()
        .and_then(|name| name.to_str())
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(Code::Unexpected, "no name"))
}

fn flip_last(path: &Path) -> std::io::Result<()> {
    use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
    let mut last = [0u8; 1];
    if file.metadata()?.len() == 0 {
        return file.write_all(b"x");
    }
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    file.seek(SeekFrom::End(-1))?;
    file.write_all(&last.map(|byte| byte ^ 1))
}

fn say(context: &mut Context<'_, '_>, text: &str) {
    match context.terminal.shape() {
        Shape::Text => context.terminal.result(text),
        Shape::Json => {}
    }
}
