//! One realistic token of each CI becomes the claims that Fulcio would put into a certificate.

use chancery_core::caller::Caller;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_identity::audience::Audience;
use chancery_identity::authenticate::{Expectation, authenticate};
use chancery_identity::dev_issuer::DevKey;
use chancery_identity::issuers_toml;
use chancery_identity::jwk::KeySet;
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;

/// Authenticates claims as the given registration's issuer would have signed them.
fn caller(url: &str, registration: &str, mut claims: Value) -> Result<Caller, Refusal> {
    let key = DevKey::generate().unwrap();
    let text = format!(
        "[issuer.ci]\nurl = \"{url}\"\nalgorithms = [\"ES256\"]\naudience = [\"fixed\"]\n{registration}"
    );
    let issuers = issuers_toml::load(&text).unwrap();
    let keys = KeySet::parse(issuers.find(url).unwrap(), &key.jwks()).unwrap();
    for (name, value) in [
        ("iss", json!(url)),
        ("aud", json!("chancery:sign.example")),
        ("iat", json!(NOW)),
        ("exp", json!(NOW + 300)),
    ] {
        claims[name] = value;
    }
    let token = key.sign(&claims).unwrap();
    let expected = Expectation {
        audience_host: "sign.example",
        audience: Audience::Ours,
        request: None,
        kind: None,
        now: Time::from_seconds(NOW),
    };
    authenticate(&token, &issuers, &keys, &expected)
}

fn check(found: &Caller, expected: &[(&str, &str)]) {
    assert_eq!(found.claims.normalised(), expected);
}

fn github_claims() -> Value {
    json!({
        "jti": "f0b1c2d3-0000-4000-8000-000000000001",
        "sub": "repo:acme@7/app@42:environment:production", "environment": "production",
        "ref": "refs/tags/v1.2.0", "sha": "b5d1f2c3a4958677ff00112233445566778899aa", "repository": "acme/app",
        "repository_owner": "acme", "repository_owner_id": "7", "run_id": "9034563247", "run_number": "17",
        "run_attempt": "2", "repository_visibility": "private", "repository_id": "42", "actor_id": "12",
        "actor": "alice", "workflow": "Release", "head_ref": "", "base_ref": "", "event_name": "push",
        "ref_protected": "true", "ref_type": "tag",
        "workflow_ref": "acme/app/.github/workflows/release.yml@refs/tags/v1.2.0",
        "workflow_sha": "b5d1f2c3a4958677ff00112233445566778899aa",
        "job_workflow_ref": "acme/workflows/.github/workflows/build.yml@refs/heads/main",
        "job_workflow_sha": "c0ffee0000000000000000000000000000000000",
        "runner_environment": "github-hosted", "enterprise": "acme-inc", "enterprise_id": "3",
    })
}

#[test]
fn github() {
    let url = "https://token.actions.githubusercontent.com";
    let found = caller(url, "dialect = \"github\"\n", github_claims()).unwrap();
    check(
        &found,
        &[
            ("issuer", url),
            ("subject", "repo:acme@7/app@42:environment:production"),
            (
                "build_signer_uri",
                "https://github.com/acme/workflows/.github/workflows/build.yml@refs/heads/main",
            ),
            ("build_signer_digest", "c0ffee0000000000000000000000000000000000"),
            ("runner_environment", "github-hosted"),
            ("source_repository_uri", "https://github.com/acme/app"),
            ("source_repository_digest", "b5d1f2c3a4958677ff00112233445566778899aa"),
            ("source_repository_ref", "refs/tags/v1.2.0"),
            ("source_repository_identifier", "42"),
            ("source_repository_owner_uri", "https://github.com/acme"),
            ("source_repository_owner_identifier", "7"),
            (
                "build_config_uri",
                "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.0",
            ),
            ("build_config_digest", "b5d1f2c3a4958677ff00112233445566778899aa"),
            ("build_trigger", "push"),
            ("run_invocation_uri", "https://github.com/acme/app/actions/runs/9034563247/attempts/2"),
            ("source_repository_visibility", "private"),
            ("deployment_environment", "production"),
        ],
    );
    assert_eq!(found.claims.find("ref_protected"), Some("true"));
    assert_eq!(found.claims.find("enterprise_id"), Some("3"));
    assert_eq!(found.claims.find("iat"), Some("1800000000"));
}

#[test]
fn github_elsewhere() {
    let of = |url: &str, more: &str| {
        let found = caller(url, &format!("dialect = \"github\"\n{more}"), github_claims()).unwrap();
        found.claims.source_repository_uri.unwrap()
    };
    assert_eq!(of("https://ghes.example/_services/token", ""), "https://ghes.example/acme/app");
    assert_eq!(of("https://token.actions.githubusercontent.com/acme-inc", ""), "https://github.com/acme/app");
    let tenant = "https://token.actions.acme.ghe.com";
    assert_eq!(of(tenant, "base_url = \"https://acme.ghe.com\"\n"), "https://acme.ghe.com/acme/app");
}

fn gitlab_claims() -> Value {
    json!({
        "jti": "c82eeb0c-5c6f-4a33-abf5-4c474b92b558", "nbf": NOW - 5, "sub": "project_path:acme/app:ref_type:branch:ref:main",
        "namespace_id": "72", "namespace_path": "acme", "project_id": "20", "project_path": "acme/app",
        "user_id": "1", "user_login": "alice", "pipeline_id": "574", "pipeline_source": "push", "job_id": "302",
        "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/evil", "ref_protected": "true",
        "groups_direct": ["acme", "acme/ops"], "environment": "production", "environment_protected": "true",
        "deployment_tier": "production", "runner_id": 1, "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc", "project_visibility": "internal",
        "ci_config_ref_uri": "gitlab.example/acme/app//.gitlab-ci.yml@refs/heads/main",
        "ci_config_sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
    })
}

#[test]
fn gitlab() {
    let url = "https://gitlab.example";
    let found = caller(url, "dialect = \"gitlab\"\n", gitlab_claims()).unwrap();
    let config = "https://gitlab.example/acme/app//.gitlab-ci.yml@refs/heads/main";
    check(
        &found,
        &[
            ("issuer", url),
            ("subject", "project_path:acme/app:ref_type:branch:ref:main"),
            ("build_signer_uri", config),
            ("build_signer_digest", "714a629c0b401fdce83e847fc9589983fc6f46bc"),
            ("runner_environment", "self-hosted"),
            ("source_repository_uri", "https://gitlab.example/acme/app"),
            ("source_repository_digest", "714a629c0b401fdce83e847fc9589983fc6f46bc"),
            ("source_repository_ref", "refs/heads/main"),
            ("source_repository_identifier", "20"),
            ("source_repository_owner_uri", "https://gitlab.example/acme"),
            ("source_repository_owner_identifier", "72"),
            ("build_config_uri", config),
            ("build_config_digest", "714a629c0b401fdce83e847fc9589983fc6f46bc"),
            ("build_trigger", "push"),
            ("run_invocation_uri", "https://gitlab.example/acme/app/-/jobs/302"),
            ("source_repository_visibility", "internal"),
            ("deployment_environment", "production"),
        ],
    );
    assert_eq!(found.claims.find("runner_id"), Some("1"));
    assert_eq!(found.claims.find("groups_direct"), None, "lists are left out");
    for (kind, expected) in [("tag", Some("refs/tags/main")), ("merge_request", None), ("", None)] {
        let mut claims = gitlab_claims();
        claims["ref_type"] = json!(kind);
        let found = caller(url, "dialect = \"gitlab\"\n", claims).unwrap();
        assert_eq!(found.claims.source_repository_ref.as_deref(), expected, "{kind}");
    }
}

#[test]
fn buildkite() {
    let url = "https://agent.buildkite.com";
    let mut claims = json!({
        "sub": "organization:acme:pipeline:app:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:build",
        "nbf": NOW, "organization_slug": "acme", "pipeline_slug": "app", "build_number": 1,
        "organization_id": "018f6c9e-0000-4000-8000-000000000001", "pipeline_id": "018f6c9e-0000-4000-8000-000000000002",
        "build_branch": "main", "build_commit": "9f3182061f1e2cca4702c368cbc039b7dc9d4485", "build_source": "webhook",
        "step_key": "build", "job_id": "0184990a-477b-4fa8-9968-496074483cee",
        "agent_id": "0184990a-4782-42b5-afc1-16715b10b8ff", "runner_environment": "buildkite-hosted",
    });
    let found = caller(url, "dialect = \"buildkite\"\n", claims.clone()).unwrap();
    check(
        &found,
        &[
            ("issuer", url),
            (
                "subject",
                "organization:acme:pipeline:app:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:build",
            ),
            ("build_signer_uri", "https://buildkite.com/acme/app"),
            ("runner_environment", "buildkite-hosted"),
            ("source_repository_digest", "9f3182061f1e2cca4702c368cbc039b7dc9d4485"),
            ("source_repository_ref", "refs/heads/main"),
            ("source_repository_identifier", "018f6c9e-0000-4000-8000-000000000002"),
            ("source_repository_owner_identifier", "018f6c9e-0000-4000-8000-000000000001"),
            ("build_trigger", "webhook"),
            (
                "run_invocation_uri",
                "https://buildkite.com/acme/app/builds/1#0184990a-477b-4fa8-9968-496074483cee",
            ),
        ],
    );
    assert_eq!(found.claims.find("pipeline_id"), Some("018f6c9e-0000-4000-8000-000000000002"));
    claims["build_tag"] = json!("v1");
    let found = caller(url, "dialect = \"buildkite\"\n", claims).unwrap();
    assert_eq!(found.claims.source_repository_ref.as_deref(), Some("refs/tags/v1"));
}

#[test]
fn circleci() {
    let url = "https://oidc.circleci.com/org/0c2d7ef4-0000-4000-8000-000000000000";
    let mut claims = json!({
        "sub": "org/0c2d7ef4/project/11aa/user/22bb/vcs-origin/github.com/acme/app/vcs-ref/refs/heads/main",
        "oidc.circleci.com/project-id": "11aa", "oidc.circleci.com/context-ids": ["c1"],
        "oidc.circleci.com/vcs-origin": "github.com/acme/app", "oidc.circleci.com/vcs-ref": "refs/heads/main",
        "oidc.circleci.com/ssh-rerun": false, "oidc.circleci.com/org-id": "0c2d7ef4-0000-4000-8000-000000000000",
        "oidc.circleci.com/pipeline-id": "33cc", "oidc.circleci.com/pipeline-definition-id": "44dd",
        "oidc.circleci.com/workflow-id": "55ee", "oidc.circleci.com/job-id": "66ff",
    });
    let found = caller(url, "dialect = \"circleci\"\n", claims.clone()).unwrap();
    check(
        &found,
        &[
            ("issuer", url),
            (
                "subject",
                "org/0c2d7ef4/project/11aa/user/22bb/vcs-origin/github.com/acme/app/vcs-ref/refs/heads/main",
            ),
            ("build_signer_uri", "https://circleci.com/api/v2/projects/11aa/pipeline-definitions/44dd"),
            ("source_repository_uri", "https://github.com/acme/app"),
            ("source_repository_ref", "refs/heads/main"),
            ("source_repository_identifier", "11aa"),
            ("source_repository_owner_identifier", "0c2d7ef4-0000-4000-8000-000000000000"),
            ("build_config_uri", "https://circleci.com/api/v2/pipeline/33cc/config"),
            ("run_invocation_uri", "https://app.circleci.com/workflow/55ee/job/66ff"),
        ],
    );
    for rerun in [json!(true), json!("true"), json!(1)] {
        claims["oidc.circleci.com/ssh-rerun"] = rerun;
        let refusal = caller(url, "dialect = \"circleci\"\n", claims.clone()).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::CallerKind);
    }
}

#[test]
fn generic_by_mapping() {
    let url = "https://kubernetes.example";
    let registration = "dialect = \"generic\"\n[issuer.ci.claims]\n\
        source_repository_identifier = \"kubernetes.io/namespace\"\n\
        build_signer_uri = \"sub\"\ndeployment_environment = \"absent\"\n";
    let claims = json!({
        "sub": "system:serviceaccount:release:signer",
        "kubernetes.io": {"namespace": "release", "serviceaccount": {"name": "signer", "uid": "u-1"}},
    });
    let found = caller(url, registration, claims).unwrap();
    check(
        &found,
        &[
            ("issuer", url),
            ("subject", "system:serviceaccount:release:signer"),
            ("build_signer_uri", "system:serviceaccount:release:signer"),
            ("source_repository_identifier", "release"),
        ],
    );
    assert_eq!(found.claims.find("kubernetes.io/serviceaccount/uid"), Some("u-1"));
}
