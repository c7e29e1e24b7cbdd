//! From cold to ready: the keyguard is asked what it has, made if it has nothing, and brought to the policy in force.

use chancery_core::digest::Sha256;
use chancery_core::id::KeyId;
use chancery_core::message::{Authorities, Call, Hello, Initialise, PROTOCOL, Reply};
use chancery_core::port::custodian::KeySpec;
use chancery_core::port::keyguard::Keyguard;
use chancery_core::port::sequencer::Append;
use chancery_ledger::event::{Body, CertificatePurpose, KeyAction, Root};
use chancery_policy::documents::Documents;
use chancery_policy::governance::root;
use chancery_policy::governance::signed::SignatureSet;

use crate::act;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::{self, unexpected};
use crate::intent::{encode, internal};
use crate::keys;
use crate::reanchor;
use crate::reconcile::{self, Reconciled};
use crate::trust;

use chancery_verify::lineage::Own;
use chancery_x509::certificate::Certificate;

/// What a new installation begins with.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// Organisation in the authorities' names.
    pub organisation: String,
    /// Whether the authorities are development ones.
    pub dev: bool,
    /// Keys for artifacts.
    pub keys: Vec<KeySpec>,
    /// SHA-256 of the first root document.
    pub root: Sha256,
    /// Seed for the keyguard, 16 random bytes.
    pub seed: [u8; 16],
}

/// Asks the keyguard for its authorities, which it makes if there are none and a beginning is given. Comes before the
/// ledger is opened: no checkpoint is shown without the keyguard's cosignature, so its key must be known.
pub async fn meet(
    keyguard: &dyn Keyguard,
    beginning: Option<Beginning>,
    ledger_vkey: &str,
) -> Result<Authorities, Failure> {
    let hello = hello(keyguard).await?;
    match (hello.initialised, beginning) {
        (true, _) => authorities(keyguard, Call::Authorities).await,
        (false, Some(beginning)) => {
            let wish = Initialise {
                organisation: beginning.organisation,
                dev: beginning.dev,
                ledger_vkey: ledger_vkey.to_owned(),
                root: beginning.root,
                keys: beginning.keys,
                seed: beginning.seed.to_vec(),
            };
            authorities(keyguard, Call::Initialise(wish)).await
        }
        (false, None) => {
            Err(Failure::Internal("the keyguard is not initialised: run `chancery init`".to_owned()))
        }
    }
}

/// Begins the ledger of a new installation: entry 0 is the root document, entry 1 the first policy, then everything
/// that was made. Does nothing where the ledger has begun; a run that was interrupted is taken up by [`start`].
pub async fn begin(
    gateway: &Gateway,
    authorities: Authorities,
    documents: Documents,
    signatures: impl FnOnce(&Documents) -> Result<SignatureSet, Failure>,
) -> Result<(), Failure> {
    trust::take(gateway, authorities)?;
    if gateway.parts.state.policy_current().await?.is_some() {
        return Ok(());
    }
    let set = signatures(&documents)?;
    if hello(gateway.parts.keyguard.as_ref()).await?.ledger_size == 0 {
        log_root(gateway, &documents).await?;
    }
    governance::begin(gateway, documents, set).await?;
    log_beginning(gateway).await
}

/// Makes an initialised installation ready: trust, keys, policy, limits, open intents.
pub async fn start(gateway: &Gateway) -> Result<Reconciled, Failure> {
    let keyguard = gateway.parts.keyguard.as_ref();
    let hello = hello(keyguard).await?;
    let authorities = authorities(keyguard, Call::Authorities).await?;
    trust::take(gateway, authorities)?;
    if let Some(act) = &hello.reanchor {
        reanchor::log(gateway, act).await?;
    }
    keys::refresh(gateway).await?;
    take_policy_up(gateway, &hello).await?;
    act::resume(gateway).await?;
    restore_limits(gateway).await?;
    reconcile::reconcile(gateway).await
}

/// After the keyguard restarted: it holds no policy until it is told again.
pub async fn greet_again(gateway: &Gateway) -> Result<(), Failure> {
    let hello = hello(gateway.parts.keyguard.as_ref()).await?;
    if hello.policy_loaded.is_none() {
        take_policy_up(gateway, &hello).await?;
    }
    Ok(())
}

async fn hello(keyguard: &dyn Keyguard) -> Result<Hello, Failure> {
    let reply = keyguard.call(Call::Hello { protocol: PROTOCOL }).await?;
    let Reply::Hello(hello) = reply else { return Err(unexpected("hello", &reply)) };
    Ok(hello)
}

async fn authorities(keyguard: &dyn Keyguard, call: Call) -> Result<Authorities, Failure> {
    let reply = keyguard.call(call).await?;
    let Reply::Authorities(authorities) = reply else { return Err(unexpected("authorities", &reply)) };
    Ok(*authorities)
}

async fn log_root(gateway: &Gateway, documents: &Documents) -> Result<(), Failure> {
    let sha256 = Sha256::of(documents.file(root::FILE).unwrap_or_default().as_bytes());
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
        (CertificatePurpose::Ca, key("chancery-root")?, trust.lineage.root().clone()),
        (CertificatePurpose::Ca, key("chancery-tsa-root")?, trust.lineage.tsa_root().clone()),
    ];
    let below = |purpose, above: &KeyId, own: &[Own<Certificate>]| {
        own.iter().map(|own| (purpose, above.clone(), own.value.clone())).collect::<Vec<_>>()
    };
    let [(_, root, _), (_, tsa_root, _)] = &certificates;
    let issuing = below(CertificatePurpose::Ca, root, trust.lineage.issuing());
    let stamping = below(CertificatePurpose::Tsa, tsa_root, trust.lineage.stamping());
    keys::log_certificates(gateway, &[certificates.to_vec(), issuing, stamping].concat()).await
}

/// Brings gateway and keyguard to the newest documents. Documents that were kept but not logged (a crash between the
/// two) are logged now.
async fn take_policy_up(gateway: &Gateway, hello: &Hello) -> Result<(), Failure> {
    let current = gateway.parts.state.policy_current().await?;
    let current = current.ok_or_else(|| Failure::Internal("no policy was ever applied".to_owned()))?;
    if hello.policy != Some(current.version) {
        governance::log(gateway, &current).await?;
    }
    governance::resume(gateway, current).await
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
