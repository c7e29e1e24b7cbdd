//! Step 2: a token becomes a caller.

use chancery_core::caller::{Caller, CallerKind};
use chancery_core::evidence::Evidence;
use chancery_core::id::RequestId;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::request::Request;
use chancery_identity::audience::Audience;
use chancery_identity::authenticate::{Expectation, authenticate, peek};
use chancery_identity::jwk::KeySet;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::Governance;
use crate::issuer_keys;

/// A caller with the proof of who it is.
#[derive(Debug, Clone)]
pub struct Identified {
    /// The caller.
    pub caller: Caller,
    /// Token and issuer keys, as checked.
    pub evidence: Evidence,
}

/// For what a token is shown: what its audience must say.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// A request, as it lies here.
    For(&'a Request),
    /// A request that was made before.
    About(RequestId),
    /// No request: `whoami`, a session.
    Alone,
}

impl Shown<'_> {
    fn request(self) -> Option<RequestId> {
        match self {
            Self::For(request) => Some(request.id()),
            Self::About(request) => Some(request),
            Self::Alone => None,
        }
    }
    fn audience(self) -> Audience {
        match self {
            Self::For(request) => Audience::of(request),
            Self::About(_) | Self::Alone => Audience::Ours,
        }
    }
}

/// Authenticates a token for what it is shown for. Keys are fetched only for registered issuers.
pub async fn identify(
    gateway: &Gateway,
    governance: &Governance,
    token: Option<&str>,
    shown: Shown<'_>,
) -> Result<Identified, Failure> {
    let missing = || {
        Refusal::new(RefusalCode::TokenMissing, "no identity token was sent")
            .because("no `Authorization: Bearer` header", "an OIDC token of a registered issuer")
            .hint("run this in a CI job that may ask for a token (GitHub: `permissions: id-token: write`)")
    };
    let token = token.ok_or_else(missing)?;
    let peeked = peek(token, &governance.issuers)?;
    let expected = Expectation {
        audience_host: &gateway.parts.audience_host,
        audience: shown.audience(),
        request: shown.request(),
        kind: shown.request().map(|_| CallerKind::Workload),
        now: gateway.parts.clock.now(),
    };
    let (caller, issuer_keys) = match peeked.issuer.pinned_keys() {
        Some(pinned) => {
            let unusable =
                |error| Failure::Temporary(format!("keys of issuer `{}`: {error}", peeked.issuer.name()));
            let keys = KeySet::parse(peeked.issuer, pinned).map_err(unusable)?;
            (authenticate(token, &governance.issuers, &keys, &expected)?, pinned.to_owned())
        }
        None => {
            let keys =
                issuer_keys::keys(gateway, governance, peeked.issuer, peeked.key_id.as_deref()).await?;
            (authenticate(token, &governance.issuers, &keys.set, &expected)?, keys.text.clone())
        }
    };
    Ok(Identified {
        caller,
        evidence: Evidence {
            token: token.to_owned(),
            issuer_keys,
            approval: None,
            possession: None,
            attestations: Vec::new(),
        },
    })
}

/// The name of the registered issuer that a token names, for the record of a refusal; empty when there is none.
#[must_use]
pub fn issuer_name(governance: &Governance, token: Option<&str>) -> String {
    let peeked = token.and_then(|token| peek(token, &governance.issuers).ok());
    peeked.map_or_else(String::new, |peeked| peeked.issuer.name().to_string())
}
