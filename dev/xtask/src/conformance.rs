//! The published cases of sigstore-conformance, run against our own program through `dev/sigstore-conformance`.
//!
//! ```text
//! DIR/a.txt                                   the artifact of cases that bring none
//! DIR/happy-path-v0.3/bundle.sigstore.json    must be accepted
//! DIR/wrong-material_fail/…                   must be refused: the name says so
//!     artifact identity issuer key.pub trusted_root.json        optional
//! ```
//! Every case is run twice, with the artifact's path and with its digest. The suite's repository has no licence file, so
//! its cases are not kept here: `--assets` names a copy.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Metadata;
use crate::{process, setup};

const USAGE: &str = "usage: cargo xtask conformance --assets DIR [--root FILE] [--program FILE]
  --assets   the folder `test/assets/bundle-verify` of github.com/sigstore/sigstore-conformance
  --root     trusted root of the public instance for cases without one; without it that of sigstore-python in
             the tools of `cargo xtask setup`
  --program  the program to judge with; without it one is built";

/// Who signs where a case does not say otherwise.
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/\
    workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    assets: Option<PathBuf>,
    root: Option<PathBuf>,
    program: Option<PathBuf>,
}

/// How a case is given its artifact.
#[derive(Debug, Clone, Copy)]
enum Form {
    Path,
    Digest,
}

/// Runs every case and prints a table.
///
/// # Errors
/// When a case did not end as its name says, or nothing was run.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let asked = parse(arguments)?;
    let assets = std::fs::canonicalize(asked.assets.context(USAGE)?)?;
    let root = asked.root.map_or_else(public_root, Ok)?;
    let program = match asked.program {
        Some(program) => std::fs::canonicalize(program)?,
        None => {
            process::run(&mut process::cargo(&["build", "--package", "chancery"]))?;
            Metadata::load()?.program("debug")
        }
    };
    let (mut right, mut wrong, mut took) = (0_usize, Vec::new(), Vec::new());
    for case in cases(&assets)? {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut shown = Vec::new();
        for form in [Form::Path, Form::Digest] {
            let started = Instant::now();
            let output = one(&assets, &case, form)?
                .env("CHANCERY", &program)
                .env("CHANCERY_PUBLIC_ROOT", &root)
                .stdin(Stdio::null())
                .output()?;
            took.push(started.elapsed());
            shown.push(said(&output));
            if is_right(&name, &output) {
                right = right.saturating_add(1);
            } else {
                wrong.push(format!("{name} {form:?}: {}", String::from_utf8_lossy(&output.stderr).trim()));
            }
        }
        println!("{name:<64} {}", shown.join("  "));
    }
    println!("{right} of {} right, median {:?}", right.saturating_add(wrong.len()), median(&mut took));
    for line in &wrong {
        println!("wrong: {line}");
    }
    if right == 0 || !wrong.is_empty() {
        bail!("conformance: {} cases are wrong", wrong.len());
    }
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Asked> {
    let mut asked = Asked::default();
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { bail!(USAGE) };
        let slot = match name.as_str() {
            "--assets" => &mut asked.assets,
            "--root" => &mut asked.root,
            "--program" => &mut asked.program,
            _ => bail!(USAGE),
        };
        *slot = Some(PathBuf::from(value));
    }
    Ok(asked)
}

/// The public instance's trusted root as sigstore-python carries it.
fn public_root() -> Result<PathBuf> {
    let script = "import sigstore, urllib.parse as u, pathlib; print(pathlib.Path(sigstore.__file__).parent / '_store' \
        / u.quote('https://tuf-repo-cdn.sigstore.dev', safe='') / 'trusted_root.json')";
    let python = setup::tools().join("venv/bin/python");
    let said = process::read(&mut process::command(python, &["-c", script]));
    Ok(PathBuf::from(said.context("sigstore-python is absent: cargo xtask setup, or --root FILE")?.trim()))
}

fn cases(assets: &Path) -> Result<Vec<PathBuf>> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(assets).with_context(|| format!("cannot read `{}`", assets.display()))? {
        let path = entry?.path();
        if path.join("bundle.sigstore.json").is_file() {
            cases.push(path);
        }
    }
    cases.sort();
    Ok(cases)
}

fn one(assets: &Path, case: &Path, form: Form) -> Result<Command> {
    let mut command = Command::new(process::root().join("dev/sigstore-conformance"));
    command.arg("verify-bundle").arg("--bundle").arg(case.join("bundle.sigstore.json"));
    let key = case.join("key.pub");
    if key.exists() {
        command.arg("--key").arg(key);
    } else {
        let read = |name: &str, usual: &str| {
            std::fs::read_to_string(case.join(name))
                .map_or_else(|_| usual.to_owned(), |text| text.trim().to_owned())
        };
        command.args(["--certificate-identity", &read("identity", IDENTITY)]);
        command.args(["--certificate-oidc-issuer", &read("issuer", ISSUER)]);
    }
    let root = case.join("trusted_root.json");
    if root.exists() {
        command.arg("--trusted-root").arg(root);
    }
    let own = case.join("artifact");
    let artifact = if own.exists() { own } else { assets.join("a.txt") };
    match form {
        Form::Path => command.arg(artifact),
        Form::Digest => {
            let said = process::read(process::command("sha256sum", &[]).arg(&artifact))?;
            let digest = said.split_whitespace().next().context("sha256sum said nothing")?;
            command.arg(format!("sha256:{digest}"))
        }
    };
    Ok(command)
}

/// Accepted or refused, as the name says; a program that broke refused nothing.
fn is_right(name: &str, output: &Output) -> bool {
    match output.status.code() {
        Some(0) => !name.ends_with("_fail"),
        Some(1 | 101) | None => false,
        Some(_) => name.ends_with("_fail"),
    }
}

fn said(output: &Output) -> String {
    output.status.code().map_or_else(|| "killed".to_owned(), |code| format!("exit {code:>2}"))
}

fn median(took: &mut [Duration]) -> Duration {
    took.sort();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse};

    #[test]
    fn arguments() {
        let of = |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("").unwrap(), Asked::default());
        let asked = of("--assets a --root b --program c").unwrap();
        assert_eq!([asked.assets, asked.root, asked.program], ["a", "b", "c"].map(|name| Some(name.into())));
        for bad in ["--assets", "--asset a", "a"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
