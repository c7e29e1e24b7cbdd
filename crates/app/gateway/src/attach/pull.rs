//! Depth `artifact`: the service fetches the manifest by its digest, and makes the statement itself. Only when its own
//! equals the client's may that say so.

use std::collections::BTreeMap;

use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::port::registry::{Manifest, RegistryError};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::statement::Statement;
use chancery_format::oci::{prepare, statement};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::statement::Prepared;

/// Checks every statement that claims this depth. For formats whose bytes never come here, none may.
pub async fn check(gateway: &Gateway, prepared: &[Prepared]) -> Result<(), Failure> {
    let mut fetched: BTreeMap<(String, Sha256), Manifest> = BTreeMap::new();
    for Prepared { statement, .. } in prepared {
        if statement.depth != Depth::Artifact {
            continue;
        }
        if statement.format != FormatName::Oci {
            let what = format!("no artifact of format `{}` comes here", statement.format);
            return Err(invalid(what).because("depth artifact", "depth structured").into());
        }
        let body = statement::parse(statement).map_err(|error| invalid(error.to_string()))?;
        let key = (body.repository.to_string(), statement.artifact.digest);
        if !fetched.contains_key(&key) {
            let reference = format!("sha256:{}", key.1);
            let manifest = gateway.parts.registry.manifest(&key.0, &reference).await.map_err(unfetched)?;
            fetched.insert(key.clone(), manifest);
        }
        let Some(manifest) = fetched.get(&key) else { continue };
        let own = prepare::read(&manifest.bytes, body.repository, &manifest.media_type)
            .map_err(|error| invalid(error.to_string()))?
            .statement(body.content, Depth::Artifact);
        if own != *statement {
            let shown = |one: &Statement| format!("{} bytes, {}", one.artifact.size, one.body);
            let refusal = invalid("the manifest is not what the statement says of it");
            return Err(refusal.because(shown(statement), shown(&own)).into());
        }
    }
    Ok(())
}

fn invalid(what: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::StatementInvalid, what)
}

fn unfetched(error: RegistryError) -> Failure {
    match error {
        RegistryError::Unavailable(why) => Failure::Temporary(why),
        RegistryError::Another { .. }
        | RegistryError::Denied(_)
        | RegistryError::Invalid(_)
        | RegistryError::NotAllowed(_)
        | RegistryError::NotFound(_) => {
            let refusal = invalid("this service cannot fetch what it shall sign");
            let hint = "name the registry and its credentials in the service's configuration: [[registries]]";
            refusal.because(error.to_string(), "the manifest, by its digest").hint(hint).into()
        }
    }
}
