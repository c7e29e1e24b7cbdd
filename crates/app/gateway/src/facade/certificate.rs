//! A certificate over a key that a Sigstore client made.

use std::sync::Arc;

use chancery_core::algorithm::PublicKey;
use chancery_core::id::ProfileName;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::request::Request;
use chancery_core::statement::Statement;
use chancery_format::fulcio::statement as fulcio;
use chancery_policy::decide::admit;
use chancery_policy::profile::Profile;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::Governance;
use crate::identify::{Shown, identify};
use crate::intent::internal;
use crate::sign::{self, Ask};

/// What a client sends.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The token, if one was sent.
    pub token: Option<String>,
    /// The key with the proof of its possession: [`fulcio::of_key`] or [`fulcio::of_request`].
    pub statement: Statement,
}

/// Issues a certificate, or says why not: the leaf, PEM. A refusal is answered only after it is in the ledger.
pub async fn certificate(gateway: &Arc<Gateway>, wanted: Wanted) -> Result<String, Failure> {
    let governance = gateway.governance()?;
    let profile = profile(gateway, &governance, &wanted).await?;
    let ask = Ask {
        request: request(profile, wanted.statement)?,
        token: wanted.token,
        possession: None,
        attestations: Vec::new(),
    };
    let answer = sign::sign(gateway, ask).await?;
    let released = answer.results.first().ok_or_else(|| internal("a request without a result"))?;
    String::from_utf8(released.blob().to_vec()).map_err(internal)
}

fn request(profile: ProfileName, statement: Statement) -> Result<Request, Failure> {
    Request::new(profile, vec![statement]).map_err(internal)
}

/// The protocol has no place for the name of a profile: it is the one whose grants name the caller. Where none does, the
/// first one says why not; where several do, nothing is guessed.
async fn profile(
    gateway: &Gateway,
    governance: &Governance,
    wanted: &Wanted,
) -> Result<ProfileName, Failure> {
    let issuing = || governance.policy.profiles().filter(|profile| profile.facade().is_some());
    let off =
        || Refusal::new(RefusalCode::ProfileUnknown, "no profile issues certificates to Sigstore clients");
    let first = issuing().next().ok_or_else(off)?.name().clone();
    if issuing().nth(1).is_none() {
        return Ok(first);
    }
    let tried = request(first.clone(), wanted.statement.clone())?;
    let token = wanted.token.as_deref();
    // Who cannot be authenticated is refused, and recorded, under the first.
    let Ok(identified) = identify(gateway, governance, token, Shown::For(&tried)).await else {
        return Ok(first);
    };
    let names = |profile: &&Profile| admit(&governance.policy, &identified.caller, profile.name()).is_ok();
    let found: Vec<&str> = issuing().filter(names).map(|profile| profile.name().as_str()).collect();
    match found.as_slice() {
        [] => Ok(first),
        [one] => ProfileName::parse(one).map_err(internal),
        several => {
            let what = "more than one profile would issue a certificate to this caller";
            let refusal = Refusal::new(RefusalCode::ProfileAmbiguous, what)
                .because(several.join(", "), "one profile with `[facade]` whose grants name the caller")
                .hint("let the grants of all but one of these profiles name other callers");
            let ask = Ask {
                request: tried,
                token: wanted.token.clone(),
                possession: None,
                attestations: Vec::new(),
            };
            sign::record(gateway, governance, &ask, Some(&identified), &refusal).await?;
            Err(refusal.into())
        }
    }
}

/// The key that a statement wants certified; `None` for those that want something signed. Refuses keys that are in custody
/// here, and those that the profile does not allow. The keyguard checks both again.
pub(crate) fn wished(
    gateway: &Gateway,
    profile: &Profile,
    statement: &Statement,
) -> Result<Option<PublicKey>, Refusal> {
    if !statement.format.is_certificate() {
        return Ok(None);
    }
    let wished = fulcio::parse(statement)
        .map_err(|error| Refusal::new(RefusalCode::StatementInvalid, error.to_string()))?;
    let key = wished.key().clone();
    if gateway.keys().values().any(|own| own.public_key.spki == key.spki) {
        let what = "the key is in custody of this service: only its own requests sign with it";
        let refusal = Refusal::new(RefusalCode::KeyUnusable, what);
        return Err(refusal.because("a key of this service", "a key that the client made"));
    }
    let Some(facade) = profile.facade() else { return Ok(Some(key)) };
    if !facade.algorithms().contains(&key.algorithm) {
        let allowed: Vec<&str> = facade.algorithms().iter().map(|known| known.name()).collect();
        let what = format!("profile `{}` certifies no keys of this algorithm", profile.name());
        let refusal = Refusal::new(RefusalCode::KeyUnusable, what);
        return Err(refusal.because(key.algorithm.name(), allowed.join(", ")));
    }
    Ok(Some(key))
}

/// One token, one certificate: a wish for one stands alone in its request.
pub(crate) fn comes_alone(request: &Request) -> Result<(), Refusal> {
    let statements = request.statements();
    if statements.len() > 1 && statements.iter().any(|(_, statement)| statement.format.is_certificate()) {
        let what = "a certificate is asked for together with something else";
        let refusal = Refusal::new(RefusalCode::StatementInvalid, what);
        return Err(refusal.because(format!("{} statements", statements.len()), "1"));
    }
    Ok(())
}
