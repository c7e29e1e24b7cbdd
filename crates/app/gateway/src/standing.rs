//! How a request stands before people or exceptions are asked: who else built it, when it was first seen, what is unusual
//! about it. The keyguard keeps all three, so that every gateway sees the same; it counts again when it signs.

use chancery_core::message::{Call, Reply};
use chancery_core::request::Request;
use chancery_core::witness::{Oddity, Purpose, Shown, Witnessed};
use chancery_policy::profile::Profile;
use chancery_policy::standing::Standing;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::{Governance, unexpected};
use crate::identify::Identified;

/// Shows the request to the keyguard, where the profile has a brake that it keeps. What is unusual about one statement
/// makes the whole request wait: it is approved as a whole.
pub async fn of_request(
    gateway: &Gateway,
    governance: &Governance,
    identified: &Identified,
    profile: &Profile,
    (request, purpose): (&Request, Purpose),
) -> Result<Standing, Failure> {
    if profile.quorum().is_none() && profile.step_up().is_none() && profile.hold().is_none() {
        return Ok(Standing::default());
    }
    let shown = Shown {
        request: request.canonical().to_owned(),
        evidence: identified.evidence.clone(),
        policy: governance.version,
        purpose,
    };
    let reply = gateway.parts.keyguard.call(Call::Witness(Box::new(shown))).await?;
    if let Reply::Witnessed(witnessed) = reply {
        return Ok(standing(*witnessed));
    }
    Err(unexpected("witness", &reply))
}

fn standing(witnessed: Witnessed) -> Standing {
    let Witnessed { builders, first_seen, oddities } = witnessed;
    let mut all: Vec<Oddity> = oddities.into_iter().flat_map(|odd| odd.oddities).collect();
    // One line for each habit and thing, the oddest.
    all.sort_by(|a, b| (a.habit, &a.expected, b.score).cmp(&(b.habit, &b.expected, a.score)));
    all.dedup_by(|later, first| later.habit == first.habit && later.expected == first.expected);
    Standing { builders, first_seen, oddities: all, ..Standing::default() }
}
