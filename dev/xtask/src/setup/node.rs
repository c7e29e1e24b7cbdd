//! @sigstore/verify, as locked in `dev/setup/node/package-lock.json` (the newest that node 20 runs).

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::process;

/// Installs the locked modules, or brings them up to date when the lock changed.
pub(super) fn install(tools: &Path) -> Result<()> {
    let from = process::root().join("dev/setup/node");
    let to = tools.join("node");
    let wanted = std::fs::read(from.join("package-lock.json"))?;
    let lock = to.join("package-lock.json");
    let is_done = to.join("node_modules/@sigstore/verify").is_dir();
    if is_done && std::fs::read(&lock).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    std::fs::create_dir_all(&to)?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(from.join(name), to.join(name)).with_context(|| format!("cannot copy `{name}`"))?;
    }
    let mut npm = process::command("npm", &["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]);
    process::run(npm.current_dir(to))
}

/// The version of @sigstore/verify.
pub(super) fn version(tools: &Path) -> Option<String> {
    let text = std::fs::read(tools.join("node/node_modules/@sigstore/verify/package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_slice(&text).ok()?;
    package.get("version")?.as_str().map(str::to_owned)
}
