//! Statements become a request, the request names the audience, the token answers for both.

use std::collections::BTreeMap;

use chancery_api::audience::Audience;
use chancery_api::dev::RunnerToken;
use chancery_api::profile::Profile;
use chancery_api::rehearsal::Rehearsal;
use chancery_api::signed::Signed;
use chancery_core::environment::Environment;
use chancery_core::id::ProfileName;
use chancery_core::request::Request;
use chancery_core::statement::Statement;

use crate::catalogue::Code;
use crate::client::Server;
use crate::failure::Failure;
use crate::host::{Host, IdentityToken};
use crate::sign::brought::Asked;
use crate::sign::image::Attaching;
use crate::sign::session;

/// The public side of a profile. One that does not exist is asked for all the same: the service refuses it to a caller
/// that it knows, says what that caller may use, and records it.
pub(crate) fn profile(server: &Server, name: &ProfileName) -> Result<Profile, Failure> {
    match server.get(&format!("/v1/profiles/{name}")) {
        Ok(answer) => answer.json(),
        Err(failure) if failure.code == Code::Unknown.code() => unknown_profile(server, name),
        Err(failure) => Err(failure),
    }
}

fn unknown_profile(server: &Server, name: &ProfileName) -> Result<Profile, Failure> {
    Ok(Profile {
        name: name.clone(),
        // Nothing is decided by these: the service knows no such profile.
        environment: Environment::Development,
        binding: "request".to_owned(),
        audience_host: audience_host(server)?,
        formats: BTreeMap::new(),
        vouch: None,
    })
}

/// The service's name in audiences.
pub(crate) fn audience_host(server: &Server) -> Result<String, Failure> {
    let audience: Audience = server.get("/v1/audience")?.json()?;
    Ok(audience.audience_host)
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
    (asked, attaching): (&Asked<'_>, Attaching),
) -> Result<Signed, Failure> {
    let request = asked.request;
    let token = bound_token(server, host, profile, request)?;
    let path = match attaching {
        Attaching::Client => "/v1/sign",
        Attaching::Server => "/v1/sign?attach=true",
    };
    let signed: Signed = server.post_body(path, asked.body()?, Some(&token))?.json()?;
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
    asked: &Asked<'_>,
) -> Result<Rehearsal, Failure> {
    let token = bound_token(server, host, profile, asked.request)?;
    server.post_body("/v1/sign?dry_run=true", asked.body()?, Some(&token))?.json()
}

/// A token that is good for this request alone, where the job may choose the audience; else, where the profile wants it, with
/// the proof of a session.
fn bound_token(
    server: &Server,
    host: &dyn Host,
    profile: &Profile,
    request: &Request,
) -> Result<IdentityToken, Failure> {
    if profile.binding == "session" {
        let token = token(server, host, &format!("chancery:{}", profile.audience_host))?;
        return session::prove(server, token, request);
    }
    token(server, host, &format!("chancery:{}:sha256:{}", profile.audience_host, request.id()))
}

/// The job's token for an audience.
pub(crate) fn token(server: &Server, host: &dyn Host, audience: &str) -> Result<IdentityToken, Failure> {
    server.say_audience(audience);
    if let Some(given) = development_token(server, host, audience) {
        return given;
    }
    host.token(audience).map_err(|missing| {
        let code = chancery_core::refusal::RefusalCode::TokenMissing;
        Failure::from(chancery_core::refusal::Refusal::new(code, missing.what).hint(missing.hint))
    })
}

/// A development service stands in for the CI's runner. It is asked over the connection that trusts its certificate,
/// and only when it is the very service, on this machine: the runner's credential goes nowhere else.
fn development_token(
    server: &Server,
    host: &dyn Host,
    audience: &str,
) -> Option<Result<IdentityToken, Failure>> {
    let url = host.variable("ACTIONS_ID_TOKEN_REQUEST_URL")?;
    let path = url.strip_prefix(server.address()).filter(|path| path.starts_with("/dev/"))?;
    if host.variable("CHANCERY_ID_TOKEN").is_some() || !server.is_here() {
        return None;
    }
    let credential = host.variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN").unwrap_or_default();
    let credential = IdentityToken::new(credential, "development");
    let given = server.get_as(&format!("{path}&audience={audience}"), &credential);
    Some(given.and_then(|answer| {
        let token: RunnerToken = answer.json()?;
        Ok(IdentityToken::new(token.value, "development"))
    }))
}
