//! Statements become a request, the request names the audience, the token answers for both.

use chancery_api::profile::Profile;
use chancery_api::rehearsal::Rehearsal;
use chancery_api::signed::Signed;
use chancery_core::id::ProfileName;
use chancery_core::request::Request;
use chancery_core::statement::Statement;

use crate::catalogue::Code;
use crate::client::Server;
use crate::failure::Failure;
use crate::host::{Host, IdentityToken};

/// The public side of a profile.
pub(crate) fn profile(server: &Server, name: &ProfileName) -> Result<Profile, Failure> {
    server.get(&format!("/v1/profiles/{name}"))?.json()
}

/// One request over statements, at most 1,000.
pub(crate) fn request(profile: &Profile, statements: Vec<Statement>) -> Result<Request, Failure> {
    Request::new(profile.name.clone(), statements)
        .map_err(|error| Failure::new(Code::Artifact, error.to_string()))
}

/// Signs the request.
pub(crate) fn sign(
    server: &Server,
    host: &dyn Host,
    profile: &Profile,
    request: &Request,
) -> Result<Signed, Failure> {
    let token = bound_token(host, profile, request)?;
    let signed: Signed = server.post("/v1/sign", request.canonical().to_owned(), Some(&token))?.json()?;
    if signed.schema == chancery_api::signed::SCHEMA && signed.request_id == request.id() {
        Ok(signed)
    } else {
        Err(Failure::new(Code::Answer, "the service answered another request")
            .because(signed.request_id.to_string(), request.id().to_string()))
    }
}

/// Asks what would happen.
pub(crate) fn rehearse(
    server: &Server,
    host: &dyn Host,
    profile: &Profile,
    request: &Request,
) -> Result<Rehearsal, Failure> {
    let token = bound_token(host, profile, request)?;
    server.post("/v1/sign?dry_run=true", request.canonical().to_owned(), Some(&token))?.json()
}

/// A token that is good for this request alone, where the job may choose the audience.
fn bound_token(host: &dyn Host, profile: &Profile, request: &Request) -> Result<IdentityToken, Failure> {
    token(host, &format!("chancery:{}:sha256:{}", profile.audience_host, request.id()))
}

/// The job's token for an audience.
pub(crate) fn token(host: &dyn Host, audience: &str) -> Result<IdentityToken, Failure> {
    host.token(audience).map_err(|missing| {
        let refusal = chancery_core::refusal::Refusal::new(
            chancery_core::refusal::RefusalCode::TokenMissing,
            missing.what,
        );
        Failure::from(refusal.hint(missing.hint))
    })
}
