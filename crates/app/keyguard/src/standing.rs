//! How a request stands, as the keyguard itself knows it: from the ledger that it follows and the evidence in the order.

use chancery_policy::profile::Profile;
use chancery_policy::standing::Standing;

use crate::opened::Opened;

/// What is known about the request of these orders beside its token and statements.
pub(crate) fn of_request(_opened: &Opened<'_>, _profile: &Profile) -> Standing {
    Standing::default()
}
