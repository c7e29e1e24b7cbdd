//! `chancery init`: a commented configuration and governance to start from. Never writes a secret but the generated
//! key-encryption key, in a file of its own.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chancery_cli::host::InitOptions;
use chancery_core::port::entropy::Entropy as _;

use crate::ports::SystemEntropy;

const PROFILE: &str = include_str!("../templates/profiles/release.toml");
const GUARDRAIL: &str = include_str!("../templates/guardrails/events.cedar");
const ISSUERS: &str = include_str!("../templates/issuers.toml");
const VERIFICATION: &str = include_str!("../templates/verification/release.toml");
const ROOT: &str = include_str!("../templates/root.toml");
const CONFIG: &str = include_str!("../templates/chancery.toml");

/// Makes the files of a new installation; refuses to touch one that exists.
pub(crate) fn init(options: &InitOptions) -> anyhow::Result<Vec<PathBuf>> {
    let directory = &options.directory;
    let config = CONFIG.replace("sign.example", &options.host).replace("Example Org", &options.organisation);
    let kek = kek();
    let files = [
        ("chancery.toml", config.as_str()),
        ("governance/root.toml", ROOT),
        ("governance/issuers.toml", ISSUERS),
        ("governance/profiles/release.toml", PROFILE),
        ("governance/guardrails/events.cedar", GUARDRAIL),
        ("governance/verification/release.toml", VERIFICATION),
        ("data/keyguard/kek", kek.as_str()),
    ];
    let taken: Vec<String> = files
        .iter()
        .map(|(name, _)| directory.join(name))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    anyhow::ensure!(taken.is_empty(), "these files exist already: {}", taken.join(", "));
    files.iter().map(|(name, text)| write(&directory.join(name), text)).collect()
}

/// A fresh key-encryption key as text: 256 random bits, so that nothing needs to be derived from it at every start.
pub(crate) fn kek() -> String {
    let halves = [SystemEntropy.sixteen(), SystemEntropy.sixteen()];
    halves.iter().flatten().map(|byte| format!("{byte:02x}")).collect()
}

fn write(path: &Path, text: &str) -> anyhow::Result<PathBuf> {
    if let Some(parent) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(path.to_owned())
}
