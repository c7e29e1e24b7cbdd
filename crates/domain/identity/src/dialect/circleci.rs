//! CircleCI. Names as in Fulcio's template for CircleCI jobs.
//!
//! ```json
//! {"iss":"https://oidc.circleci.com/org/<uuid>","sub":"org/<uuid>/project/<uuid>/user/<uuid>",
//!  "oidc.circleci.com/project-id":"<uuid>","oidc.circleci.com/vcs-origin":"github.com/acme/app",
//!  "oidc.circleci.com/vcs-ref":"refs/heads/main","oidc.circleci.com/ssh-rerun":false,
//!  "oidc.circleci.com/pipeline-id":"<uuid>","oidc.circleci.com/pipeline-definition-id":"<uuid>",
//!  "oidc.circleci.com/workflow-id":"<uuid>","oidc.circleci.com/job-id":"<uuid>"}
//! ```
//!
//! There is no commit in these tokens, so `.13` stays empty. Forks have the parent's project: grants must compare
//! `source_repository_uri` (the `vcs-origin`) too.

use chancery_core::claims::Claims;
use chancery_core::refusal::{Refusal, RefusalCode};

use super::{Source, source};

/// The claims that are read; each is text.
pub(super) const NAMED: [&str; 8] = [
    "oidc.circleci.com/project-id",
    "oidc.circleci.com/vcs-origin",
    "oidc.circleci.com/vcs-ref",
    "oidc.circleci.com/org-id",
    "oidc.circleci.com/pipeline-id",
    "oidc.circleci.com/pipeline-definition-id",
    "oidc.circleci.com/workflow-id",
    "oidc.circleci.com/job-id",
];

const API: &str = "https://circleci.com/api/v2";

/// A job that was re-run with SSH has a person inside, who can take the token: refused with CH3007.
pub(super) fn normalise(source: &Source) -> Result<Claims, Refusal> {
    let claim = |name: &str| source.text(&format!("oidc.circleci.com/{name}"));
    check_rerun(source)?;
    check_organisation(source, claim("org-id").as_deref())?;
    Ok(source.claims(|source, claims| {
        claims.build_signer_uri = definition(&claim);
        claims.source_repository_uri = claim("vcs-origin").map(|origin| format!("https://{origin}"));
        claims.source_repository_ref = claim("vcs-ref");
        claims.source_repository_identifier = claim("project-id");
        claims.source_repository_owner_identifier = claim("org-id");
        claims.build_config_uri = claim("pipeline-id").map(|id| format!("{API}/pipeline/{id}/config"));
        claims.run_invocation_uri = run(source, &claim);
    }))
}

/// Whatever is said of `ssh-rerun` but `false` counts as a re-run, of any type.
fn check_rerun(source: &Source) -> Result<(), Refusal> {
    const RERUN: &str = "oidc.circleci.com/ssh-rerun";
    let text = source.text(RERUN);
    let is_list = text.is_none() && source.other(RERUN).is_some();
    if is_list || text.is_some_and(|rerun| rerun != "false") {
        return Err(Refusal::new(RefusalCode::CallerKind, "job was re-run with ssh access")
            .because("ssh-rerun = true", "ssh-rerun = false")
            .hint("run the job again without ssh"));
    }
    Ok(())
}

/// Each organisation is an issuer of its own: `https://oidc.circleci.com/org/<uuid>`.
fn check_organisation(source: &Source, organisation: Option<&str>) -> Result<(), Refusal> {
    let (Some(claimed), Some((_, issuing))) = (organisation, source.issuer().rsplit_once("/org/")) else {
        return Ok(());
    };
    if claimed != issuing {
        let what = "claim `oidc.circleci.com/org-id` is not the organisation of the issuer";
        return Err(source::refuse(what).because(claimed, issuing));
    }
    Ok(())
}

fn definition(claim: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (project, definition) = (claim("project-id")?, claim("pipeline-definition-id")?);
    Some(format!("{API}/projects/{project}/pipeline-definitions/{definition}"))
}

fn run(source: &Source, claim: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (workflow, job) = (claim("workflow-id")?, claim("job-id")?);
    Some(format!("{}/workflow/{workflow}/job/{job}", source.base_url()))
}
