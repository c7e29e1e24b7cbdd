//! Sessions of tokens with a fixed audience: whoever holds the session's key counts for more than whoever holds the token.

use chancery_core::caller::Caller;
use chancery_core::evidence::Evidence;
use chancery_core::id::RequestId;
use chancery_core::refusal::Refusal;
use chancery_identity::possession;

use crate::keyguard::Keyguard;

/// Completes a caller whose token was verified with the session that the ledger names for the token, if one.
pub(crate) fn complete(
    keyguard: &Keyguard,
    caller: Caller,
    evidence: &Evidence,
    request: RequestId,
) -> Result<Caller, Refusal> {
    let session = keyguard.followed.with_intents(|intents| intents.waits.session(caller.token_use)).flatten();
    possession::complete(caller, evidence.possession.as_ref(), session, request)
}
