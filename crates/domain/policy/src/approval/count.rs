//! Who approved: people, not keys and not signatures, and never who asks.

use std::collections::BTreeSet;

use chancery_core::caller::Caller;
use chancery_core::id::{PersonId, ProfileName};
use chancery_core::time::Time;
use chancery_identity::sshsig::APPROVAL;
use chancery_identity::sshsig::signature::SshSignature;

use super::document::{ApprovalDocument, Wish};
use super::refused::ApprovalRefused;
use crate::governance::roster::{Role, Roster};

/// Most signatures that are looked at.
pub const MAX_SIGNATURES: usize = 64;

/// Distinct people who approved a wish. Born in [`approvers`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvers(BTreeSet<PersonId>);

impl Approvers {
    /// How many people.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
    /// Who.
    pub fn people(&self) -> impl Iterator<Item = &PersonId> {
        self.0.iter()
    }
}

/// Where and when somebody signs for a profile.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The roster in force.
    pub roster: &'a Roster,
    /// The profile.
    pub profile: &'a ProfileName,
    /// Who asks, where that is known.
    pub caller: Option<&'a Caller>,
    /// Now.
    pub now: Time,
}

/// Who signed a document as an approver. A document is approved or rejected by the same people.
pub fn signer(document: &str, signature: &str, occasion: &Occasion<'_>) -> Result<PersonId, ApprovalRefused> {
    let signature = SshSignature::parse_armoured(signature).map_err(ApprovalRefused::Signature)?;
    let verified = signature.verify(signature.key(), APPROVAL, document.as_bytes());
    let verified = verified.map_err(ApprovalRefused::Signature)?;
    let member = occasion.roster.member_of(verified.key());
    let member = member.ok_or_else(|| ApprovalRefused::Outsider(verified.key().fingerprint()))?;
    if !member.may(Role::Approve, occasion.profile, occasion.now) {
        return Err(ApprovalRefused::NoApprover(member.id().clone()));
    }
    if occasion.caller.is_some_and(|caller| member.is_behind(caller)) {
        return Err(ApprovalRefused::Requester(member.id().clone()));
    }
    Ok(member.id().clone())
}

/// Everybody who approved this wish. One signature that does not count spoils the whole: evidence holds nothing else.
pub fn approvers(
    document: &str,
    signatures: &[String],
    wish: &Wish<'_>,
    roster: &Roster,
) -> Result<Approvers, ApprovalRefused> {
    if signatures.len() > MAX_SIGNATURES {
        return Err(ApprovalRefused::TooMany(signatures.len()));
    }
    ApprovalDocument::parse(document)?.check(wish)?;
    let occasion = Occasion { roster, profile: wish.profile, caller: Some(wish.caller), now: wish.now };
    let people = signatures.iter().map(|signature| signer(document, signature, &occasion));
    people.collect::<Result<_, _>>().map(Approvers)
}
