//! Calls into a PKCS#11 module per signature, counted by OpenSC's spy in front of SoftHSM2, with the whole service
//! (performance G7).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::load::Load;
use super::row::{Bar, Row};
use super::service::Measured;
use super::{Bench, text};
use crate::process::{self, command, read};

const FOLDERS: [&str; 3] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"];
const PIN: &str = "31415926";
const COUNT: u32 = 200;

/// One row for the two calls of a signature, one for everything else.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let what = "PKCS#11 calls per signature, C_SignInit + C_Sign";
    let spy = find("pkcs11-spy.so");
    let module = find("softhsm/libsofthsm2.so");
    let (Some(spy), Some(module), true) = (spy, module, process::is_installed("softhsm2-util")) else {
        return Ok(vec![Row::not_compared(what, "pkcs11-spy or SoftHSM2")]);
    };
    let directory = bench.directory("pkcs11")?;
    let log = directory.join("spy.log");
    let conf = token(&directory)?;
    let service = serve(bench, &directory.join("data"), &section(&directory, &spy, &module, &conf))?;
    let load =
        Load { profile: "dev", format: "sigstore", requests: 16, statements: 1, at_once: 4, rate: None };
    load.run(&service, bench)?;
    let load = Load { requests: COUNT, at_once: 16, ..load }.prepare(&service, bench)?;
    let before = counts(&log)?;
    load.go()?;
    let after = counts(&log)?;
    let made = |is: &dyn Fn(&str) -> bool| {
        let sum =
            |of: &BTreeMap<String, u32>| of.iter().filter(|(name, _)| is(name)).map(|(_, n)| n).sum::<u32>();
        f64::from(sum(&after) - sum(&before)) / f64::from(COUNT)
    };
    let is_signing = |name: &str| matches!(name, "C_SignInit" | "C_Sign");
    Ok(vec![
        Row::alone(what, made(&is_signing), "", Bar::AtMost(2.0)),
        Row::alone(
            "PKCS#11 calls per signature, all others",
            made(&|name| !is_signing(name)),
            "",
            Bar::AtMost(0.0),
        ),
    ])
}

fn find(name: &str) -> Option<PathBuf> {
    FOLDERS.into_iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
}

/// A token of its own; the file that `SOFTHSM2_CONF` names.
fn token(directory: &Path) -> Result<PathBuf> {
    let tokens = directory.join("tokens");
    std::fs::create_dir_all(&tokens)?;
    let conf = directory.join("softhsm2.conf");
    std::fs::write(
        &conf,
        format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display()),
    )?;
    let arguments = ["--init-token", "--free", "--label", "bench", "--so-pin", PIN, "--pin", PIN];
    read(command("softhsm2-util", &arguments).env("SOFTHSM2_CONF", &conf))?;
    Ok(conf)
}

fn section(directory: &Path, spy: &Path, module: &Path, conf: &Path) -> String {
    format!(
        "artifact_keys = \"hsm\"\n\n[[keyguard.pkcs11]]\nname = \"hsm\"\nmodule = \"{}\"\ntoken = \"bench\"\n\
         pin_file = \"{}\"\nenvironment = {{ SOFTHSM2_CONF = \"{}\", PKCS11SPY = \"{}\", PKCS11SPY_OUTPUT = \"{}\" }}\n",
        text(spy),
        text(&directory.join("pin")),
        text(conf),
        text(module),
        text(&directory.join("spy.log"))
    )
}

/// A service whose keys for artifacts were made in the token from the beginning.
fn serve(bench: &Bench, data: &Path, section: &str) -> Result<Measured> {
    use std::os::unix::fs::PermissionsExt as _;
    let pin = data.parent().context("no directory")?.join("pin");
    std::fs::write(&pin, PIN)?;
    std::fs::set_permissions(&pin, std::fs::Permissions::from_mode(0o600))?;
    drop(Measured::start(bench, data, &[])?);
    for made in ["gateway", "keyguard/keys", "keyguard/memory"] {
        std::fs::remove_dir_all(data.join(made))?;
    }
    let config = data.join("chancery.toml");
    let before = std::fs::read_to_string(&config)?;
    std::fs::write(&config, before + section)?;
    Measured::resume(bench, data)
}

/// Every call is a line such as `27: C_SignInit`.
fn counts(log: &Path) -> Result<BTreeMap<String, u32>> {
    let mut counts = BTreeMap::new();
    for line in std::fs::read_to_string(log).context("the spy wrote nothing")?.lines() {
        if let Some((number, name)) = line.split_once(": ")
            && number.parse::<u32>().is_ok()
            && name.starts_with("C_")
        {
            *counts.entry(name.trim().to_owned()).or_insert(0) += 1;
        }
    }
    Ok(counts)
}
