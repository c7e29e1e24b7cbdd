//! The public trust material: what a verifier needs, and what this service verifies its own work with.

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::instance::TrustList;
use chancery_core::message::{Authorities, Call, Reply};
use chancery_core::receipt::Receipt;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_ledger::note::KeyName;
use chancery_ledger::vkey::VerifierKey;
use chancery_verify::lineage::{Around, InvalidLineage, Lineage, Own};
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::{Cosigner, Stage, TrustSnapshot};
use chancery_verify::trust_json;
use chancery_verify::window::Window;
use chancery_x509::certificate::Certificate;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::unexpected;
use crate::intent::internal;

/// `trust.json` may be used this long; it is made anew with every export.
const LIFE_DAYS: i64 = 30;

/// The authorities, parsed once.
#[derive(Debug)]
pub struct Trust {
    /// As the keyguard gave them.
    pub authorities: Authorities,
    /// Who issues, promises and stamps at which moment, and what verifiers believe.
    pub lineage: Lineage,
    /// The ledger's name.
    pub origin: KeyName,
    /// The keyguard's cosigning key.
    pub cosigner: VerifierKey,
    /// The key that signs `trust.json`.
    pub signer: VerifierKey,
    /// What this service verifies its own work with; its moment is renewed by [`Trust::now`].
    snapshot: TrustSnapshot,
}

impl Trust {
    /// Parses what the keyguard gave.
    pub fn new(gateway: &Gateway, authorities: Authorities) -> Result<Self, Failure> {
        let parts = &gateway.parts;
        let ledger = VerifierKey::parse(&parts.ledger_vkey).map_err(internal)?;
        let cosigner = VerifierKey::parse(&authorities.cosigner_vkey).map_err(internal)?;
        let signer = VerifierKey::parse(&authorities.trust_vkey).map_err(internal)?;
        let around = Around { ledger: &ledger, stampers: &parts.stamper_chains, url: &parts.builder };
        let lineage = Lineage::new(&authorities, &around).map_err(|error| internal(in_full(&error)))?;
        let window = Window::new(authorities.created.plus_seconds(-600), None);
        let window = window.ok_or_else(|| Failure::Internal("authorities' window".to_owned()))?;
        let cosigners = vec![Cosigner { key: cosigner.clone(), window }];
        let (environment, stage) = standing(&authorities);
        let snapshot = TrustSnapshot {
            environment,
            stage,
            taken_at: authorities.created,
            expires: authorities.created.plus_seconds(LIFE_DAYS.saturating_mul(86_400)),
            roots: lineage.trusted_root().clone(),
            cosigners,
            quorum: 1,
            native_roots: vec![lineage.root().clone()],
            revocations: Vec::new(),
            revocation_lists: Vec::new(),
            policies: BTreeMap::new(),
        };
        let origin = ledger.name().clone();
        Ok(Self { authorities, lineage, origin, cosigner, signer, snapshot })
    }

    /// The issuing CA of a moment.
    pub fn issuing_at(&self, at: Time) -> Result<&Own<Certificate>, Failure> {
        self.lineage.issuing_at(at).ok_or_else(|| internal("no issuing CA is in use"))
    }

    /// The log id of the ledger's key that signed the checkpoint of a receipt.
    pub fn log_id(&self, receipt: &Receipt) -> Result<Sha256, Failure> {
        self.snapshot.ledger_of(&receipt.checkpoint).map(|ledger| ledger.key().log_id()).map_err(internal)
    }

    /// Whether a list can take the place of the one in force: said before it is logged.
    pub fn check(&self, list: &TrustList) -> Result<(), Failure> {
        self.lineage.check(list).map(drop).map_err(|error| {
            let what = format!("the list cannot follow the one in force: {}", in_full(&error));
            Refusal::new(RefusalCode::ActRefused, what).into()
        })
    }

    /// The snapshot as of a moment, with the verification policies in force.
    #[must_use]
    pub fn now(&self, at: Time, policies: BTreeMap<String, VerificationPolicy>) -> TrustSnapshot {
        let mut snapshot = self.snapshot.clone();
        snapshot.taken_at = at;
        snapshot.expires = at.plus_seconds(LIFE_DAYS.saturating_mul(86_400));
        snapshot.policies = policies;
        snapshot
    }

    /// `trusted_root.json` for Sigstore clients.
    #[must_use]
    pub fn trusted_root_json(&self) -> String {
        self.snapshot.roots.to_json()
    }

    /// `roots.pem` for X.509 tools: code signing root, issuing CAs, time stamping root.
    #[must_use]
    pub fn roots_pem(&self) -> String {
        let issuing = self.lineage.issuing().iter().map(|own| &own.value);
        let all = std::iter::once(self.lineage.root()).chain(issuing).chain([self.lineage.tsa_root()]);
        all.map(Certificate::to_pem).collect()
    }
}

/// The environment that these authorities serve, and whether they are development ones.
#[must_use]
pub const fn standing(authorities: &Authorities) -> (Environment, Stage) {
    if authorities.dev {
        (Environment::Development, Stage::Development)
    } else {
        (Environment::Production, Stage::Real)
    }
}

fn in_full(error: &InvalidLineage) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |why| format!("{error}: {why}"))
}

/// Learns from the keyguard whom verifiers believe now.
pub async fn refresh(gateway: &Gateway) -> Result<(), Failure> {
    let reply = gateway.parts.keyguard.call(Call::Authorities).await?;
    let Reply::Authorities(authorities) = reply else { return Err(unexpected("authorities", &reply)) };
    take(gateway, *authorities)?;
    gateway.tuf.forget();
    Ok(())
}

/// Uses what the keyguard gave from now on, the ledger's keys too.
pub(crate) fn take(gateway: &Gateway, authorities: Authorities) -> Result<(), Failure> {
    let trust = Trust::new(gateway, authorities)?;
    gateway.parts.ledger_keys.plan(&trust.authorities.ledger_uses());
    gateway.use_trust(trust);
    Ok(())
}

/// `trust.json`, made now and signed by the keyguard, which reads it first and vouches only for what is its own.
pub async fn trust_json(gateway: &Gateway) -> Result<String, Failure> {
    let trust = gateway.trust()?;
    let governance = gateway.governance()?;
    let snapshot = trust.now(gateway.parts.clock.now(), governance.gates.policies().clone());
    let document = trust_json::seal(&snapshot, Vec::new()).map_err(internal)?;
    let reply = gateway.parts.keyguard.call(Call::TrustSign { document }).await?;
    let Reply::TrustSigned(line) = reply else { return Err(unexpected("trust", &reply)) };
    let sealed = trust_json::seal(&snapshot, vec![line]).map_err(internal)?;
    trust_json::parse(&sealed, Some(&trust.signer)).map_err(internal)?;
    Ok(sealed)
}
