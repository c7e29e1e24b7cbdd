//! Checks that say yes to everything, so that tests of custodians can have warrants. The only such thing anywhere.

use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::caller::{AudienceBinding, Caller, CallerKind};
use chancery_core::claims::Claims;
use chancery_core::decision::Trace;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::{IssuerName, KeyId};
use chancery_core::order::Order;
use chancery_core::port::custodian::{CustodyClass, KeyDescription, KeyState, Signature};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_core::warrant::{Checks, Duty, Rebuilt, Signable, ToBeSigned, Warrant, Wish, issue};

/// Says yes, and rebuilds every order and duty as the one signable that the test gave.
#[derive(Debug, Clone)]
pub struct YesChecks {
    /// What everything is rebuilt as.
    pub signable: Signable,
}

impl Checks for YesChecks {
    fn authenticate(&self, _: &Order) -> Result<Caller, Refusal> {
        let issuer_name =
            IssuerName::parse("test").map_err(|e| Refusal::new(RefusalCode::IssuerUnknown, e.to_string()))?;
        Ok(Caller {
            issuer_name,
            kind: CallerKind::Workload,
            claims: Claims::default(),
            binding: AudienceBinding::Fixed,
            token_use: Sha256::of(b"test"),
            issued_at: Time::from_seconds(0),
            expires_at: Time::from_seconds(1),
        })
    }
    fn decide(&self, _: &Order, _: &Caller) -> Result<Trace, Refusal> {
        Ok(Trace::new())
    }
    fn spend_intent(&self, _: &Order, _: &Caller) -> Result<(), Refusal> {
        Ok(())
    }
    fn rebuild(&self, _: &Order, _: &Caller) -> Result<Rebuilt, Refusal> {
        Ok(Rebuilt { artifact: self.signable.clone(), sct: None, leaf: None })
    }
    fn complete_leaf(&self, _: &Order, _: &Caller, _: &Signature) -> Result<Vec<u8>, Refusal> {
        Ok(vec![0x30, 0x00])
    }
    fn rebuild_duty(&self, _: &Duty) -> Result<Signable, Refusal> {
        Ok(self.signable.clone())
    }
    /// Lies that the key is active and of the wanted family, so that the custodian's own checks are what is tested.
    fn key(&self, id: &KeyId) -> Result<KeyDescription, Refusal> {
        Ok(KeyDescription {
            id: id.clone(),
            family: self.signable.family,
            environment: Environment::Development,
            public_key: PublicKey { algorithm: KeyAlgorithm::EcdsaP256, spki: Vec::new() },
            custody: CustodyClass::Software,
            state: KeyState::Active,
            owner: "test".to_owned(),
            purpose: "test".to_owned(),
            created: Time::from_seconds(0),
            attributes: Vec::new(),
        })
    }
}

/// A warrant for these bytes with this key, whatever the key is.
///
/// # Panics
/// Never, as long as [`YesChecks`] says yes.
#[must_use]
#[expect(clippy::expect_used, reason = "test fixture")]
pub fn warrant(key: &KeyId, family: Family, to_be_signed: ToBeSigned) -> Warrant {
    let checks = YesChecks { signable: Signable { key: key.clone(), family, to_be_signed } };
    let duty = Duty::Certificate { key: key.clone(), tbs: Vec::new() };
    issue(&Wish::Duty(&duty), &checks).expect("checks that say yes").artifact
}
