//! Whether an act may be done: by whom, when, and in which ledger.

use std::collections::BTreeSet;

use chancery_core::digest::Sha256;
use chancery_core::id::PersonId;
use chancery_core::time::Time;
use chancery_identity::sshsig::ACT;
use chancery_identity::sshsig::key::SshPublicKey;
use chancery_identity::sshsig::signature::SshSignature;

use super::document::{Act, Deed, Exception, SignedAct};
use super::refused::ActRefused;
use crate::governance::root::RootDocument;
use crate::governance::roster::{Role, Roster};
use crate::policy::Policy;

/// An act is done within a day after it was written.
const MAX_AGE: i64 = 86_400;
/// How far its moment may lie in the future, in seconds.
const MAX_SKEW: i64 = 300;

/// An act that enough of the right people signed. Born in [`accept`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedAct {
    act: Act,
    id: Sha256,
    signatures: Sha256,
    signers: BTreeSet<PersonId>,
}

impl AcceptedAct {
    /// What is done.
    #[must_use]
    pub const fn act(&self) -> &Act {
        &self.act
    }
    /// SHA-256 of the document.
    #[must_use]
    pub const fn id(&self) -> Sha256 {
        self.id
    }
    /// SHA-256 of the document with its signatures.
    #[must_use]
    pub const fn signatures(&self) -> Sha256 {
        self.signatures
    }
    /// Who signed.
    #[must_use]
    pub const fn signers(&self) -> &BTreeSet<PersonId> {
        &self.signers
    }
}

/// Under which rules an act is judged.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The root document in force.
    pub root: &'a RootDocument,
    /// Our ledger's origin.
    pub ledger: &'a str,
    /// Now.
    pub now: Time,
}

/// Judges an act.
pub fn accept(signed: &SignedAct, bench: &Bench<'_>) -> Result<AcceptedAct, ActRefused> {
    let act = Act::parse(signed.document())?;
    in_place(&act, bench.ledger, bench.now)?;
    let keys = keys(signed)?;
    let signers = match &act.deed {
        Deed::Freeze { .. } => people(&keys, 1, |key| stopper(key, bench))?,
        Deed::Unfreeze { .. } | Deed::Reanchor { .. } | Deed::Trust { .. } => {
            people(&keys, bench.root.threshold(), |key| of_root(key, bench))?
        }
        Deed::Exception(exception) if exception.emergency => {
            let profile = bench.policy.profile(&exception.profile).ok_or_else(|| unknown(exception))?;
            let need = usize::try_from(profile.approvals().need).unwrap_or(usize::MAX).max(1);
            people(&keys, need, |key| approver(key, exception, bench))?
        }
        Deed::Exception(exception) => {
            bench.policy.profile(&exception.profile).ok_or_else(|| unknown(exception))?;
            people(&keys, bench.root.threshold(), |key| of_root(key, bench))?
        }
        Deed::Review { .. } => people(&keys, 1, |key| auditor(key, bench))?,
    };
    Ok(AcceptedAct { id: signed.id(), signatures: signed.sha256()?, act, signers })
}

/// Judges a re-anchor where no policy is loaded yet: only the root document in force is needed.
pub fn accept_reanchor(
    signed: &SignedAct,
    root: &RootDocument,
    ledger: &str,
    now: Time,
) -> Result<AcceptedAct, ActRefused> {
    let act = Act::parse(signed.document())?;
    in_place(&act, ledger, now)?;
    let Deed::Reanchor { .. } = &act.deed else { return Err(ActRefused::Malformed("it is no re-anchor")) };
    let person = |key: &SshPublicKey| root.person_of(key).cloned().ok_or_else(|| outsider(key));
    let signers = people(&keys(signed)?, root.threshold(), person)?;
    Ok(AcceptedAct { id: signed.id(), signatures: signed.sha256()?, act, signers })
}

/// Our ledger, and within a day.
fn in_place(act: &Act, ledger: &str, now: Time) -> Result<(), ActRefused> {
    if act.ledger != ledger {
        return Err(ActRefused::OtherLedger { actual: act.ledger.clone(), expected: ledger.to_owned() });
    }
    if (-MAX_SKEW..=MAX_AGE).contains(&now.seconds_since(act.at)) {
        Ok(())
    } else {
        Err(ActRefused::Stale { at: act.at, now })
    }
}

fn unknown(exception: &Exception) -> ActRefused {
    ActRefused::Unknown(format!("there is no profile `{}`", exception.profile))
}

/// The keys that really signed.
fn keys(signed: &SignedAct) -> Result<Vec<SshPublicKey>, ActRefused> {
    let read = |(index, text): (usize, &String)| {
        let refuse = |why| ActRefused::Signature { number: index.saturating_add(1), why };
        let signature = SshSignature::parse_armoured(text).map_err(refuse)?;
        let verified = signature.verify(signature.key(), ACT, signed.document().as_bytes());
        Ok(verified.map_err(refuse)?.key().clone())
    };
    signed.signatures().iter().enumerate().map(read).collect()
}

/// Counts people, whatever number of keys each signed with; everybody who signed must be allowed to.
fn people(
    keys: &[SshPublicKey],
    expected: usize,
    person: impl Fn(&SshPublicKey) -> Result<PersonId, ActRefused>,
) -> Result<BTreeSet<PersonId>, ActRefused> {
    let people = keys.iter().map(person).collect::<Result<BTreeSet<_>, _>>()?;
    if people.len() < expected {
        return Err(ActRefused::TooFewPeople { actual: people.len(), expected });
    }
    Ok(people)
}

fn outsider(key: &SshPublicKey) -> ActRefused {
    ActRefused::Outsider(key.fingerprint())
}

fn of_root(key: &SshPublicKey, bench: &Bench<'_>) -> Result<PersonId, ActRefused> {
    bench.root.person_of(key).cloned().ok_or_else(|| match roster(bench).member_of(key) {
        Some(member) => ActRefused::MayNot(member.id().clone()),
        None => outsider(key),
    })
}

fn with_role(key: &SshPublicKey, roles: &[Role], bench: &Bench<'_>) -> Result<PersonId, ActRefused> {
    let member = roster(bench).member_of(key).ok_or_else(|| outsider(key))?;
    if member.holds(roles, bench.now) {
        Ok(member.id().clone())
    } else {
        Err(ActRefused::MayNot(member.id().clone()))
    }
}

fn stopper(key: &SshPublicKey, bench: &Bench<'_>) -> Result<PersonId, ActRefused> {
    match bench.root.person_of(key) {
        Some(person) => Ok(person.clone()),
        None => with_role(key, &[Role::Approve, Role::Manage], bench),
    }
}

fn auditor(key: &SshPublicKey, bench: &Bench<'_>) -> Result<PersonId, ActRefused> {
    with_role(key, &[Role::Audit], bench)
}

fn approver(key: &SshPublicKey, exception: &Exception, bench: &Bench<'_>) -> Result<PersonId, ActRefused> {
    let member = roster(bench).member_of(key).ok_or_else(|| outsider(key))?;
    if member.may(Role::Approve, &exception.profile, bench.now) {
        Ok(member.id().clone())
    } else {
        Err(ActRefused::MayNot(member.id().clone()))
    }
}

const fn roster<'a>(bench: &Bench<'a>) -> &'a Roster {
    bench.policy.roster()
}
