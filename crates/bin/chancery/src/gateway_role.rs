//! The gateway process: ledger, use cases, HTTP.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chancery_core::digest::Sha256;
use chancery_core::message::{Authorities, Call};
use chancery_core::port::Boxed;
use chancery_core::port::cosigner::{CosignError, Cosigner, Follow};
use chancery_core::port::keyguard::Keyguard as _;
use chancery_core::port::ledger_keys::LedgerKeys;
use chancery_core::port::stamper::Stamper;
use chancery_core::port::step::Steps;
use chancery_gateway::bootstrap::{self, Beginning};
use chancery_gateway::failure::Failure;
use chancery_gateway::gateway::{Gateway, Parts};
use chancery_gateway::reconcile;
use chancery_gateway::webhook::Webhooks;
use chancery_ledger::checkpoint::Origin;
use chancery_ledger::vkey::VerifierKey;
use chancery_link::client::KeyguardClient;
use chancery_policy::documents::Documents;
use chancery_policy::governance::signed::{self, Position, SignatureSet};
use chancery_remote::dial::TcpDialer;
use chancery_remote::tsa::authority::AuthorityConfig;
use chancery_remote::tsa::pool::{PoolConfig, TsaPool};
use chancery_server::measures::Measures;
use chancery_store::ledger::{KeyRing, Ledger, LedgerConfig};
use chancery_x509::certificate::{Certificate, parse_pem_bundle};

use crate::config::{Config, TsaSection};
use crate::counted::{CountedKeyguard, CountedLedger};
use crate::dev;
use crate::documents;
use crate::export;
use crate::greeting::Greeted;
use crate::keyguard_config::Remote;
use crate::listen;
use crate::ports::{SystemClock, SystemEntropy};
use crate::pulse;
use crate::registry;
use crate::remote;
use crate::supervisor;
use crate::webhook::{self, MeasuredWebhooks};

/// A call that is not answered in this time is unavailable.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(20);
/// How often intents that a failed attempt left are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// The keyguard as the ledger's writer sees it.
#[derive(Debug)]
struct KeyguardCosigner(Arc<CountedKeyguard>);

impl Cosigner for KeyguardCosigner {
    fn cosign<'a>(&'a self, follow: &'a Follow) -> Boxed<'a, Result<String, CosignError>> {
        use chancery_core::message::Reply;
        Box::pin(async move {
            let reply = self.0.call(Call::Follow(follow.clone())).await;
            let reply = reply.map_err(|error| CosignError::Unavailable(error.to_string()))?;
            if let Reply::Cosigned(line) = reply {
                return Ok(line);
            }
            if let Reply::NotCosigned(error) = reply {
                return Err(error);
            }
            Err(CosignError::Unavailable(format!("unexpected reply: {reply:?}")))
        })
    }
}

/// Runs until a signal asks for the end or the ledger has to stop.
pub(crate) async fn run(path: &Path, steps: Arc<dyn Steps>) -> anyhow::Result<()> {
    let config = Config::load(path)?;
    let control = supervisor::inherited_socket().context("the gateway is started by `chancery serve`")?;
    let keyguard = KeyguardClient::new(CALL_DEADLINE);
    let control = match Remote::of(&config.keyguard).map_err(anyhow::Error::msg)? {
        Some(far) => remote::keep(far, &keyguard)?,
        None => {
            keyguard.follow_control(control.try_clone()?);
            control
        }
    };
    let directory = config.gateway_dir();
    std::fs::create_dir_all(&directory)?;
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700))?;
    let origin = Origin::parse(&config.ledger.origin)?;
    let keys = ledger_keys(&directory, &origin)?;
    let documents = documents::read(&config.governance_dir)?;
    // The state is made after the keys, so where it is, nothing begins.
    let begins = !directory.join("state.db").exists();
    if begins {
        check_first(&config, &documents)?;
    }
    let beginning = Beginning {
        organisation: config.organisation.clone(),
        dev: config.dev,
        root: Sha256::of(documents.file("root.toml").unwrap_or_default().as_bytes()),
        keys: if config.dev && begins { documents::keys(&documents)? } else { Vec::new() },
        seed: chancery_core::port::entropy::Entropy::sixteen(&SystemEntropy),
    };
    let vkey = keys.verifier().to_string();
    let authorities = bootstrap::meet(keyguard.as_ref(), Some(beginning), &vkey).await?;
    // Before anything is signed: the ledger's first act is a checkpoint.
    LedgerKeys::plan(keys.as_ref(), &authorities.ledger_uses());
    let calls = CountedKeyguard::new(Arc::clone(&keyguard) as _);
    let ledger = open_ledger(&config, &authorities, origin, (&calls, &keys)).await?;
    let appends = CountedLedger::new(Arc::clone(&ledger));
    let gateway = assemble(&config, &calls, (&ledger, &appends), (keys, steps))?;
    let signatures = |documents: &Documents| {
        first_signatures(&config, documents).map_err(|error| Failure::Internal(format!("{error:#}")))
    };
    bootstrap::begin(&gateway, authorities, documents, signatures).await?;
    if config.dev {
        documents::certify_dev(&gateway).await?;
    }
    start(&gateway).await?;
    tokio::spawn(sweep(Arc::clone(&gateway)));
    pulse::watch(&gateway, &keyguard, control)?;
    let webhooks = webhook::open(&config, &gateway).await?;
    let telling = tokio::spawn({
        let webhooks = Arc::clone(&webhooks);
        async move { webhooks.run().await }
    });
    let measures: Vec<Arc<dyn Measures>> = vec![calls, appends, MeasuredWebhooks::new(&webhooks, &gateway)];
    let outcome = serve(&config, (gateway, webhooks), &ledger, measures).await;
    // Wherever it was: what was not settled is told again after the next start.
    telling.abort();
    outcome
}

/// Nothing is made and no root is pinned before enough people signed the first documents.
fn check_first(config: &Config, documents: &Documents) -> anyhow::Result<()> {
    let set = first_signatures(config, documents)?;
    let root = Sha256::of(documents.file("root.toml").unwrap_or_default().as_bytes());
    let position = Position::Beginning { root, ledger: &config.ledger.origin };
    signed::accept(documents.clone(), &set, &position).map_err(|error| {
        anyhow::anyhow!("the first governance cannot come into force: {} {error}", error.code())
    })?;
    Ok(())
}

/// The signatures that bring the first documents into force: of the root's people, or in development made now.
fn first_signatures(config: &Config, documents: &Documents) -> anyhow::Result<SignatureSet> {
    if config.dev {
        return dev::sign_first(&config.data_dir, documents, &config.ledger.origin);
    }
    let path = config.governance_signatures();
    let text = std::fs::read_to_string(&path).with_context(|| {
        let (path, governance) = (path.display(), config.governance_dir.display());
        let origin = &config.ledger.origin;
        format!(
            "cannot read `{path}`: the first governance has to be signed by the people of its root.toml, each with: \
             chancery policy sign {governance} --ledger {origin} --key SSH_KEY"
        )
    })?;
    SignatureSet::parse(text.trim_end()).with_context(|| format!("cannot use `{}`", path.display()))
}

fn ledger_keys(directory: &Path, origin: &Origin) -> anyhow::Result<Arc<KeyRing>> {
    Ok(Arc::new(KeyRing::open(directory, origin, Arc::new(SystemClock))?))
}

async fn start(gateway: &Gateway) -> anyhow::Result<()> {
    let reconciled = bootstrap::start(gateway).await?;
    tracing::info!(?reconciled, "ready");
    Ok(())
}

async fn open_ledger(
    config: &Config,
    authorities: &Authorities,
    origin: Origin,
    (keyguard, keys): (&Arc<CountedKeyguard>, &Arc<KeyRing>),
) -> anyhow::Result<Arc<Ledger>> {
    let cosigner = VerifierKey::parse(&authorities.cosigner_vkey)?;
    let mut settings = LedgerConfig::new(config.gateway_dir(), origin, cosigner);
    settings.group_commit = config.ledger.group_commit;
    settings.reserve = config.ledger.reserve.unwrap_or(settings.reserve);
    let follower = Arc::new(KeyguardCosigner(Arc::clone(keyguard)));
    Ok(Arc::new(Ledger::open(settings, follower, Arc::clone(keys)).await?))
}

fn assemble(
    config: &Config,
    keyguard: &Arc<CountedKeyguard>,
    (ledger, appends): (&Arc<Ledger>, &Arc<CountedLedger>),
    (ledger_keys, steps): (Arc<KeyRing>, Arc<dyn Steps>),
) -> anyhow::Result<Arc<Gateway>> {
    let greeted = Greeted::new(Arc::clone(keyguard) as _);
    let mut stampers: BTreeMap<String, Arc<dyn Stamper>> = BTreeMap::new();
    let mut stamper_chains = Vec::new();
    for section in &config.tsa {
        let (pool, chain) = stamper(section)?;
        stampers.insert(section.name.clone(), Arc::new(pool));
        stamper_chains.push((section.url.clone(), chain));
    }
    let gateway = Gateway::new(Parts {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        keyguard: Arc::clone(&greeted) as _,
        sequencer: Arc::clone(appends) as _,
        ledger: Arc::clone(ledger) as _,
        state: Arc::clone(ledger) as _,
        dialer: Arc::new(TcpDialer),
        registry: Arc::new(registry::open(config)?),
        stampers,
        stamper_chains,
        steps,
        audience_host: config.host.clone(),
        builder: config.url(),
        ledger_vkey: ledger_keys.verifier().to_string(),
        ledger_keys,
    });
    greeted.follow(&gateway);
    Ok(gateway)
}

fn stamper(section: &TsaSection) -> anyhow::Result<(TsaPool, Vec<Certificate>)> {
    let pem = std::fs::read_to_string(&section.chain)
        .with_context(|| format!("cannot read `{}`", section.chain.display()))?;
    let chain = parse_pem_bundle(&pem)?;
    let root = chain.last().cloned().context("the chain of a time stamping authority is empty")?;
    let authority = AuthorityConfig {
        name: section.name.clone(),
        url: section.url.clone(),
        reach: chancery_core::port::dialer::Reach::Private,
        roots: vec![root],
        known: chain.clone(),
        pinned: Vec::new(),
        policy: None,
        timeout: Duration::from_secs(10),
    };
    let pool =
        TsaPool::new(vec![authority], PoolConfig::default(), Arc::new(SystemClock), Arc::new(SystemEntropy))?;
    Ok((pool, chain))
}

/// Closes intents whose attempt failed after they were durable, as when the keyguard died before it cosigned them: no
/// restart is waited for. Apart from the pulse, since it waits for requests that are under way.
async fn sweep(gateway: Arc<Gateway>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(error) = reconcile::reconcile(&gateway).await {
            tracing::warn!(%error, "open intents could not be closed");
        }
    }
}

async fn serve(
    config: &Config,
    (gateway, webhooks): (Arc<Gateway>, Arc<Webhooks>),
    ledger: &Arc<Ledger>,
    measures: Vec<Arc<dyn Measures>>,
) -> anyhow::Result<()> {
    let socket = config.admin_socket();
    if socket.exists() {
        std::fs::remove_file(&socket)?;
    }
    let admin = UnixListener::bind(&socket)?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
    let listener = std::net::TcpListener::bind(config.listen)
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let tls = listen::tls(config, &gateway)?;
    let end = listen::End::new()?;
    if config.dev {
        dev::publish(config, &gateway, address).await?;
    }
    export::write(config, &gateway, address).await?;
    tokio::spawn(export::keep(config.data_dir.clone(), Arc::clone(&gateway)));
    let server = listen::run(config, (gateway, webhooks), tls, (listener, admin, end), measures);
    let outcome = tokio::select! {
        outcome = server => outcome,
        why = ledger.stopped() => Err(anyhow::anyhow!("the ledger stopped: {why}")),
    };
    Ledger::clone(ledger).close().await;
    outcome
}
