//! Sessions: a token with a fixed audience is exchanged, once, for a key that signs requests. Whoever comes first has the
//! session; whoever comes second is refused and in the ledger, which is how a thief is noticed.

use chancery_core::caller::{AudienceBinding, Caller};
use chancery_core::digest::Sha256;
use chancery_core::evidence::Possession;
use chancery_core::id::RequestId;
use chancery_core::port::sequencer::{Append, AppendError, Change};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_identity::possession;
use chancery_ledger::event::{Body, Denied, Event, Session};
use chancery_policy::decide::admit;
use chancery_policy::policy::Policy;
use chancery_policy::profile::Binding;

use crate::denied::{self, stable_claims};
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::identify::{Identified, Shown, identify};
use crate::intent::encode;

/// A session that is in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// SHA-256 of its key.
    pub key: Sha256,
    /// When the token ends, and the session with it.
    pub expires: Time,
}

/// Exchanges a token for a session of the key that signed [`possession::beginning`].
pub async fn begin(
    gateway: &Gateway,
    token: Option<&str>,
    proof: Option<&Possession>,
) -> Result<Begun, Failure> {
    let governance = gateway.governance()?;
    let Identified { caller, .. } = identify(gateway, &governance, token, Shown::Alone).await?;
    exchangeable(&governance.policy, &caller)?;
    let missing = || Refusal::new(RefusalCode::SessionInvalid, "no proof of a session's key was sent");
    let proof = proof.ok_or_else(missing)?;
    let key = possession::verify(proof, &possession::beginning(token.unwrap_or_default()))?;
    if gateway.parts.state.token_use(caller.token_use).await?.is_some() {
        return Err(taken(gateway, &caller, "the token was used without a session").await);
    }
    let session = Session { issuer: caller.issuer_name.to_string(), key, token_use: caller.token_use };
    let append = Append {
        leaves: vec![encode(gateway.parts.clock.now(), Body::Session(session))?],
        changes: vec![Change::TokenUse {
            token: slot(caller.token_use),
            request: RequestId::new(key),
            expires: caller.expires_at,
        }],
    };
    match gateway.parts.sequencer.append(append).await {
        Ok(_) => Ok(Begun { key, expires: caller.expires_at }),
        Err(AppendError::TokenReplayed(_)) => {
            Err(taken(gateway, &caller, "the token was exchanged for another session").await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Only callers that some profile with `binding = "session"` names: strangers cannot fill the ledger.
fn exchangeable(policy: &Policy, caller: &Caller) -> Result<(), Refusal> {
    let mut profiles = policy.profiles().filter(|profile| profile.binding() == Binding::Session);
    let is_fixed = caller.binding == AudienceBinding::Fixed;
    if is_fixed && profiles.any(|profile| admit(policy, caller, profile.name()).is_ok()) {
        return Ok(());
    }
    let what = "no profile that takes sessions names this caller, or its token is bound to a request";
    let refusal = Refusal::new(RefusalCode::SessionInvalid, what);
    Err(refusal.hint("sign without a session: chancery sign begins one where the profile wants it"))
}

/// Somebody else holds the token, or this job exchanged it twice: refused, and in the ledger.
async fn taken(gateway: &Gateway, caller: &Caller, what: &str) -> Failure {
    let refusal = Refusal::new(RefusalCode::SessionInvalid, what).hint(
        "if this job did not do that, somebody has its token: freeze its grants and look for who signed",
    );
    let event = Denied {
        code: refusal.code,
        profile: String::new(),
        issuer: caller.issuer_name.to_string(),
        request: None,
        artifacts: Vec::new(),
        claims: stable_claims(caller),
    };
    let now = gateway.parts.clock.now();
    match denied::record(
        gateway.parts.sequencer.as_ref(),
        vec![Event { time: now, body: Body::Denied(event) }],
    )
    .await
    {
        Ok(()) => refusal.into(),
        Err(failure) => failure,
    }
}

/// Completes a caller with the session of its token. A token that was exchanged counts with the proof only.
pub async fn complete(
    gateway: &Gateway,
    mut identified: Identified,
    proof: Option<&Possession>,
    request: RequestId,
) -> Result<Identified, Failure> {
    if identified.caller.binding != AudienceBinding::Fixed && proof.is_none() {
        return Ok(identified);
    }
    let session = gateway.parts.state.token_use(slot(identified.caller.token_use)).await?;
    let key = session.map(|session| session.digest());
    identified.caller = possession::complete(identified.caller, proof, key, request)?;
    identified.evidence.possession = proof.cloned();
    Ok(identified)
}

/// Under which a session is kept among the used tokens: a token's first use and its exchange are two things, each once.
fn slot(token_use: Sha256) -> Sha256 {
    Sha256::of(format!("chancery.session/1 {token_use}").as_bytes())
}
