//! How a request stands, as the gateway knows it: who approved it, who else built it, when it was first seen, what is
//! unusual about it. The keyguard finds the same out for itself and does not ask here.

use chancery_core::request::Request;
use chancery_policy::profile::Profile;
use chancery_policy::standing::Standing;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::identify::Identified;

/// What is known about a request beside token and statements; the same for all its statements but for the oddities.
pub fn of_request(
    _gateway: &Gateway,
    _identified: &Identified,
    _profile: &Profile,
    _request: &Request,
) -> Result<Standing, Failure> {
    Ok(Standing::default())
}
