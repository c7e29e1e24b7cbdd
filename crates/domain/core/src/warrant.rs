//! Authority for exactly one signature.
//!
//! A [`Warrant`] has no public constructor and is not `Clone`; [`issue`] is the only function that makes one, after it
//! called every check in order, and `Custodian::sign` takes it by value. So "no warrant, no signature" and "one
//! warrant, one signature" are facts that the compiler checks:
//!
//! ```compile_fail,E0451
//! use chancery_core::{family::Family, id::KeyId, warrant::{ToBeSigned, Warrant}};
//! let key = KeyId::parse("k").unwrap();
//! let forged = Warrant { key, family: Family::Message, to_be_signed: ToBeSigned::Message(vec![]) };
//! ```
//! ```compile_fail,E0308
//! use chancery_core::warrant::Warrant;
//! fn copy(warrant: &Warrant) -> Warrant { warrant.clone() }
//! ```
//! ```compile_fail,E0382
//! use chancery_core::{port::custodian::Custodian, warrant::Warrant};
//! fn twice(custodian: &dyn Custodian, warrant: Warrant) {
//!     let _first = custodian.sign(warrant);
//!     let _second = custodian.sign(warrant);
//! }
//! ```

use crate::caller::Caller;
use crate::decision::Trace;
use crate::digest::DigestAlgorithm;
use crate::family::Family;
use crate::id::KeyId;
use crate::order::Order;
use crate::port::custodian::{KeyDescription, KeyState, Signature};
use crate::refusal::{Refusal, RefusalCode};
use crate::time::Time;
use crate::tuf::Role;

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToBeSigned {
    /// A message: the custodian hashes it as the key's scheme says.
    Message(Vec<u8>),
    /// A digest that was made elsewhere, of the algorithm that the key's scheme uses.
    Prehashed(DigestAlgorithm, Vec<u8>),
}

/// Bytes rebuilt from a typed statement, and the key that shall sign them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signable {
    /// The key.
    pub key: KeyId,
    /// The family that the bytes belong to.
    pub family: Family,
    /// The bytes.
    pub to_be_signed: ToBeSigned,
}

/// What an order comes to, once rebuilt.
#[derive(Debug)]
pub struct Rebuilt {
    /// The signature that the caller wants.
    pub artifact: Signable,
    /// The timestamp of the planned certificate, where the format uses an identity leaf.
    pub sct: Option<Signable>,
    /// The key of the CA that signs the leaf once the SCT is known.
    pub leaf: Option<KeyId>,
}

/// A signature that the service itself needs, typed; the checks rebuild its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Duty {
    /// A certificate or CRL of the built-in authorities: TBSCertificate or TBSCertList, DER.
    Certificate {
        /// The issuing authority's key.
        key: KeyId,
        /// The TBS structure.
        tbs: Vec<u8>,
    },
    /// A checkpoint cosignature: the note text that was followed and found consistent.
    Cosignature {
        /// The cosigning key.
        key: KeyId,
        /// The checkpoint's note text.
        checkpoint: Vec<u8>,
        /// When.
        at: Time,
    },
    /// An RFC 3161 token: the TSTInfo.
    Timestamp {
        /// The TSA's key.
        key: KeyId,
        /// TSTInfo, DER.
        tst_info: Vec<u8>,
    },
    /// `trust.json`: the whole document, so that whoever signs reads what it trusts.
    Trust {
        /// The trust key.
        key: KeyId,
        /// The canonical document without signatures.
        document: String,
    },
    /// Metadata of the TUF repository: facts only, the bytes are written by whoever signs.
    Tuf {
        /// The key of the repository.
        key: KeyId,
        /// Which role.
        role: Role,
        /// Its version.
        version: u64,
        /// Version of the role that it names: the snapshot of a timestamp, the targets of a snapshot; else 0.
        names: u64,
        /// When clients stop taking it.
        expires: Time,
    },
}

/// The checks that stand between an order and a warrant. The keyguard implements them with the real thing; a fake that
/// says yes to everything exists only in `dev/testkit`.
pub trait Checks {
    /// Verifies the token and its binding to this request.
    fn authenticate(&self, order: &Order) -> Result<Caller, Refusal>;
    /// Evaluates the policy version that the ledger names.
    fn decide(&self, order: &Order, caller: &Caller) -> Result<Trace, Refusal>;
    /// Checks that the intent is in the ledger, says the same, and marks it used.
    fn spend_intent(&self, order: &Order, caller: &Caller) -> Result<(), Refusal>;
    /// Rebuilds the bytes from the statement and the verified claims.
    fn rebuild(&self, order: &Order, caller: &Caller) -> Result<Rebuilt, Refusal>;
    /// Completes the planned leaf with its SCT: TBSCertificate, DER.
    fn complete_leaf(&self, order: &Order, caller: &Caller, sct: &Signature) -> Result<Vec<u8>, Refusal>;
    /// Rebuilds the bytes of a duty.
    fn rebuild_duty(&self, duty: &Duty) -> Result<Signable, Refusal>;
    /// Looks a key up.
    fn key(&self, id: &KeyId) -> Result<KeyDescription, Refusal>;
}

/// Authority for exactly one signature over exactly these bytes with exactly this key.
#[derive(Debug)]
pub struct Warrant {
    key: KeyId,
    family: Family,
    to_be_signed: ToBeSigned,
}

impl Warrant {
    /// The key that may be used.
    #[must_use]
    pub const fn key(&self) -> &KeyId {
        &self.key
    }
    /// The family that the bytes belong to; equals the key's.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }
    /// The bytes.
    #[must_use]
    pub const fn to_be_signed(&self) -> &ToBeSigned {
        &self.to_be_signed
    }
}

/// What asks for authority.
#[derive(Debug)]
pub enum Wish<'a> {
    /// A caller's order.
    Order(&'a Order),
    /// The service's own duty.
    Duty(&'a Duty),
}

/// The authority that an order or duty came to. Its parts are taken out once each, by value.
#[derive(Debug)]
pub struct Authority {
    /// Who asked; absent for duties.
    pub caller: Option<Caller>,
    /// What policy evaluated; empty for duties.
    pub trace: Trace,
    /// The signature itself.
    pub artifact: Warrant,
    /// The SCT of the planned leaf.
    pub sct: Option<Warrant>,
    /// The leaf, which can be redeemed once its SCT is there.
    pub leaf: Option<LeafPromise>,
}

/// Authority for the identity leaf of one order; becomes a [`Warrant`] when the SCT is known.
#[derive(Debug)]
pub struct LeafPromise {
    key: KeyId,
    caller: Caller,
}

impl LeafPromise {
    /// Spends the promise: the leaf's bytes are rebuilt from the order and the SCT, never taken from the caller.
    pub fn redeem(
        self,
        order: &Order,
        sct: &Signature,
        checks: &dyn Checks,
    ) -> Result<(Warrant, Vec<u8>), Refusal> {
        let tbs = checks.complete_leaf(order, &self.caller, sct)?;
        let to_be_signed = ToBeSigned::Message(tbs.clone());
        let signable = Signable { key: self.key, family: Family::Certificate, to_be_signed };
        Ok((grant(signable, checks)?, tbs))
    }
}

/// The one function that makes authority. Order of the checks: token, policy, intent, statement, key.
pub fn issue(wish: &Wish<'_>, checks: &dyn Checks) -> Result<Authority, Refusal> {
    let order = match wish {
        Wish::Order(order) => order,
        Wish::Duty(duty) => {
            let artifact = grant(checks.rebuild_duty(duty)?, checks)?;
            return Ok(Authority { caller: None, trace: Trace::new(), artifact, sct: None, leaf: None });
        }
    };
    let caller = checks.authenticate(order)?;
    let trace = checks.decide(order, &caller)?;
    let rebuilt = checks.rebuild(order, &caller)?;
    // The intent is spent last, so that an order that is refused for another reason can be corrected and sent again.
    checks.spend_intent(order, &caller)?;
    let artifact = grant(rebuilt.artifact, checks)?;
    let sct = rebuilt.sct.map(|signable| grant(signable, checks)).transpose()?;
    let leaf = rebuilt.leaf.map(|key| LeafPromise { key, caller: caller.clone() });
    Ok(Authority { caller: Some(caller), trace, artifact, sct, leaf })
}

/// INVARIANT: the only place that constructs a [`Warrant`]; the key must be active and of the family of the bytes.
fn grant(signable: Signable, checks: &dyn Checks) -> Result<Warrant, Refusal> {
    let key = checks.key(&signable.key)?;
    if key.state != KeyState::Active {
        let refusal = Refusal::new(RefusalCode::KeyUnusable, format!("key `{}` is disabled", key.id));
        return Err(refusal.because("disabled", "active"));
    }
    if key.family != signable.family {
        let what = format!("key `{}` signs another family of bytes", key.id);
        return Err(
            Refusal::new(RefusalCode::KeyUnusable, what).because(key.family.name(), signable.family.name())
        );
    }
    Ok(Warrant { key: signable.key, family: signable.family, to_be_signed: signable.to_be_signed })
}
