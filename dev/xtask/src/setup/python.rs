//! sigstore-python and cryptography in a virtual environment, as pinned in `dev/setup/python/requirements.txt`.

use std::path::Path;

use anyhow::Result;

use crate::process;

const REQUIREMENTS: &str = "dev/setup/python/requirements.txt";

/// Makes the environment, or brings it up to date when the pins changed.
pub(super) fn install(tools: &Path) -> Result<()> {
    let wanted = std::fs::read_to_string(process::root().join(REQUIREMENTS))?;
    let installed = tools.join("venv/installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    let venv = tools.join("venv");
    process::run(process::command("python3", &["-m", "venv"]).arg(&venv))?;
    let mut pip = process::command(venv.join("bin/python"), &["-m", "pip", "--quiet"]);
    pip.args(["--disable-pip-version-check", "install", "--only-binary", ":all:", "-r", REQUIREMENTS]);
    process::run(&mut pip)?;
    std::fs::write(installed, wanted)?;
    Ok(())
}

/// The version of sigstore-python.
pub(super) fn version(tools: &Path) -> Option<String> {
    let script = "import cryptography, sigstore; print(sigstore.__version__, 'with cryptography', cryptography.__version__)";
    let said = process::read(&mut process::command(tools.join("venv/bin/python"), &["-c", script])).ok()?;
    Some(said.trim().to_owned())
}
