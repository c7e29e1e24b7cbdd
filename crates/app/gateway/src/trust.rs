//! The public trust material: what a verifier needs, and what this service verifies its own work with.

use std::collections::BTreeMap;

use chancery_core::environment::Environment;
use chancery_core::id::KeyId;
use chancery_core::message::{Authorities, Call, Reply};
use chancery_core::time::Time;
use chancery_ledger::vkey::VerifierKey;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::{Cosigner, Stage, TrustSnapshot};
use chancery_verify::trust_json;
use chancery_verify::trusted_root::{Authority, CtLog, Ledger, TrustedRoot};
use chancery_verify::window::Window;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::VerifyingKey;

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
    /// Root of code signing.
    pub root: Certificate,
    /// Issuing CA.
    pub issuing: Certificate,
    /// Name of the issuing CA's key.
    pub issuing_key: KeyId,
    /// Root of time stamping.
    pub tsa_root: Certificate,
    /// Time stamping certificate.
    pub tsa: Certificate,
    /// The ledger's key.
    pub ledger: VerifierKey,
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
        let certificate = |der: &[u8]| Certificate::parse(der).map_err(internal);
        let root = certificate(&authorities.root.0)?;
        let issuing = certificate(&authorities.issuing.0)?;
        let tsa_root = certificate(&authorities.tsa_root.0)?;
        let tsa = certificate(&authorities.tsa.0)?;
        let ledger = VerifierKey::parse(&gateway.parts.ledger_vkey).map_err(internal)?;
        let cosigner = VerifierKey::parse(&authorities.cosigner_vkey).map_err(internal)?;
        let signer = VerifierKey::parse(&authorities.trust_vkey).map_err(internal)?;
        let window = Window::new(authorities.created.plus_seconds(-600), None);
        let window = window.ok_or_else(|| Failure::Internal("authorities' window".to_owned()))?;
        let roots = roots(gateway, &authorities, window)?;
        let cosigners = vec![Cosigner { key: cosigner.clone(), window }];
        let (environment, stage) = standing(&authorities);
        let snapshot = TrustSnapshot {
            environment,
            stage,
            taken_at: authorities.created,
            expires: authorities.created.plus_seconds(LIFE_DAYS.saturating_mul(86_400)),
            roots,
            cosigners,
            quorum: 1,
            native_roots: vec![root.clone()],
            revocations: Vec::new(),
            revocation_lists: Vec::new(),
            policies: BTreeMap::new(),
        };
        let issuing_key = KeyId::parse("chancery-issuing").map_err(internal)?;
        Ok(Self {
            authorities,
            root,
            issuing,
            issuing_key,
            tsa_root,
            tsa,
            ledger,
            cosigner,
            signer,
            snapshot,
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

    /// `roots.pem` for X.509 tools: code signing root, issuing CA, time stamping root.
    #[must_use]
    pub fn roots_pem(&self) -> String {
        [&self.root, &self.issuing, &self.tsa_root].map(Certificate::to_pem).concat()
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

fn roots(gateway: &Gateway, authorities: &Authorities, window: Window) -> Result<TrustedRoot, Failure> {
    let certificate = |der: &[u8]| Certificate::parse(der).map_err(internal);
    let url = &gateway.parts.ledger_url;
    let organisation = authorities.organisation.as_str();
    let signing = vec![certificate(&authorities.issuing.0)?, certificate(&authorities.root.0)?];
    let stamping = vec![certificate(&authorities.tsa.0)?, certificate(&authorities.tsa_root.0)?];
    let signing = Authority::new((organisation, "Code Signing"), url, signing, window).map_err(internal)?;
    let stamping =
        Authority::new((organisation, "Time Stamping"), url, stamping, window).map_err(internal)?;
    let mut stampers = vec![stamping];
    for (url, chain) in &gateway.parts.stamper_chains {
        stampers.push(Authority::new(("", url), url, chain.clone(), window).map_err(internal)?);
    }
    let ct_key = VerifyingKey::parse(&authorities.ct_key.0).map_err(internal)?;
    let ledger = VerifierKey::parse(&gateway.parts.ledger_vkey).map_err(internal)?;
    Ok(TrustedRoot {
        authorities: vec![signing],
        ct_logs: vec![CtLog::new(url, ct_key, window).map_err(internal)?],
        ledgers: vec![Ledger::new(url, ledger, window).map_err(internal)?],
        timestamp_authorities: stampers,
    })
}

/// `trust.json`, made now and signed by the keyguard, which reads it first and vouches only for what is its own.
pub async fn trust_json(gateway: &Gateway) -> Result<String, Failure> {
    let trust = gateway.trust()?;
    let governance = gateway.governance()?;
    let snapshot = trust.now(gateway.parts.clock.now(), governance.verification.clone());
    let document = trust_json::seal(&snapshot, Vec::new()).map_err(internal)?;
    let reply = gateway.parts.keyguard.call(Call::TrustSign { document }).await?;
    let Reply::TrustSigned(line) = reply else { return Err(unexpected("trust", &reply)) };
    let sealed = trust_json::seal(&snapshot, vec![line]).map_err(internal)?;
    trust_json::parse(&sealed, Some(&trust.signer)).map_err(internal)?;
    Ok(sealed)
}
