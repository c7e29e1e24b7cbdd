//! The second half of the story: what a valid token alone does not get.

use std::path::Path;

use serde_json::Value;

use super::step::{Script, Step};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;

const ALICE: &str = "data/people/alice.key";
const BOB: &str = "data/people/bob.key";
const ROOT: &str = "data/dev-root.key";

type Play<'a> = dyn FnMut(Step) -> Result<Value, Failure> + 'a;

/// A release that two people approve, a byte that changed, a stolen token, a freeze, and the audit of all of it.
pub(crate) fn story(script: &Script<'_>, artifact: &Path, play: &mut Play<'_>) -> Result<(), Failure> {
    let release = copy(artifact, "release")?;
    let sign = ["sign", &release, "--detached", "--profile", "release", "--no-wait"];
    play(Step::new("a release waits for two people", &sign, Exit::Pending))?;
    let waiting = play(Step::new("what waits", &["request", "list"], Exit::Ok))?;
    let id = text(&waiting, "/requests/0/request")?;
    let approve = |key: &'static str| ["request", "approve", id.as_str(), "--file", &release, "--key", key];
    play(Step::new("Alice looks at it and approves", &approve(ALICE), Exit::Ok))?;
    play(Step::new("so does Bob, each with an SSH key of their own", &approve(BOB), Exit::Ok))?;
    play(Step::new("the same command again is signed", &sign, Exit::Ok))?;
    let other = copy(artifact, "release.changed")?;
    let changed = ["sign", &other, "--detached", "--profile", "release", "--no-wait"];
    play(Step::new("approved were those bytes, not these", &changed, Exit::Pending))?;
    stolen(script, (&id, &other), play)?;
    freeze(&other, play)
}

/// A token of the very same job, made for another request.
fn stolen(script: &Script<'_>, (id, file): (&str, &str), play: &mut Play<'_>) -> Result<(), Failure> {
    let audience = format!("chancery:dev.localhost:sha256:{id}");
    let minted = script.quietly(&["dev", "token", "--audience", &audience])?;
    let step = Step::new(
        "a token stolen from that job signs nothing else",
        &["sign", file, "--detached"],
        Exit::Unauthenticated,
    );
    play(step.with_token(text(&minted, "/token")?)).map(drop)
}

fn freeze(file: &str, play: &mut Play<'_>) -> Result<(), Failure> {
    let set = ["freeze", "set", "--profile", "dev", "--reason", "stolen token", "--key", ALICE];
    let frozen = play(Step::new("one person stops it, at once", &set, Exit::Ok))?;
    let name = text(&frozen, "/act")?;
    let sign = ["sign", file, "--message", "--output", "frozen"];
    play(Step::new("now nobody signs with this profile", &sign, Exit::Denied))?;
    let lift =
        |key: &'static str| ["freeze", "lift", name.as_str(), "--reason", "token revoked", "--key", key];
    play(Step::new("who may stop may not let go on", &lift(ALICE), Exit::Denied))?;
    play(Step::new("the people of the root may", &lift(ROOT), Exit::Ok))?;
    let audit = ["audit", "--data-dir", "data", "--root", "data/governance/root.toml"];
    play(Step::new("an auditor checks all of it again, from the files alone", &audit, Exit::Ok))?;
    Ok(())
}

fn text(document: &Value, pointer: &str) -> Result<String, Failure> {
    let found = document.pointer(pointer).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(Code::Unexpected, format!("no {pointer} in the answer")))
}

/// A copy beside the artifact, with one byte more per name, so that each is another artifact.
fn copy(artifact: &Path, suffix: &str) -> Result<String, Failure> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| Failure::file("write", artifact, &error);
    let place = crate::evidence::beside(artifact, &format!(".{suffix}"));
    std::fs::copy(artifact, &place).map_err(failed)?;
    let mut file = std::fs::OpenOptions::new().append(true).open(&place).map_err(failed)?;
    file.write_all(suffix.as_bytes()).map_err(failed)?;
    let name = place.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| Failure::new(Code::Unexpected, "no name"))
}
