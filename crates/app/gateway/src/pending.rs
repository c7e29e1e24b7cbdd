//! A decision that is not yet allowed: approvals that came meanwhile, an exception in force, or a request that waits.

use chancery_core::digest::Sha256;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::request::Request;
use chancery_core::witness::Purpose;
use chancery_policy::profile::Profile;
use chancery_policy::standing::Standing;

use crate::approval::{self, Waiting};
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::Governance;
use crate::identify::Identified;
use crate::rehearse::decide_all;
use crate::standing;
use crate::statement::Prepared;

/// Decides about every statement, and settles what the request waits for: the caller with the approvals that count, and the
/// exception that is used. What still waits is logged, once, and told.
pub(crate) async fn settle(
    gateway: &Gateway,
    governance: &Governance,
    mut identified: Identified,
    profile: &Profile,
    wanted: (&Request, &[Prepared]),
) -> Result<(Identified, Option<Sha256>), Failure> {
    let shown = (wanted.0, Purpose::Submit);
    let mut standing = standing::of_request(gateway, governance, &identified, profile, shown).await?;
    let first = decide_all(gateway, governance, &identified, (profile, &standing), wanted).await;
    let failure = match first {
        Ok(_) => return Ok((identified, None)),
        Err(failure) => failure,
    };
    let mut waiting = None;
    if matches!(failure, Failure::Pending { .. }) {
        waiting = approval::find(gateway, governance, &identified, wanted.0).await?;
    }
    if let Some(found) = &waiting {
        not_rejected(found)?;
        complete(&mut standing, found);
        let again = decide_all(gateway, governance, &identified, (profile, &standing), wanted).await;
        if again.is_ok() {
            identified.evidence.approval = Some(found.evidence());
            return Ok((identified, None));
        }
    }
    let used = under_exception(gateway, governance, (&identified, &mut standing), profile, wanted).await;
    if let Some(exception) = used {
        identified.evidence.approval =
            waiting.filter(|found| found.count() > 0).map(|found| found.evidence());
        return Ok((identified, Some(exception)));
    }
    if let (Failure::Pending { trace, .. }, None) = (&failure, &waiting) {
        approval::wait(gateway, governance, &identified, (profile, wanted.0, trace)).await?;
    }
    // With what came meanwhile, so that the caller reads what is still missing.
    standing.granted = None;
    decide_all(gateway, governance, &identified, (profile, &standing), wanted).await?;
    Err(failure)
}

/// What is known about a request, for a rehearsal.
pub(crate) async fn known(
    gateway: &Gateway,
    governance: &Governance,
    identified: &Identified,
    profile: &Profile,
    request: &Request,
) -> Result<Standing, Failure> {
    let shown = (request, Purpose::Look);
    let mut standing = standing::of_request(gateway, governance, identified, profile, shown).await?;
    if let Some(found) = approval::find(gateway, governance, identified, request).await? {
        complete(&mut standing, &found);
    }
    Ok(standing)
}

fn complete(standing: &mut Standing, found: &Waiting) {
    standing.approvers = found.count();
    standing.first_seen = standing.first_seen.or(Some(found.document.at));
}

fn not_rejected(found: &Waiting) -> Result<(), Failure> {
    let Some((person, reason)) = &found.rejected else { return Ok(()) };
    let refusal = Refusal::new(RefusalCode::Rejected, format!("`{person}` rejected the request: {reason}"));
    Err(refusal.because("rejected", "approved").into())
}

/// The first exception with which all of it is allowed. None is used up where nothing needs it.
async fn under_exception(
    gateway: &Gateway,
    governance: &Governance,
    (identified, standing): (&Identified, &mut Standing),
    profile: &Profile,
    wanted: (&Request, &[Prepared]),
) -> Option<Sha256> {
    let (book, now) = (gateway.book(), gateway.parts.clock.now());
    for (name, open) in book.usable(profile.name(), now) {
        let left = usize::try_from(open.count.saturating_sub(open.used)).unwrap_or(usize::MAX);
        if left < wanted.1.len() {
            continue;
        }
        standing.granted = Some(open.granted(name));
        if decide_all(gateway, governance, identified, (profile, standing), wanted).await.is_ok() {
            return Some(*name);
        }
    }
    None
}
