//! Debian packages: of the system's own release by apt, and of a newer one unpacked beside the system.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

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

/// Unpacks the registry, which has no referrers API.
pub(super) fn unpack_registry(tools: &Path) -> Result<()> {
    unpack(tools, "docker-registry")
}

/// Unpacks the client that pushes artifacts of any type.
pub(super) fn unpack_oras(tools: &Path) -> Result<()> {
    unpack(tools, "oras")
}

/// Unpacks skopeo with the C library that it was built for: Debian's older releases have it without Sigstore, and their
/// C library is too old for the newer one.
pub(super) fn unpack_skopeo(tools: &Path) -> Result<()> {
    let libraries = ["libc6", "libgpgme45", "libassuan9", "libgpg-error0", "libsqlite3-0"];
    start_by_own_loader(tools, "skopeo", (&libraries, ""))
}

/// Unpacks podman likewise, with the programs without which it does not start, not even to pull.
pub(super) fn unpack_podman(tools: &Path) -> Result<()> {
    let helpers = ["conmon", "crun", "netavark"];
    let own = ["libcap2", "libseccomp2", "libsubid6", "libsystemd0", "libyajl2"];
    let shared = ["libc6", "libgpgme45", "libassuan9", "libgpg-error0", "libsqlite3-0"];
    let root = tools.join("debian/sid/root/usr");
    let settings = format!(
        "[engine]\nruntime = \"crun\"\nhelper_binaries_dir = [{:?}]\nconmon_path = [{:?}]\n[engine.runtimes]\ncrun = [{:?}]\n",
        root.join("lib/podman"),
        root.join("bin/conmon"),
        root.join("bin/crun")
    );
    let file = tools.join("podman.conf");
    std::fs::write(&file, settings)?;
    let variable = format!("CONTAINERS_CONF='{}' ", file.display());
    start_by_own_loader(tools, "podman", (&[&helpers[..], &own, &shared].concat(), &variable))
}

/// A script `bin/NAME` that starts a program of another Debian with the loader and the libraries of that Debian.
fn start_by_own_loader(tools: &Path, name: &str, (packages, variables): (&[&str], &str)) -> Result<()> {
    let start = tools.join("bin").join(name);
    if start.exists() {
        return Ok(());
    }
    let root = unpacked(tools, &[&[name], packages].concat())?;
    let libraries = root.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let mut entries =
        std::fs::read_dir(&libraries).with_context(|| format!("no `{}`", libraries.display()))?;
    let is_loader = |name: &str| name.starts_with("ld-linux");
    let loader = entries.find_map(|entry| {
        let path = entry.ok()?.path();
        path.file_name()?.to_str().filter(|name| is_loader(name))?;
        Some(path)
    });
    let loader = loader.context("the C library has no loader")?;
    let program = root.join("usr/bin").join(name);
    let script = format!(
        "#!/bin/sh\n{variables}exec '{}' --library-path '{}' '{}' \"$@\"\n",
        loader.display(),
        libraries.display(),
        program.display()
    );
    std::fs::write(&start, script)?;
    std::fs::set_permissions(&start, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Unpacks a package whose program has its name.
fn unpack(tools: &Path, name: &str) -> Result<()> {
    let link = tools.join("bin").join(name);
    if link.exists() {
        return Ok(());
    }
    let program = unpacked(tools, &[name])?.join("usr/bin").join(name);
    if !program.is_file() {
        bail!("the package has no `usr/bin/{name}`");
    }
    if link.is_symlink() {
        std::fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(&program, &link).with_context(|| format!("cannot link `bin/{name}`"))
}

/// Unpacks packages beside the system; answers with the directory that holds them.
fn unpacked(tools: &Path, packages: &[&str]) -> Result<PathBuf> {
    let script = process::root().join("dev/setup/newer-debian");
    let mut unpack = process::command("bash", &[]);
    unpack.arg(script).arg("sid").args(packages).env("NEWER_DEBIAN", tools.join("debian"));
    Ok(PathBuf::from(process::read(&mut unpack)?.trim()))
}

/// The Debian version of the unpacked cosign: the program itself was built without one.
pub(super) fn cosign_version(tools: &Path) -> Option<String> {
    process::version(tools.join("bin/cosign"), "version")?;
    let package = std::fs::read_to_string(tools.join("debian/sid/have.cosign")).ok()?;
    Some(package.trim().to_owned())
}
