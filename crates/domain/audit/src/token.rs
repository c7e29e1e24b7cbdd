//! The token of an intent, verified again with the archived keys and at the intent's own time.

use chancery_core::caller::{Caller, CallerKind};
use chancery_core::digest::Sha256;
use chancery_core::evidence::Evidence;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::request::Request;
use chancery_core::time::Time;
use chancery_identity::audience::Audience;
use chancery_identity::authenticate::{Expectation, authenticate, peek};
use chancery_identity::jwk::KeySet;

use crate::governance::Governance;
use crate::intent::IssuerKeySets;

/// Verifies a token as the keyguard did.
pub(crate) fn caller(
    evidence: &Evidence,
    governance: &Governance,
    host: &str,
    (request, at, sets): (&Request, Time, &IssuerKeySets),
) -> Result<Caller, Refusal> {
    let issuers = &governance.issuers;
    let peeked = peek(&evidence.token, issuers)?;
    // ATTACK: keys that are pinned in the governance documents are never taken from beside them.
    let keys = match peeked.issuer.pinned_keys() {
        Some(pinned) => pinned,
        None if sets
            .contains(&(peeked.issuer.name().clone(), Sha256::of(evidence.issuer_keys.as_bytes()))) =>
        {
            &evidence.issuer_keys
        }
        None => {
            let what = "the archived keys are not among those that the ledger names";
            return Err(Refusal::new(RefusalCode::IssuerKeysForeign, what));
        }
    };
    let keys = KeySet::parse(peeked.issuer, keys)
        .map_err(|error| Refusal::new(RefusalCode::TokenInvalid, format!("archived keys: {error}")))?;
    let expected = Expectation {
        audience_host: host,
        audience: Audience::of(request),
        request: Some(request.id()),
        kind: Some(CallerKind::Workload),
        now: at,
    };
    authenticate(&evidence.token, issuers, &keys, &expected)
}
