//! What the command line needs of this binary: roles, tokens, time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chancery_cli::catalogue::Code;
use chancery_cli::failure::Failure;
use chancery_cli::host::{
    Archive, ArchivePlace, BackupOptions, BackupReport, HiddenRole, Host, IdentityToken, InitOptions,
    NoToken, ServeOptions,
};
use chancery_core::port::clock::Clock as _;
use chancery_core::port::entropy::Entropy as _;
use chancery_core::port::registry::Registry;
use chancery_core::port::step::Steps;
use chancery_core::time::Time;

use crate::config::Config;
use crate::keyguard_config::{KeyguardConfig, Remote};
use crate::keyguard_role::{Parent, RefusesToStart};
use crate::ports::{SystemClock, SystemEntropy};
use crate::supervisor::{self, Roles};
use crate::way::{self, Way};
use crate::{archive, backup, dev, gateway_role, init, keyguard_role, registry};

/// This binary.
#[derive(Debug)]
pub(crate) struct Wired {
    /// Where the test build stops.
    pub(crate) steps: Arc<dyn Steps>,
}

impl Host for Wired {
    fn now(&self) -> Time {
        SystemClock.now()
    }
    fn nonce(&self) -> [u8; 16] {
        SystemEntropy.sixteen()
    }
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
    fn token(&self, audience: &str) -> Result<IdentityToken, NoToken> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let no_token = |what: String, hint: &str| NoToken { what, hint: hint.to_owned() };
        let runtime = runtime.map_err(|error| no_token(error.to_string(), "run the command again"))?;
        install_provider();
        let variable = |name: &str| std::env::var(name).ok();
        let found = runtime.block_on(chancery_remote::ambient::find(&variable, audience));
        match found {
            Ok(token) => Ok(IdentityToken::new(token.expose().to_owned(), token.source())),
            Err(error) => Err(no_token(error.to_string(), error.hint())),
        }
    }
    fn registry(&self) -> Arc<dyn Registry> {
        registry::of_person()
    }
    fn program(&self) -> Result<PathBuf, Failure> {
        supervisor::this_program().map_err(|error| failure(&error.into()))
    }
    fn serve(&self, options: &ServeOptions) -> Result<(), Failure> {
        let config = match Way::of(options)? {
            Way::Configured(path) => path,
            Way::Development(listen) => {
                let made = dev_directory(options).and_then(|directory| dev::prepare(&directory, listen));
                made.map_err(|error| failure(&error))?
            }
        };
        way::check(&config)?;
        serve(options, config).map_err(|error| failure(&error))
    }
    fn keyguard(&self, config: &Path) -> Result<(), Failure> {
        let config = config.canonicalize().map_err(|error| Failure::file("read", config, &error))?;
        way::usable(KeyguardConfig::load(&config).map(|_| ()))?;
        log();
        door(&config).map_err(|error| failure(&error))
    }
    fn init(&self, options: &InitOptions) -> Result<Vec<PathBuf>, Failure> {
        init::init(options).map_err(|error| failure(&error))
    }
    fn archive(&self, place: &ArchivePlace) -> Result<Archive, Failure> {
        archive::open(place)
    }
    fn evidence_export(&self, data_dir: &Path, to: &Path) -> Result<u64, Failure> {
        archive::export(data_dir, to)
    }
    fn backup(&self, options: &BackupOptions) -> Result<BackupReport, Failure> {
        backup::take(options)
    }
    fn backup_verify(&self, directory: &Path) -> Result<BackupReport, Failure> {
        backup::verify(directory)
    }
    fn restore(&self, from: &Path, data_dir: &Path) -> Result<BackupReport, Failure> {
        backup::restore(from, data_dir)
    }
    fn hidden(&self, role: HiddenRole, arguments: &[OsString]) -> u8 {
        let steps = Arc::clone(&self.steps);
        let outcome = match role {
            HiddenRole::Gateway => gateway(arguments, steps),
            HiddenRole::Keyguard => keyguard(arguments, steps),
            HiddenRole::Pkcs11Worker => worker(),
        };
        match outcome {
            Ok(()) => 0,
            Err(error) => {
                tracing::error!(role = ?role, error = format!("{error:#}"), "role ended");
                if error.is::<RefusesToStart>() { supervisor::REFUSES_TO_START } else { 1 }
            }
        }
    }
}

fn failure(error: &anyhow::Error) -> Failure {
    Failure::new(Code::Unexpected, format!("{error:#}"))
}

fn install_provider() {
    // A second installation of the same provider is refused, and harmless.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default().is_err();
}

/// JSON lines on stderr. Nothing that is logged anywhere holds a token: tokens are types whose `Debug` hides them.
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CHANCERY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,chancery=info"));
    let subscriber = tracing_subscriber::fmt().json().with_writer(std::io::stderr).with_env_filter(filter);
    let _already = subscriber.try_init().is_err();
}

fn serve(options: &ServeOptions, config: PathBuf) -> anyhow::Result<()> {
    log();
    if let Some(marker) = ci_marker() {
        tracing::warn!(
            marker,
            "this looks like a CI runner: a signing service does not belong on a build machine"
        );
        anyhow::ensure!(options.dev, "refusing to serve on a CI runner (`{marker}` is set)");
    }
    let roles = Roles { program: supervisor::this_program()?, config };
    let remote = Remote::of(&Config::load(&roles.config)?.keyguard).map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = match remote {
        None => runtime.block_on(supervisor::run(&roles))?,
        Some(_) => runtime.block_on(supervisor::run_gateway(&roles))?,
    };
    anyhow::ensure!(status.success(), "the gateway ended with {status}");
    Ok(())
}

/// Variables that CI systems set for their jobs.
fn ci_marker() -> Option<&'static str> {
    ["GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"]
        .into_iter()
        .find(|name| std::env::var_os(name).is_some())
}

fn dev_directory(options: &ServeOptions) -> anyhow::Result<PathBuf> {
    match &options.data_dir {
        Some(directory) => Ok(directory.clone()),
        // Kept on purpose: whoever stops the service can start it again on the same data.
        None => Ok(tempfile::Builder::new().prefix("chancery-dev-").tempdir()?.keep()),
    }
}

fn config(arguments: &[OsString]) -> anyhow::Result<PathBuf> {
    log();
    match arguments {
        [flag, path] if flag == "--config" => Ok(Path::new(path).to_owned()),
        _ => anyhow::bail!("expected `--config FILE`"),
    }
}

fn door(config: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(crate::door::run(&supervisor::this_program()?, config))
}

fn keyguard(arguments: &[OsString], steps: Arc<dyn Steps>) -> anyhow::Result<()> {
    let (head, parent) = arguments.split_at_checked(2).unwrap_or((arguments, &[]));
    let path = config(head)?;
    let parent = match parent {
        [flag, parent] if flag == "--behind" && parent == "door" => Parent::Door,
        [flag, parent] if flag == "--behind" && parent == "serve" => Parent::Serve,
        _ => anyhow::bail!("expected `--behind door` or `--behind serve`"),
    };
    keyguard_role::run(&path, parent, steps)
}

fn gateway(arguments: &[OsString], steps: Arc<dyn Steps>) -> anyhow::Result<()> {
    let path = config(arguments)?;
    supervisor::end_with_supervisor()?;
    install_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(gateway_role::run(&path, steps))
}

fn worker() -> anyhow::Result<()> {
    let stream = chancery_custody_pkcs11::worker::stdin_stream()?;
    Ok(chancery_custody_pkcs11::worker::run_worker(stream)?)
}
