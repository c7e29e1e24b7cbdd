//! Any other issuer: its claims are mapped by `issuers.toml`, and what is not mapped is only in the raw claims.

use std::collections::BTreeMap;

use chancery_core::claims::Claims;

use super::Source;

pub(super) fn normalise(source: &Source, mapping: &BTreeMap<String, String>) -> Claims {
    source.claims(|source, claims| {
        for (name, claim) in mapping {
            if let Some(slot) = slot(claims, name) {
                *slot = source.text(claim);
            }
        }
    })
}

fn slot<'a>(claims: &'a mut Claims, name: &str) -> Option<&'a mut Option<String>> {
    Some(match name {
        "build_signer_uri" => &mut claims.build_signer_uri,
        "build_signer_digest" => &mut claims.build_signer_digest,
        "runner_environment" => &mut claims.runner_environment,
        "source_repository_uri" => &mut claims.source_repository_uri,
        "source_repository_digest" => &mut claims.source_repository_digest,
        "source_repository_ref" => &mut claims.source_repository_ref,
        "source_repository_identifier" => &mut claims.source_repository_identifier,
        "source_repository_owner_uri" => &mut claims.source_repository_owner_uri,
        "source_repository_owner_identifier" => &mut claims.source_repository_owner_identifier,
        "build_config_uri" => &mut claims.build_config_uri,
        "build_config_digest" => &mut claims.build_config_digest,
        "build_trigger" => &mut claims.build_trigger,
        "run_invocation_uri" => &mut claims.run_invocation_uri,
        "source_repository_visibility" => &mut claims.source_repository_visibility,
        "deployment_environment" => &mut claims.deployment_environment,
        _ => return None,
    })
}
