//! Backup and restore: which files of an installation belong into a backup, and which never do.

use std::path::{Path, PathBuf};

use chancery_cli::catalogue::Code;
use chancery_cli::failure::Failure;
use chancery_cli::host::{BackupOptions, BackupReport};
use chancery_core::port::clock::Clock as _;
use chancery_store::backup::{self, BackupError, Manifest, Plan, Start};

use crate::config::Config;
use crate::ports::SystemClock;

/// What the keyguard keeps that is good at any time. How far it followed the ledger is not among it.
const MEMORY: [&str; 5] =
    ["authorities.slots", "certificates.slots", "governance.slots", "issuer-keys.slots", "tuf.slots"];
/// Development's own issuer, without which nobody could sign there any more.
const DEVELOPMENT: [&str; 7] = [
    "dev-issuer.key",
    "dev-issuer.token",
    "dev-root.key",
    "dev-root.key.pub",
    "people/alice.key",
    "people/bob.key",
    "people/carol.key",
];

/// Takes a backup.
pub(crate) fn take(options: &BackupOptions) -> Result<BackupReport, Failure> {
    let plan = plan(options)?;
    report(run(backup::take(&plan))?)
}

/// Reads one back.
pub(crate) fn verify(directory: &Path) -> Result<BackupReport, Failure> {
    report(run(backup::verify(directory))?)
}

/// Restores one.
pub(crate) fn restore(from: &Path, data_dir: &Path) -> Result<BackupReport, Failure> {
    report(run(backup::restore(from, data_dir))?)
}

fn run(work: impl Future<Output = Result<Manifest, BackupError>>) -> Result<Manifest, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::error(error.to_string()))?;
    runtime.block_on(work).map_err(|error| failure(&error))
}

fn failure(error: &BackupError) -> Failure {
    let mut what = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        what = format!("{what}: {cause}");
        source = cause.source();
    }
    match error {
        BackupError::Damaged { .. } | BackupError::Store(_) => Failure::new(Code::BackupDamaged, what),
        BackupError::Incomplete(_) => Failure::new(Code::BackupDamaged, what)
            .hint("it was interrupted: take it again with --resume and the same --to"),
        BackupError::File { .. } => Failure::new(Code::File, what),
        BackupError::NotAService(_) => Failure::new(Code::BackupPlace, what)
            .hint("name the directory that `data_dir` of chancery.toml names"),
        BackupError::NotEmpty(_) => Failure::new(Code::BackupPlace, what)
            .hint("name a directory that is absent or empty; --resume goes on with an interrupted backup"),
    }
}

fn report(manifest: Manifest) -> Result<BackupReport, Failure> {
    let bytes = manifest.files.iter().map(|entry| entry.size).sum();
    let Manifest { files, left_out, made, origin, root, size, .. } = manifest;
    Ok(BackupReport { origin, size, root: root.to_string(), made, files: files.len(), bytes, left_out })
}

fn plan(options: &BackupOptions) -> Result<Plan, Failure> {
    let data = &options.data_dir;
    let data = data.canonicalize().map_err(|error| Failure::file("read", data, &error))?;
    let path = config_file(options, &data)?;
    let config = Config::load(&path).map_err(|error| Failure::new(Code::Configuration, error.to_string()))?;
    let named = config.data_dir.canonicalize().unwrap_or_else(|_| config.data_dir.clone());
    if named != data {
        let failure = Failure::new(Code::BackupPlace, format!("`{}` is of another service", path.display()));
        return Err(failure.because(named.display().to_string(), data.display().to_string()));
    }
    let place = |path: &Path, outside: &str| match path.strip_prefix(&data) {
        Ok(inside) => format!("data/{}", inside.display()),
        Err(_) => format!("config/{outside}"),
    };
    let within = |name: &str| (data.join(name), format!("data/{name}"));
    let memory = data.join("keyguard/memory");
    let mut files = vec![(path.clone(), place(&path, "chancery.toml"))];
    let keys = chancery_store::ledger::key_files(&data.join("gateway"));
    let names = keys.iter().filter_map(|path| path.file_name()?.to_str());
    files.extend(names.map(|name| within(&format!("gateway/{name}"))));
    files.push(within("gateway/signed"));
    files.extend(MEMORY.map(|name| within(&format!("keyguard/memory/{name}"))));
    files.extend(DEVELOPMENT.map(within));
    let governance = config.governance_dir.canonicalize().unwrap_or_else(|_| config.governance_dir.clone());
    let folders = vec![
        (data.join("keyguard/keys"), "data/keyguard/keys".to_owned()),
        (governance.clone(), place(&governance, "governance")),
    ];
    // Not under its own name: a keyguard does not take it for what it followed last.
    let before = vec![(memory.join("ledger.slots"), "data/keyguard/memory/ledger.restored".to_owned())];
    let start = if options.resume { Start::Resumed } else { Start::Fresh };
    let (left_out, origin) = (secrets(&config), config.ledger.origin.clone());
    Ok(Plan {
        data,
        before,
        files,
        folders,
        left_out,
        origin,
        to: options.to.clone(),
        now: SystemClock.now(),
        start,
    })
}

fn config_file(options: &BackupOptions, data: &Path) -> Result<PathBuf, Failure> {
    let beside = [Some(data), data.parent()].into_iter().flatten().map(|place| place.join("chancery.toml"));
    let found = options.config.clone().or_else(|| beside.into_iter().find(|path| path.is_file()));
    let found = found.ok_or_else(|| {
        Failure::new(Code::BackupPlace, "no `chancery.toml` in the data directory or above it")
            .hint("name the service's configuration file with --config")
    })?;
    found.canonicalize().map_err(|error| Failure::file("read", &found, &error))
}

/// Whoever has the backup and these could sign, or pass for the service.
fn secrets(config: &Config) -> Vec<String> {
    let keyguard = &config.keyguard;
    let mut all: Vec<&PathBuf> = keyguard.passphrase_file.iter().chain(&keyguard.credential_file).collect();
    all.extend(keyguard.pkcs11.iter().map(|token| &token.pin_file));
    all.extend(config.tls.iter().map(|tls| &tls.key));
    all.extend(config.webhooks.iter().map(|webhook| &webhook.secret_file));
    all.into_iter().map(|path| path.display().to_string()).collect()
}
