//! The foreign tools that tests compare with: installed where they are absent, pinned, and named with their versions.
//!
//! Debian packages come from the system's own apt sources (as root; elsewhere they are only reported). Everything else
//! goes to `target/tools`, or to the directory that `CHANCERY_TOOLS` names:
//!
//! ```text
//! target/tools/bin/cosign           from Debian sid, unpacked beside the system, signatures checked by apt
//! target/tools/bin/notation         likewise
//! target/tools/bin/promtool         likewise; and docker-registry, oras, skopeo, podman
//! target/tools/venv/bin/python      sigstore-python, cryptography, standardwebhooks, pinned in dev/setup/python
//! target/tools/node/node_modules    @sigstore/verify, locked in dev/setup/node
//! target/tools/bin/sigstore-rust-verify   sigstore-rust, locked in dev/setup/rust
//! ```

mod debian;
mod node;
mod python;
mod rust;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process;

/// Where tools are that no system package brings.
pub(crate) fn tools() -> PathBuf {
    std::env::var_os("CHANCERY_TOOLS").map_or_else(|| process::root().join("target/tools"), PathBuf::from)
}

/// `PATH` with our tools before the system's.
pub(crate) fn path() -> std::ffi::OsString {
    let system = std::env::var_os("PATH").unwrap_or_default();
    let ours = [tools().join("bin"), tools().join("venv/bin")];
    std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&system))).unwrap_or(system)
}

/// What is installed, and how.
type Step = (&'static str, fn(&Path) -> Result<()>);

/// Installs what is absent and says what is there.
///
/// # Errors
/// In CI when a tool could not be had. Elsewhere it is reported as `not compared`.
pub(crate) fn run() -> Result<()> {
    std::fs::create_dir_all(tools().join("bin"))?;
    let steps: [Step; 11] = [
        ("system packages", debian::install),
        ("cosign", debian::unpack_cosign),
        ("notation", debian::unpack_notation),
        ("docker-registry", debian::unpack_registry),
        ("oras", debian::unpack_oras),
        ("skopeo", debian::unpack_skopeo),
        ("podman", debian::unpack_podman),
        ("promtool", debian::unpack_promtool),
        ("sigstore-python", python::install),
        ("@sigstore/verify", node::install),
        ("sigstore-rust", rust::install),
    ];
    let mut absent = Vec::new();
    for (name, install) in steps {
        if let Err(error) = install(&tools()) {
            println!("not compared: {name}: {error:#}");
            absent.push(name.to_owned());
        }
    }
    absent.extend(report());
    if process::is_ci() && !absent.is_empty() {
        bail!("tools that tests compare with are absent: {}", absent.join(", "));
    }
    Ok(())
}

/// Prints one line per tool and returns those that are absent.
fn report() -> Vec<String> {
    let tools = tools();
    let system = ["openssl", "osslsigncode", "softhsm2-util", "strace", "python3", "node", "cc"];
    let mut rows: Vec<(String, Option<String>)> = system
        .into_iter()
        .map(|name| (name.to_owned(), process::version(name, version_flag(name))))
        .collect();
    // OpenSC's tool has no flag for its version; that it starts is what counts.
    let token_tool = process::is_installed("pkcs11-tool").then(|| "installed".to_owned());
    rows.push(("pkcs11-tool".to_owned(), token_tool));
    rows.push(("cosign".to_owned(), debian::cosign_version(&tools)));
    rows.push(("notation".to_owned(), process::version(tools.join("bin/notation"), "version")));
    rows.push((
        "docker-registry".to_owned(),
        process::version(tools.join("bin/docker-registry"), "--version"),
    ));
    rows.push(("oras".to_owned(), process::version(tools.join("bin/oras"), "version")));
    rows.push(("skopeo".to_owned(), process::version(tools.join("bin/skopeo"), "--version")));
    rows.push(("podman".to_owned(), process::version(tools.join("bin/podman"), "--version")));
    rows.push(("promtool".to_owned(), process::version(tools.join("bin/promtool"), "--version")));
    rows.push(("sigstore-python".to_owned(), python::version(&tools)));
    rows.push(("@sigstore/verify".to_owned(), node::version(&tools)));
    rows.push(("sigstore-rust".to_owned(), rust::version(&tools)));
    let mut absent = Vec::new();
    for (name, version) in rows {
        match version {
            Some(version) => println!("tool {name}: {version}"),
            None => {
                println!("not compared: {name} is absent");
                absent.push(name);
            }
        }
    }
    absent
}

fn version_flag(name: &str) -> &'static str {
    match name {
        "openssl" => "version",
        "strace" => "-V",
        _ => "--version",
    }
}
