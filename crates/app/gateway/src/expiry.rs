//! When certificates end: the service's own authorities, and those of the keys.

use chancery_core::digest::Sha256;
use chancery_core::message::{Call, Reply};
use chancery_core::time::Time;
use chancery_x509::certificate::Certificate;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::unexpected;
use crate::intent::internal;

/// When a certificate ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// The certificate's name: `chancery-issuing`, or its key's.
    pub name: String,
    /// SHA-256 of the certificate, DER.
    pub sha256: Sha256,
    /// Its last moment.
    pub not_after: Time,
}

/// All certificates that somebody has to renew. Identity leaves, which live ten minutes, are none of them.
pub async fn expiries(gateway: &Gateway) -> Result<Vec<Expiry>, Failure> {
    let trust = gateway.trust()?;
    let lineage = &trust.lineage;
    let mut all = vec![of("chancery-root", lineage.root()), of("chancery-tsa-root", lineage.tsa_root())];
    // What was replaced ends without anybody having to do anything.
    let now = gateway.parts.clock.now();
    let used = [lineage.issuing_at(now), lineage.stamping_at(now)];
    all.extend(used.into_iter().flatten().map(|own| of(own.key.as_str(), &own.value)));
    for key in gateway.keys().values().filter(|key| key.family.uses_certificate()) {
        let reply = gateway.parts.keyguard.call(Call::CertificateShow(key.id.clone())).await?;
        let Reply::Chain(chain) = reply else { return Err(unexpected("certificate", &reply)) };
        if let Some(leaf) = chain.first() {
            all.push(of(key.id.as_str(), &Certificate::parse(&leaf.0).map_err(internal)?));
        }
    }
    Ok(all)
}

fn of(name: &str, certificate: &Certificate) -> Expiry {
    Expiry {
        name: name.to_owned(),
        sha256: certificate.fingerprint(),
        not_after: certificate.validity().not_after(),
    }
}
