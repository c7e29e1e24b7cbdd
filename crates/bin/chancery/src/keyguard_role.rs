//! The keyguard process: keys open, sandbox closed, then calls until the socket ends.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use chancery_core::digest::Sha256;
use chancery_core::message::{Call, Reply, ReportLine};
use chancery_core::port::clock::Clock as _;
use chancery_core::port::step::Steps;
use chancery_custody_pkcs11::{Limits, Pkcs11Config, Pkcs11Custodian, TokenConfig, WorkerCommand};
use chancery_custody_software::custodian::SoftwareCustodian;
use chancery_custody_software::kek::KekSource;
use chancery_keyguard::custodians::{Backend, Custodians};
use chancery_keyguard::keyguard::{Keyguard, Parts};
use chancery_keyguard::reanchor;
use chancery_link::server::{self, Handler};
use chancery_memory::founding::{self, Keys};
use chancery_memory::restored;
use chancery_sandbox::sandbox::{Network, Profile, Sandbox};
use chancery_x509::certificate::{Certificate, parse_pem_bundle};

use crate::config::{Config, Pkcs11Section};
use crate::issuer_roots;
use crate::keyguard_config::{Custody, KeyguardConfig};
use crate::ports::{SystemClock, SystemEntropy};
use crate::supervisor;

/// Sessions with a PKCS#11 token, each with its own thread in the worker.
const SESSIONS: usize = 4;

/// What is on disk is damaged or incomplete: another start would find the same, so the whole service ends.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the keyguard refuses to start")]
pub(crate) struct RefusesToStart;

/// Who started this keyguard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// The door of a keyguard on a host of its own: its socket brings a connection for every gateway.
    Door,
    /// The supervisor of a whole service: its socket is the connection.
    Serve,
}

/// The keyguard behind its socket.
struct Behind {
    keyguard: Keyguard,
    root: Option<Sha256>,
}

impl Handler for Behind {
    fn answer(&self, call: Call) -> Reply {
        if let Some(refused) = self.refused(&call) {
            return refused;
        }
        let reply = self.keyguard.answer(call);
        if self.keyguard.is_poisoned() {
            // After a failed fsync memory and disk may differ: only a restart from disk is safe. The gateway sees the
            // connection end, which is always safe to try again; the supervisor starts another.
            tracing::error!("the keyguard's memory could not be made durable; this process ends");
            std::process::exit(1);
        }
        reply
    }
}

impl Behind {
    /// Whoever installed the keyguard may have said which root it shall know: then no gateway names another.
    fn refused(&self, call: &Call) -> Option<Reply> {
        let Call::Initialise(wish) = call else { return None };
        let expected = self.root.filter(|root| *root != wish.root)?;
        let found = wish.root;
        let what =
            format!("the gateway's first root is {found}, the keyguard's configuration says {expected}");
        Some(Reply::Failed(what))
    }
}

/// Runs until the other end of the socket closes.
pub(crate) fn run(path: &Path, parent: Parent, steps: Arc<dyn Steps>) -> anyhow::Result<()> {
    let config = match parent {
        Parent::Door => Custody::from(KeyguardConfig::load(path)?),
        Parent::Serve => Custody::from(Config::load(path)?),
    };
    let socket = supervisor::inherited_socket()
        .context("this keyguard is started by `chancery serve` or `chancery keyguard`")?;
    for directory in [config.keys_dir(), config.memory_dir()] {
        private_directory(&directory).with_context(|| format!("cannot make `{}`", directory.display()))?;
    }
    let backends = backends(&config)?;
    let stamper_chains = stamper_chains(&config)?;
    let issuer_roots = issuer_roots::load(config.keyguard.issuer_ca.as_deref())?;
    let sandbox = close(&config);
    let custodians = Custodians::new(backends, &config.keyguard.artifact_keys)?;
    let keys = if custodians.list().is_empty() { Keys::Absent } else { Keys::Present };
    let memory = founding::open(&config.memory_dir(), keys).context(RefusesToStart)?;
    if let Some(restored) = restored::find(&config.memory_dir()).context(RefusesToStart)? {
        let now = SystemClock.now();
        reanchor::take_up(&memory, &restored.state, &restored.act, now).context(RefusesToStart)?;
    }
    let parts = Parts {
        custodians,
        memory: Arc::new(memory),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        steps,
        audience_host: config.host.clone(),
        builder: config.url(),
        stamper_chains,
        issuer_roots,
        sandbox,
    };
    let keyguard = Keyguard::new(parts).context(RefusesToStart)?;
    let keyguard: Arc<dyn Handler> = Arc::new(Behind { keyguard, root: config.root });
    let available = std::thread::available_parallelism().map_or(2, usize::from);
    let threads = config.keyguard.threads.unwrap_or(available);
    match parent {
        Parent::Door => server::serve_each(&socket, &keyguard, threads)?,
        Parent::Serve => server::serve(socket, &keyguard, threads)?,
    }
    Ok(())
}

/// Read here and not taken from the gateway: a trust snapshot that names another authority is not signed.
fn stamper_chains(config: &Custody) -> anyhow::Result<Vec<(String, Vec<Certificate>)>> {
    let mut chains = Vec::new();
    for section in &config.tsa {
        let pem = std::fs::read_to_string(&section.chain)
            .with_context(|| format!("cannot read `{}`", section.chain.display()))?;
        chains.push((section.url.clone(), parse_pem_bundle(&pem)?));
    }
    Ok(chains)
}

fn private_directory(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn backends(config: &Custody) -> anyhow::Result<Vec<Backend>> {
    let section = &config.keyguard;
    let kek = match (&section.passphrase_file, &section.credential_file) {
        (Some(path), _) => KekSource::Passphrase(path.clone()),
        (None, Some(path)) => KekSource::Credential(path.clone()),
        (None, None) => anyhow::bail!("`[keyguard]` needs `passphrase_file` or `credential_file`"),
    };
    let software = SoftwareCustodian::open(&config.keys_dir(), &kek).context(RefusesToStart)?;
    let mut backends = vec![Backend { name: "software".to_owned(), custodian: Arc::new(software) }];
    for token in &section.pkcs11 {
        let custodian = Pkcs11Custodian::open(pkcs11(config, token)?)?;
        backends.push(Backend { name: token.name.clone(), custodian: Arc::new(custodian) });
    }
    Ok(backends)
}

fn pkcs11(config: &Custody, token: &Pkcs11Section) -> anyhow::Result<Pkcs11Config> {
    let environment = token.environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    Ok(Pkcs11Config {
        token: TokenConfig {
            module: token.module.clone(),
            label: token.token.clone(),
            serial: None,
            pin_file: token.pin_file.clone(),
            sessions: SESSIONS,
        },
        worker: WorkerCommand {
            program: supervisor::this_program()?,
            arguments: vec!["pkcs11-worker".into()],
            environment,
        },
        directory: config.keys_dir(),
        limits: Limits::default(),
    })
}

/// What this process may still reach from here on. Workers inherit it, so a token's module needs its own files.
fn close(config: &Custody) -> Vec<ReportLine> {
    let mut profile = Profile { write: vec![config.keys_dir(), config.memory_dir()], ..Profile::default() };
    if !config.keyguard.pkcs11.is_empty() {
        let system = ["/usr", "/lib", "/lib64", "/etc", "/opt"].map(PathBuf::from);
        profile.execute.extend(system.into_iter().filter(|path| path.exists()));
        profile.execute.extend(supervisor::this_program().ok());
        // Where a worker's output goes.
        profile.write.push(PathBuf::from("/dev/null"));
        for token in &config.keyguard.pkcs11 {
            profile.read.push(token.pin_file.clone());
            let named = token.environment.values().map(PathBuf::from).filter(|path| path.exists());
            profile.write.extend(named.filter_map(|path| path.parent().map(Path::to_owned)));
            if token.network {
                profile.network = Network::Outbound;
            }
        }
    }
    let report = Sandbox::keyguard(&profile);
    report
        .into_iter()
        .map(|line| ReportLine {
            item: format!("sandbox {}", line.item),
            ok: line.active,
            detail: line.detail,
        })
        .collect()
}
