//! How a request stands, as the keyguard itself knows it: from the ledger that it follows, the evidence in the order, what
//! builders showed it and what it signed before.

use chancery_core::refusal::Refusal;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_policy::habit::observation::Observation;
use chancery_policy::profile::Profile;
use chancery_policy::standing::Standing;

use crate::attested;
use crate::opened::Opened;
use crate::witness;

/// What is known about one statement of these orders beside its token. Approvals and exceptions are not in it.
pub(crate) fn of_statement(
    opened: &Opened<'_>,
    profile: &Profile,
    statement: &Statement,
    now: Time,
) -> Result<Standing, Refusal> {
    let caller = opened.caller()?;
    let oddities = profile.step_up().map(|step_up| {
        let asked = [Observation::of(statement, caller, now)];
        opened.keyguard.habits.judge(profile.name(), &asked, step_up.after).into_iter().flatten().collect()
    });
    Ok(Standing {
        builders: witness::builders(opened, caller, profile, now),
        first_seen: witness::first_seen(opened),
        oddities: oddities.unwrap_or_default(),
        attested: attested::of_statement(opened, profile, statement, now)?,
        ..Standing::default()
    })
}
