//! Debian packages: of the system's own release by apt, and of a newer one unpacked beside the system.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process;

/// A program that tests start, or a file that they load, and the package that brings it.
const WANTED: [(&str, &str); 8] = [
    ("openssl", "openssl"),
    ("osslsigncode", "osslsigncode"),
    ("softhsm2-util", "softhsm2"),
    ("pkcs11-tool", "opensc"),
    ("strace", "strace"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("cc", "gcc"),
];

/// Installs the system packages that are absent.
pub(super) fn install(_tools: &Path) -> Result<()> {
    let mut packages: Vec<&str> = WANTED
        .into_iter()
        .filter(|(program, _)| !process::is_installed(program))
        .map(|(_, package)| package)
        .collect();
    if process::read(&mut process::command("python3", &["-c", "import ensurepip, venv"])).is_err() {
        packages.push("python3-venv");
    }
    if packages.is_empty() {
        return Ok(());
    }
    if process::read(&mut process::command("id", &["-u"]))?.trim() != "0" {
        bail!("absent, and only root can install them: {}", packages.join(" "));
    }
    let mut update = process::command("apt-get", &["-qq", "update"]);
    process::run(update.env("DEBIAN_FRONTEND", "noninteractive"))?;
    let mut install = process::command("apt-get", &["-qq", "install", "-y", "--no-install-recommends"]);
    process::run(install.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Unpacks cosign, which Debian has only in its newest release, and links it as `bin/cosign`.
pub(super) fn unpack_cosign(tools: &Path) -> Result<()> {
    unpack(tools, "cosign")
}

/// Unpacks notation, which Debian has in its newer releases only.
pub(super) fn unpack_notation(tools: &Path) -> Result<()> {
    unpack(tools, "notation")
}

/// Unpacks promtool without the server that its package of older releases would start.
pub(super) fn unpack_promtool(tools: &Path) -> Result<()> {
    unpack(tools, "promtool")
}

/// Unpacks a package whose program has its name.
fn unpack(tools: &Path, name: &str) -> Result<()> {
    let link = tools.join("bin").join(name);
    if link.exists() {
        return Ok(());
    }
    let script = process::root().join("dev/setup/newer-debian");
    let mut unpack = process::command("bash", &[]);
    unpack.arg(script).args(["sid", name]).env("NEWER_DEBIAN", tools.join("debian"));
    let unpacked = process::read(&mut unpack)?;
    let program = Path::new(unpacked.trim()).join("usr/bin").join(name);
    if !program.is_file() {
        bail!("the package has no `usr/bin/{name}`");
    }
    if link.is_symlink() {
        std::fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(&program, &link).with_context(|| format!("cannot link `bin/{name}`"))
}

/// The Debian version of the unpacked cosign: the program itself was built without one.
pub(super) fn cosign_version(tools: &Path) -> Option<String> {
    process::version(tools.join("bin/cosign"), "version")?;
    let package = std::fs::read_to_string(tools.join("debian/sid/have.cosign")).ok()?;
    Some(package.trim().to_owned())
}
