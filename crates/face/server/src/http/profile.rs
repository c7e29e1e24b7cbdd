//! `GET /v1/profiles/{name}`: what a client must know before it has a token; nothing about who may use the profile.

use axum::Json;
use axum::extract::Path;
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_api::profile::{Profile, ProfileFormat, ProfileKey, ProfileVouch};
use chancery_core::family::Family;
use chancery_core::id::ProfileName;
use chancery_gateway::gateway::Gateway;
use chancery_policy::profile;

use super::Shared;
use crate::fault::Fault;

/// Shows the public side of a profile.
#[utoipa::path(get, path = "/v1/profiles/{name}", tag = "profile", params(("name" = String, Path)),
    responses(
        (status = 200, description = "The profile", body = Profile),
        (status = 404, description = "No such profile", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(service: Shared, Path(name): Path<String>) -> Result<Json<Profile>, Fault> {
    let unknown = || Fault::new(Code::Unknown, "no profile of that name");
    let name = ProfileName::parse(&name).map_err(|_| unknown())?;
    let governance = service.gateway.governance()?;
    let profile = governance.policy.profile(&name).ok_or_else(unknown)?;
    let formats = profile.formats().iter();
    let formats = formats.map(|(format, rule)| (*format, of_format(&service.gateway, profile, rule)));
    Ok(Json(Profile {
        environment: profile.environment(),
        binding: profile.binding().name().to_owned(),
        audience_host: service.gateway.parts().audience_host.clone(),
        formats: formats.collect(),
        vouch: profile.vouch().map(|vouch| ProfileVouch {
            verifier: vouch.verifier.clone(),
            levels: vouch.levels.clone(),
            policy: governance.version,
        }),
        name,
    }))
}

fn of_format(gateway: &Gateway, profile: &profile::Profile, rule: &profile::FormatRule) -> ProfileFormat {
    let key = |family: &Family| {
        let key = profile.key(*family)?.clone();
        let algorithm = gateway.key(&key).map(|key| key.public_key.algorithm);
        Some((*family, ProfileKey { key, algorithm }))
    };
    ProfileFormat { depth: rule.depth, families: rule.families.iter().filter_map(key).collect() }
}
