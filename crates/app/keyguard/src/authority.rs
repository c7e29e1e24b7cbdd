//! Keys and authorities: made once, kept for good.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use chancery_core::environment::Environment;
use chancery_core::id::KeyId;
use chancery_core::message::{Authorities, Der, Initialise};
use chancery_core::port::custodian::{KeyDescription, KeySpec};
use chancery_core::port::memory::{Memory, Piece};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_core::warrant::Duty;
use chancery_ledger::note::KeyName;
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_verify::lineage::Around;
use chancery_x509::certificate::{self, Certificate};
use chancery_x509::name::{Attribute, Name};
use chancery_x509::profile::authority::{self, AuthorityKind, Standing};
use chancery_x509::profile::draft::{Issuance, Issuer};
use chancery_x509::profile::timestamping;
use chancery_x509::serial::Serial;
use chancery_x509::validity::Validity;

use crate::duty::{fulfil, service_key};
use crate::established::{Established, UnusableAuthority};
use crate::follow::{FollowStateError, Followed};
use crate::keyguard::{CallError, Keyguard, Parts};
use crate::names::{PREFIX, ServiceKey};

/// Life of the roots, the issuing CA and the time stamping certificate, in days.
const ROOT_DAYS: i64 = 3650;
const TSA_DAYS: i64 = 1800;
/// Authorities begin a little in the past, for verifiers whose clocks are behind.
const BACKDATE: i64 = 300;

/// Certificate chains of artifact keys, leaf first.
#[derive(Debug)]
pub struct Chains {
    by_key: RwLock<BTreeMap<KeyId, Vec<Der>>>,
}

impl Chains {
    /// What was issued before.
    pub fn load(memory: &dyn Memory) -> Result<Self, FollowStateError> {
        let fail = |error: String| FollowStateError::Kept(error);
        let kept = memory.read(Piece::Certificates).map_err(|error| fail(error.to_string()))?;
        let by_key = kept.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        Ok(Self { by_key: RwLock::new(by_key.map_err(|error| fail(error.to_string()))?.unwrap_or_default()) })
    }
    /// A key's chain; empty when it has none.
    #[must_use]
    pub fn of(&self, key: &KeyId) -> Vec<Der> {
        self.by_key.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned().unwrap_or_default()
    }
    /// Keeps a chain, durably, then uses it.
    pub fn put(&self, key: &KeyId, chain: Vec<Der>, memory: &dyn Memory) -> Result<(), CallError> {
        let mut by_key = self.by_key.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = by_key.clone();
        next.insert(key.clone(), chain);
        let bytes = serde_json::to_vec(&next).map_err(|error| CallError::Failed(error.to_string()))?;
        memory.write(Piece::Certificates, &bytes).map_err(|error| CallError::Failed(error.to_string()))?;
        *by_key = next;
        Ok(())
    }
}

/// The authorities that were made before.
pub fn load(parts: &Parts, followed: &Followed) -> Result<Option<Established>, FollowStateError> {
    let fail = |error: String| FollowStateError::Kept(error);
    let kept = parts.memory.read(Piece::Authorities).map_err(|error| fail(error.to_string()))?;
    let Some(bytes) = kept else { return Ok(None) };
    let shown = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
    establish(parts, followed, shown).map(Some).map_err(|error| fail(error.to_string()))
}

/// The authorities among what this process knows by itself: the pinned ledger, configured authorities, its own name.
pub fn establish(
    parts: &Parts,
    followed: &Followed,
    shown: Authorities,
) -> Result<Established, UnusableAuthority> {
    let unusable = |why: String| UnusableAuthority { what: "ledger", why };
    let pinned = followed.ledger_vkey().ok_or_else(|| unusable("none is pinned".to_owned()))?;
    let ledger = VerifierKey::parse(&pinned).map_err(|error| unusable(error.to_string()))?;
    Established::new(shown, &Around { ledger: &ledger, stampers: &parts.stamper_chains, url: &parts.builder })
}

/// Keeps authorities and uses them from then on.
pub fn keep(keyguard: &Keyguard, shown: &Authorities) -> Result<(), CallError> {
    let bytes = serde_json::to_vec(shown).map_err(failed)?;
    let established = establish(&keyguard.parts, &keyguard.followed, shown.clone()).map_err(failed)?;
    keyguard.memory.write(Piece::Authorities, &bytes).map_err(failed)?;
    *keyguard.established.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(established));
    Ok(())
}

/// Makes all keys and authorities and pins the ledger, once. A run that was interrupted is taken up again: keys that
/// exist are used, and nothing counts before the authorities are kept.
pub fn initialise(keyguard: &Keyguard, wish: &Initialise) -> Result<Authorities, CallError> {
    if let Some(established) = keyguard.established() {
        return Ok(established.shown.clone());
    }
    let environment = if wish.dev { Environment::Development } else { Environment::Production };
    for key in ServiceKey::ALL {
        let spec = key.spec(environment).map_err(|error| CallError::Failed(error.to_string()))?;
        ensure(keyguard, &spec)?;
    }
    for spec in &wish.keys {
        check_artifact_key(spec)?;
        ensure(keyguard, spec)?;
    }
    let (position, _) = keyguard.followed.position();
    if position == 0 {
        match keyguard.followed.pin(&wish.ledger_vkey, wish.root, &keyguard.memory) {
            Ok(()) | Err(FollowStateError::Pinned) => {}
            Err(error) => return Err(CallError::Failed(error.to_string())),
        }
    }
    let authorities = make(keyguard, wish)?;
    keep(keyguard, &authorities)?;
    Ok(authorities)
}

/// Makes a key for artifacts.
pub fn key_create(keyguard: &Keyguard, spec: &KeySpec) -> Result<KeyDescription, CallError> {
    check_artifact_key(spec)?;
    Ok(keyguard.parts.custodians.create(spec, keyguard.parts.clock.now())?)
}

/// Stops a key for artifacts.
pub fn key_disable(keyguard: &Keyguard, id: &KeyId) -> Result<KeyDescription, CallError> {
    if id.as_str().starts_with(PREFIX) {
        return Err(
            Refusal::new(RefusalCode::KeyUnusable, format!("`{id}` is a key of the service itself")).into()
        );
    }
    Ok(keyguard.parts.custodians.disable(id)?)
}

pub(crate) fn ensure(keyguard: &Keyguard, spec: &KeySpec) -> Result<(), CallError> {
    match keyguard.parts.custodians.describe(&spec.id) {
        Ok(known) if known.family == spec.family => Ok(()),
        Ok(known) => {
            Err(CallError::Failed(format!("key `{}` exists with family `{}`", known.id, known.family)))
        }
        Err(_) => {
            keyguard.parts.custodians.create(spec, keyguard.parts.clock.now())?;
            Ok(())
        }
    }
}

fn check_artifact_key(spec: &KeySpec) -> Result<(), CallError> {
    let refuse = |what: String| CallError::from(Refusal::new(RefusalCode::KeyUnusable, what));
    if !spec.family.is_for_artifacts() {
        return Err(refuse(format!("family `{}` is not for artifacts", spec.family)));
    }
    if !spec.family.accepts(spec.algorithm) {
        return Err(refuse(format!("family `{}` cannot use `{}`", spec.family, spec.algorithm)));
    }
    if spec.id.as_str().starts_with(PREFIX) {
        return Err(refuse(format!("names that start with `{PREFIX}` belong to the service itself")));
    }
    Ok(())
}

/// Everything that the certificates have in common.
pub(crate) struct Maker<'a> {
    keyguard: &'a Keyguard,
    organisation: &'a str,
    standing: Standing,
    from: Time,
}

fn make(keyguard: &Keyguard, wish: &Initialise) -> Result<Authorities, CallError> {
    let now = keyguard.parts.clock.now();
    let maker =
        Maker::new(keyguard, &wish.organisation, if wish.dev { Standing::Dev } else { Standing::Regular });
    let root = maker.self_signed(ServiceKey::Root, "Code Signing Root", AuthorityKind::Root)?;
    let issuing = maker.issuing(&root, 1)?;
    let tsa_root =
        maker.self_signed(ServiceKey::TsaRoot, "Time Stamping Root", AuthorityKind::TimestampRoot)?;
    let tsa = maker.tsa(&tsa_root, 1)?;
    let ct = maker.key(ServiceKey::Ct)?.public_key.spki;
    Ok(Authorities {
        root: Der(root.as_der().to_vec()),
        issuing: Der(issuing.as_der().to_vec()),
        tsa_root: Der(tsa_root.as_der().to_vec()),
        tsa: Der(tsa.as_der().to_vec()),
        ct_key: Der(ct),
        cosigner_vkey: maker.vkey(ServiceKey::Cosigner, ("keyguard", KeyKind::Cosigner))?,
        trust_vkey: maker.vkey(ServiceKey::Trust, ("trust", KeyKind::Ledger))?,
        created: now,
        organisation: wish.organisation.clone(),
        dev: wish.dev,
        successors: Vec::new(),
        listed: None,
    })
}

impl<'a> Maker<'a> {
    pub(crate) fn new(keyguard: &'a Keyguard, organisation: &'a str, standing: Standing) -> Self {
        let from = keyguard.parts.clock.now().plus_seconds(-BACKDATE);
        Self { keyguard, organisation, standing, from }
    }
    fn self_signed(
        &self,
        key: ServiceKey,
        title: &str,
        kind: AuthorityKind,
    ) -> Result<Certificate, CallError> {
        let name = self.name(title)?;
        let public = self.key(key)?.public_key;
        let issuer = Issuer::itself(&name, &public).map_err(failed)?;
        let serial = self.serial()?;
        let validity = self.validity(ROOT_DAYS)?;
        let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: &public };
        let tbs = authority::tbs(&issuance, &name, kind, self.standing).map_err(failed)?;
        self.sign(key, tbs)
    }

    pub(crate) fn issuing(&self, root: &Certificate, generation: usize) -> Result<Certificate, CallError> {
        let name = self.nth("Code Signing CA", generation)?;
        let public = self.key_of(ServiceKey::Issuing, generation)?.public_key;
        let issuer = Issuer::of(root).map_err(failed)?;
        let serial = self.serial()?;
        let validity = self.validity(ROOT_DAYS)?;
        let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: &public };
        let kind = AuthorityKind::Issuing { path_length: 0 };
        let tbs = authority::tbs(&issuance, &name, kind, self.standing).map_err(failed)?;
        self.sign(ServiceKey::Root, tbs)
    }

    pub(crate) fn tsa(&self, tsa_root: &Certificate, generation: usize) -> Result<Certificate, CallError> {
        let name = self.nth("Time Stamping Authority", generation)?;
        let public = self.key_of(ServiceKey::Tsa, generation)?.public_key;
        let issuer = Issuer::of(tsa_root).map_err(failed)?;
        let serial = self.serial()?;
        let validity = self.validity(TSA_DAYS)?;
        let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: &public };
        let tbs = timestamping::tbs(&issuance, &name, None).map_err(failed)?;
        self.sign(ServiceKey::TsaRoot, tbs)
    }

    fn sign(&self, key: ServiceKey, tbs: Vec<u8>) -> Result<Certificate, CallError> {
        sign_certificate(self.keyguard, &service_key(key)?, tbs)
    }
    fn name(&self, title: &str) -> Result<Name, CallError> {
        let title = match self.standing {
            Standing::Dev => format!("DO NOT TRUST dev {title}"),
            Standing::Regular => title.to_owned(),
        };
        let parts = [(Attribute::Organization, self.organisation), (Attribute::CommonName, title.as_str())];
        Name::build(&parts).map_err(failed)
    }
    /// Generations have names of their own, so that a chain is never built over the wrong one.
    fn nth(&self, title: &str, generation: usize) -> Result<Name, CallError> {
        if generation == 1 { self.name(title) } else { self.name(&format!("{title} {generation}")) }
    }
    fn key(&self, key: ServiceKey) -> Result<KeyDescription, CallError> {
        self.key_of(key, 1)
    }
    fn key_of(&self, key: ServiceKey, generation: usize) -> Result<KeyDescription, CallError> {
        Ok(self.keyguard.parts.custodians.describe(&key.nth(generation).map_err(failed)?)?)
    }
    fn serial(&self) -> Result<Serial, CallError> {
        serial(self.keyguard.parts.entropy.sixteen())
    }
    fn validity(&self, days: i64) -> Result<Validity, CallError> {
        Validity::new(self.from, self.from.plus_seconds(days.saturating_mul(86_400))).map_err(failed)
    }
    fn vkey(&self, key: ServiceKey, (name, kind): (&str, KeyKind)) -> Result<String, CallError> {
        let public = self.key(key)?.public_key;
        // RFC 8410 §4: the raw key is the end of the SubjectPublicKeyInfo.
        let raw = public.spki.last_chunk::<32>().ok_or_else(|| failed("a note key is not Ed25519"))?;
        Ok(VerifierKey::new(KeyName::parse(name).map_err(failed)?, kind, *raw).to_string())
    }
}

/// Signs a TBSCertificate as a duty and joins both.
pub fn sign_certificate(keyguard: &Keyguard, issuer: &KeyId, tbs: Vec<u8>) -> Result<Certificate, CallError> {
    let algorithm = keyguard.parts.custodians.describe(issuer)?.public_key.algorithm;
    let signature = fulfil(keyguard, &Duty::Certificate { key: issuer.clone(), tbs: tbs.clone() })?;
    certificate::assemble(&tbs, algorithm, &signature.0).map_err(failed)
}

/// A serial number of 16 octets that is positive (RFC 5280 §4.1.2.2).
pub fn serial(mut bytes: [u8; 16]) -> Result<Serial, CallError> {
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7f) | 0x01;
    }
    Serial::new(&bytes).map_err(failed)
}

/// Something that cannot be built from our own parts: a fault of ours.
pub fn failed(error: impl std::fmt::Display) -> CallError {
    CallError::Failed(error.to_string())
}
