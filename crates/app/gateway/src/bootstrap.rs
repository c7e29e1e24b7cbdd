//! From cold to ready: the keyguard is asked what it has, made if it has nothing, and brought to the policy in force.

use chancery_core::id::KeyId;
use chancery_core::message::{Authorities, Call, Hello, Initialise, PROTOCOL, Reply};
use chancery_core::port::custodian::KeySpec;
use chancery_core::port::sequencer::Append;
use chancery_ledger::event::{Body, CertificatePurpose, KeyAction, Policy as PolicyEvent, Root};
use chancery_policy::documents::Documents;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::{self, Governance, unexpected};
use crate::intent::{encode, internal};
use crate::keys;
use crate::reconcile::{self, Reconciled};
use crate::trust::Trust;

/// What a new installation begins with.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// Organisation in the authorities' names.
    pub organisation: String,
    /// Whether the authorities are development ones.
    pub dev: bool,
    /// Keys for artifacts.
    pub keys: Vec<KeySpec>,
    /// The first governance documents; `root.toml` among them becomes entry 0.
    pub documents: Documents,
}

/// Initialises a keyguard that has nothing, and records everything that was made: entry 0 is the root document, entry 1
/// the first policy. A run that was interrupted is taken up again.
pub async fn initialise(gateway: &Gateway, beginning: Beginning) -> Result<(), Failure> {
    let hello = hello(gateway).await?;
    let fresh = hello.ledger_size == 0;
    let authorities = if hello.initialised {
        authorities(gateway, Call::Authorities).await?
    } else {
        let wish = Initialise {
            organisation: beginning.organisation,
            dev: beginning.dev,
            ledger_vkey: gateway.parts.ledger_vkey.clone(),
            keys: beginning.keys,
            seed: gateway.parts.entropy.sixteen().to_vec(),
        };
        authorities(gateway, Call::Initialise(wish)).await?
    };
    gateway.use_trust(Trust::new(gateway, authorities)?);
    if fresh {
        log_root(gateway, &beginning.documents).await?;
        governance::apply(gateway, beginning.documents).await?;
        log_beginning(gateway).await?;
    }
    Ok(())
}

/// Makes an initialised installation ready: trust, keys, policy, limits, open intents.
pub async fn start(gateway: &Gateway) -> Result<Reconciled, Failure> {
    let hello = hello(gateway).await?;
    if !hello.initialised {
        return Err(Failure::Internal("the keyguard is not initialised: run `chancery init`".to_owned()));
    }
    let authorities = authorities(gateway, Call::Authorities).await?;
    gateway.use_trust(Trust::new(gateway, authorities)?);
    keys::refresh(gateway).await?;
    take_policy_up(gateway, &hello).await?;
    restore_limits(gateway).await?;
    reconcile::reconcile(gateway).await
}

/// After the keyguard restarted: it holds no policy until it is told again.
pub async fn greet_again(gateway: &Gateway) -> Result<(), Failure> {
    let hello = hello(gateway).await?;
    if hello.policy_loaded.is_none() {
        take_policy_up(gateway, &hello).await?;
    }
    Ok(())
}

async fn hello(gateway: &Gateway) -> Result<Hello, Failure> {
    match gateway.parts.keyguard.call(Call::Hello { protocol: PROTOCOL }).await? {
        Reply::Hello(hello) => Ok(hello),
        other => Err(unexpected("hello", &other)),
    }
}

async fn authorities(gateway: &Gateway, call: Call) -> Result<Authorities, Failure> {
    match gateway.parts.keyguard.call(call).await? {
        Reply::Authorities(authorities) => Ok(*authorities),
        other => Err(unexpected("authorities", &other)),
    }
}

async fn log_root(gateway: &Gateway, documents: &Documents) -> Result<(), Failure> {
    let root = documents.file("root.toml").unwrap_or_default();
    let sha256 = chancery_core::digest::Sha256::of(root.as_bytes());
    let leaf = encode(gateway.parts.clock.now(), Body::Root(Root { sha256 }))?;
    gateway.parts.sequencer.append(Append { leaves: vec![leaf], changes: Vec::new() }).await?;
    Ok(())
}

/// Keys and authorities, as they came into being.
async fn log_beginning(gateway: &Gateway) -> Result<(), Failure> {
    let made = keys::refresh(gateway).await?;
    let made: Vec<_> = made.into_iter().map(|key| (key, KeyAction::Created)).collect();
    keys::log(gateway, &made).await?;
    let trust = gateway.trust()?;
    let key = |name: &str| KeyId::parse(name).map_err(internal);
    let certificates = [
        (CertificatePurpose::Ca, key("chancery-root")?, trust.root.clone()),
        (CertificatePurpose::Ca, key("chancery-root")?, trust.issuing.clone()),
        (CertificatePurpose::Ca, key("chancery-tsa-root")?, trust.tsa_root.clone()),
        (CertificatePurpose::Tsa, key("chancery-tsa-root")?, trust.tsa.clone()),
    ];
    keys::log_certificates(gateway, &certificates).await
}

/// Brings gateway and keyguard to the newest documents. Documents that were kept but not logged (a crash between the
/// two) are logged now.
async fn take_policy_up(gateway: &Gateway, hello: &Hello) -> Result<(), Failure> {
    let current = gateway.parts.state.policy_current().await?;
    let current = current.ok_or_else(|| Failure::Internal("no policy was ever applied".to_owned()))?;
    let documents = Documents::parse(&current.documents).map_err(internal)?;
    let governance = Governance::load(documents, current.sequence).map_err(internal)?;
    if hello.policy != Some(current.version) {
        let event = PolicyEvent { version: current.version, sequence: current.sequence };
        let leaf = encode(gateway.parts.clock.now(), Body::Policy(event))?;
        gateway.parts.sequencer.append(Append { leaves: vec![leaf], changes: Vec::new() }).await?;
    }
    governance::enforce(gateway, governance).await
}

/// Limits count what was signed before this process started.
async fn restore_limits(gateway: &Gateway) -> Result<(), Failure> {
    let governance = gateway.governance()?;
    let now = gateway.parts.clock.now();
    for profile in governance.policy.profiles() {
        let longest =
            profile.limits().iter().map(|limit| i64::from(limit.window.seconds())).max().unwrap_or(0);
        if longest > 0 {
            let since = now.plus_seconds(longest.saturating_neg());
            let times = gateway.parts.state.intents_since(profile.name().clone(), since).await?;
            gateway.limits.restore(profile.name(), times);
        }
    }
    Ok(())
}
