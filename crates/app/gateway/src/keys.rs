//! Keys and long-lived certificates: made in the keyguard, recorded in the ledger before anyone is told.

use chancery_core::digest::Sha256;
use chancery_core::id::KeyId;
use chancery_core::message::{Call, CertificateIssue, Der, Reply};
use chancery_core::port::custodian::{KeyDescription, KeySpec};
use chancery_core::port::sequencer::Append;
use chancery_ledger::event::{Body, Certificate as CertificateEvent, CertificatePurpose, Key, KeyAction};
use chancery_x509::certificate::Certificate;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::unexpected;
use crate::intent::{encode, internal};

/// Asks the keyguard for all keys and remembers their public halves.
pub async fn refresh(gateway: &Gateway) -> Result<Vec<KeyDescription>, Failure> {
    let reply = gateway.parts.keyguard.call(Call::KeyList).await?;
    let Reply::Keys(keys) = reply else { return Err(unexpected("key list", &reply)) };
    gateway.use_keys(keys.clone());
    Ok(keys)
}

/// Makes a key.
pub async fn create(gateway: &Gateway, spec: KeySpec) -> Result<KeyDescription, Failure> {
    let reply = gateway.parts.keyguard.call(Call::KeyCreate(spec)).await?;
    change(gateway, reply, KeyAction::Created).await
}

/// Stops a key. It stays listed; what it signed stays valid.
pub async fn disable(gateway: &Gateway, id: KeyId) -> Result<KeyDescription, Failure> {
    let reply = gateway.parts.keyguard.call(Call::KeyDisable(id)).await?;
    change(gateway, reply, KeyAction::Disabled).await
}

async fn change(gateway: &Gateway, reply: Reply, action: KeyAction) -> Result<KeyDescription, Failure> {
    let Reply::Key(key) = reply else { return Err(unexpected("key", &reply)) };
    log(gateway, &[(key.as_ref().clone(), action)]).await?;
    refresh(gateway).await?;
    Ok(*key)
}

/// Records keys.
pub async fn log(gateway: &Gateway, keys: &[(KeyDescription, KeyAction)]) -> Result<(), Failure> {
    let now = gateway.parts.clock.now();
    let mut leaves = Vec::with_capacity(keys.len());
    for (key, action) in keys {
        let event = Key {
            key: key.id.clone(),
            family: key.family,
            environment: key.environment,
            algorithm: key.public_key.algorithm,
            spki_sha256: Sha256::of(&key.public_key.spki),
            custody: key.custody,
            action: *action,
        };
        leaves.push(encode(now, Body::Key(event))?);
    }
    if !leaves.is_empty() {
        gateway.parts.sequencer.append(Append { leaves, changes: Vec::new() }).await?;
    }
    Ok(())
}

/// Issues a long-lived code-signing certificate for a key and records it: leaf first.
pub async fn certify(gateway: &Gateway, wish: CertificateIssue) -> Result<Vec<Der>, Failure> {
    let reply = gateway.parts.keyguard.call(Call::CertificateIssue(wish)).await?;
    let Reply::Chain(chain) = reply else { return Err(unexpected("certificate", &reply)) };
    let leaf = chain.first().ok_or_else(|| internal("a chain without a leaf"))?;
    let leaf = Certificate::parse(&leaf.0).map_err(internal)?;
    let trust = gateway.trust()?;
    let issuer = trust.lineage.issuing().iter().find(|own| own.value.subject() == leaf.issuer());
    let issuer =
        issuer.map(|own| own.key.clone()).ok_or_else(|| internal("a certificate of a foreign issuer"))?;
    log_certificates(gateway, &[(CertificatePurpose::CodeSigning, issuer, leaf)]).await?;
    Ok(chain)
}

/// Whether a key has a long-lived certificate.
pub async fn has_certificate(gateway: &Gateway, key: &KeyId) -> Result<bool, Failure> {
    let reply = gateway.parts.keyguard.call(Call::CertificateShow(key.clone())).await?;
    let Reply::Chain(chain) = reply else { return Err(unexpected("certificate", &reply)) };
    Ok(!chain.is_empty())
}

/// Records certificates.
pub async fn log_certificates(
    gateway: &Gateway,
    certificates: &[(CertificatePurpose, KeyId, Certificate)],
) -> Result<(), Failure> {
    let now = gateway.parts.clock.now();
    let mut leaves = Vec::with_capacity(certificates.len());
    for (purpose, issuer_key, certificate) in certificates {
        let serial = certificate.serial().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let event = CertificateEvent {
            purpose: *purpose,
            issuer_key: issuer_key.clone(),
            serial,
            tbs: certificate.tbs().to_vec(),
        };
        leaves.push(encode(now, Body::Certificate(event))?);
    }
    gateway.parts.sequencer.append(Append { leaves, changes: Vec::new() }).await?;
    Ok(())
}
