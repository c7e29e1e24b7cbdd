//! A session for profiles that want one: the key lives in this process, the job's token is exchanged for it once.

use std::cell::RefCell;

use chancery_api::session::Session;
use chancery_core::digest::Sha256;
use chancery_core::request::Request;
use chancery_identity::possession::{SessionKey, beginning, of_request};

use crate::client::Server;
use crate::failure::Failure;
use crate::host::IdentityToken;

/// The session of this process, with the hash of the token that it was exchanged for.
#[derive(Debug, Default)]
pub(crate) struct Sessions(RefCell<Option<(Sha256, SessionKey)>>);

/// Completes a token with the proof for a request, after exchanging it where this process has not done so.
pub(crate) fn prove(
    server: &Server,
    token: IdentityToken,
    request: &Request,
) -> Result<IdentityToken, Failure> {
    let hash = Sha256::of(token.expose().as_bytes());
    let mut session = server.sessions().0.borrow_mut();
    let key = match session.take() {
        Some((known, key)) if known == hash => key,
        Some(_) | None => begin(server, &token)?,
    };
    let proof = key.prove(&of_request(request.id())).map_err(|error| Failure::error(error.to_string()))?;
    *session = Some((hash, key));
    Ok(token.with_proof(proof.header()))
}

fn begin(server: &Server, token: &IdentityToken) -> Result<SessionKey, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::error(error.to_string());
    let key = SessionKey::generate().map_err(|error| failed(&error))?;
    let proof = key.prove(&beginning(token.expose())).map_err(|error| failed(&error))?;
    let proven = IdentityToken::new(token.expose().to_owned(), token.source()).with_proof(proof.header());
    let _begun: Session = server.post("/v1/sessions", String::new(), Some(&proven))?.json()?;
    Ok(key)
}
