//! Sessions of tokens with a fixed audience: whoever holds the session's key counts for more than whoever holds the token.

use chancery_core::caller::{AudienceBinding, Caller};
use chancery_core::evidence::Evidence;
use chancery_core::id::RequestId;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_identity::possession;

use crate::keyguard::Keyguard;

/// Completes a caller whose token was verified: with the session that the ledger names for the token, if one. A token that
/// was exchanged counts with the proof only, also where the profile would take it without.
pub(crate) fn complete(
    keyguard: &Keyguard,
    mut caller: Caller,
    evidence: &Evidence,
    request: RequestId,
) -> Result<Caller, Refusal> {
    let session = keyguard.followed.with_intents(|intents| intents.waits.session(caller.token_use)).flatten();
    let refuse = |what: &str| Err(Refusal::new(RefusalCode::SessionInvalid, what));
    match (&evidence.possession, session) {
        (None, None) => Ok(caller),
        (None, Some(_)) => {
            refuse("the token was exchanged for a session, whose key did not sign the request")
        }
        (Some(_), None) => refuse("the ledger names no session of this token"),
        (Some(proof), Some(session)) => {
            let key = possession::verify(proof, &possession::of_request(request))?;
            if key != session || caller.binding != AudienceBinding::Fixed {
                return refuse("the token was exchanged for another session");
            }
            caller.binding = AudienceBinding::Session(key);
            Ok(caller)
        }
    }
}
