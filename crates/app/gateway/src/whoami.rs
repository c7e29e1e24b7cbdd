//! Who the service takes a token's bearer for, and which profiles name it.

use chancery_core::caller::Caller;
use chancery_core::id::ProfileName;
use chancery_core::refusal::Refusal;
use chancery_policy::decide::admit;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::identify::{Shown, identify};

/// A caller as the service sees it.
#[derive(Debug, Clone)]
pub struct Whoami {
    /// The caller.
    pub caller: Caller,
    /// Profiles of which some grant names this caller; whether it may sign depends on the request.
    pub profiles: Vec<ProfileName>,
    /// Profiles that do not, each with the reason.
    pub refused: Vec<(ProfileName, Refusal)>,
}

/// Authenticates a token for no request and looks which profiles would admit its caller. Nothing is recorded.
pub async fn whoami(gateway: &Gateway, token: Option<&str>) -> Result<Whoami, Failure> {
    let governance = gateway.governance()?;
    let identified = identify(gateway, &governance, token, Shown::Alone).await?;
    let (mut profiles, mut refused) = (Vec::new(), Vec::new());
    for profile in governance.policy.profiles() {
        match admit(&governance.policy, &identified.caller, profile.name()) {
            Ok(_) => profiles.push(profile.name().clone()),
            Err(refusal) => refused.push((profile.name().clone(), refusal)),
        }
    }
    Ok(Whoami { caller: identified.caller, profiles, refused })
}
