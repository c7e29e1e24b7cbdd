//! Tests of the provenance: the two mappings byte for byte, and the strict reader.

use super::*;
use chancery_core::digest::Sha256;
use chancery_core::{artifact::Artifact, depth::Depth, family::Family, format::FormatName};

fn statement() -> Statement {
    Statement {
        artifact: Artifact { name: "app.bin".into(), digest: Sha256::of(b"hello\n"), size: 6 },
        body: json!({}),
        depth: Depth::Structured,
        family: Family::ProvenanceDsse,
        format: FormatName::Sigstore,
    }
}

fn github() -> Claims {
    let signer = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
    let raw = [
        ("repository", "acme/app"),
        ("workflow_ref", "acme/app/.github/workflows/release.yml@refs/heads/main"),
        ("job_workflow_ref", "acme/app/.github/workflows/release.yml@refs/heads/main"),
    ];
    Claims {
        issuer: "https://token.actions.githubusercontent.com".into(),
        build_signer_uri: Some(signer.into()),
        runner_environment: Some("github-hosted".into()),
        source_repository_uri: Some("https://github.com/acme/app".into()),
        source_repository_digest: Some("5f3c2e1".into()),
        source_repository_ref: Some("refs/heads/main".into()),
        source_repository_identifier: Some("1".into()),
        source_repository_owner_identifier: Some("2".into()),
        build_trigger: Some("push".into()),
        run_invocation_uri: Some("https://github.com/acme/app/actions/runs/7/attempts/1".into()),
        raw: raw.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..Claims::default()
    }
}

fn built(claims: &Claims) -> String {
    let profile = ProfileName::parse("acme-release").unwrap();
    let facts = Facts { claims, profile: &profile, service: "https://sign.example" };
    String::from_utf8(build(&statement(), "app.bin", &facts).unwrap()).unwrap()
}

#[test]
fn a_github_run_maps_as_github_publishes_it() {
    let expected = concat!(
        r#"{"_type":"https://in-toto.io/Statement/v1","predicate":{"buildDefinition":{"#,
        r#""buildType":"https://actions.github.io/buildtypes/workflow/v1","externalParameters":{"workflow":{"#,
        r#""path":".github/workflows/release.yml","ref":"refs/heads/main","repository":"https://github.com/acme/app"}},"#,
        r#""internalParameters":{"github":{"event_name":"push","repository_id":"1","repository_owner_id":"2","#,
        r#""runner_environment":"github-hosted"}},"resolvedDependencies":[{"digest":{"gitCommit":"5f3c2e1"},"#,
        r#""uri":"git+https://github.com/acme/app@refs/heads/main"}]},"runDetails":{"builder":{"#,
        r#""id":"https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"},"metadata":{"#,
        r#""chancery_absent":["startedOn","workflow inputs"],"chancery_depth":"structured","chancery_profile":"acme-release","#,
        r#""invocationId":"https://github.com/acme/app/actions/runs/7/attempts/1"}}},"#,
        r#""predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"#,
        r#""sha256":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"},"name":"app.bin"}]}"#
    );
    assert_eq!(built(&github()), expected);
}

#[test]
fn any_other_issuer_maps_by_normalised_names() {
    let claims = Claims {
        issuer: "https://gitlab.example".into(),
        source_repository_uri: Some("https://gitlab.example/acme/app".into()),
        ..Claims::default()
    };
    let value: Value = serde_json::from_str(&built(&claims)).unwrap();
    let definition = &value["predicate"]["buildDefinition"];
    assert_eq!(definition["buildType"], "https://sign.example/buildtypes/workload/v1");
    assert_eq!(definition["resolvedDependencies"], json!([]));
    assert_eq!(definition["internalParameters"], json!({"issuer": "https://gitlab.example"}));
    assert_eq!(value["predicate"]["runDetails"]["builder"]["id"], "https://gitlab.example");
}

fn run_of(raw: &[(&str, &str)], change: impl FnOnce(&mut Claims)) -> Value {
    let raw = raw.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut claims = Claims {
        issuer: "https://ci.example".into(),
        build_signer_uri: Some("https://ci.example/signer".into()),
        source_repository_uri: Some("https://git.example/acme/app".into()),
        source_repository_digest: Some("5f3c2e1".into()),
        source_repository_ref: Some("refs/heads/main".into()),
        raw,
        ..Claims::default()
    };
    change(&mut claims);
    serde_json::from_str::<Value>(&built(&claims)).unwrap()["predicate"].clone()
}

#[test]
fn every_ci_has_its_build_type_and_says_what_its_token_leaves_out() {
    let source = json!({"ref": "refs/heads/main", "repository": "https://git.example/acme/app"});
    let gitlab = run_of(
        &[
            ("ci_config_ref_uri", "g/.yml@r"),
            ("project_path", "acme/app"),
            ("pipeline_id", "9"),
            ("job_id", "11"),
        ],
        |claims| claims.build_config_uri = Some("https://g/.yml@r".into()),
    );
    assert_eq!(
        gitlab["buildDefinition"],
        json!({
            "buildType": "https://sign.example/buildtypes/gitlab-job/v1",
            "externalParameters": {"job": {"config": "https://g/.yml@r"}, "source": source},
            "internalParameters": {"gitlab": {"job_id": "11", "pipeline_id": "9"}},
            "resolvedDependencies": [
                {"digest": {"gitCommit": "5f3c2e1"}, "uri": "git+https://git.example/acme/app@refs/heads/main"},
            ],
        })
    );
    assert_eq!(gitlab["runDetails"]["metadata"]["chancery_absent"], json!(["job variables", "startedOn"]));
    let buildkite = run_of(
        &[
            ("organization_slug", "acme"),
            ("pipeline_slug", "app"),
            ("build_number", "17"),
            ("step_key", "build"),
        ],
        |claims| claims.source_repository_uri = None,
    );
    assert_eq!(
        buildkite["buildDefinition"]["externalParameters"],
        json!({
            "job": {"pipeline": "https://ci.example/signer", "step": "build"},
            "source": {"ref": "refs/heads/main"},
        })
    );
    assert_eq!(
        buildkite["buildDefinition"]["internalParameters"],
        json!({"buildkite": {"build_number": "17"}})
    );
    let circleci =
        run_of(&[("oidc.circleci.com/project-id", "p"), ("oidc.circleci.com/job-id", "j")], |claims| {
            claims.source_repository_digest = None
        });
    let definition = &circleci["buildDefinition"];
    assert_eq!(definition["buildType"], "https://sign.example/buildtypes/circleci-job/v1");
    assert_eq!(definition["internalParameters"], json!({"circleci": {"job_id": "j", "project_id": "p"}}));
    assert_eq!(definition["resolvedDependencies"], json!([]));
    assert_eq!(
        circleci["runDetails"]["metadata"]["chancery_absent"],
        json!(["commit", "pipeline parameters", "startedOn"])
    );
}

#[test]
fn names_of_build_types_are_distinct_and_what_is_absent_is_sorted() {
    use super::build_type::BuildType;
    let names: std::collections::BTreeSet<&str> = BuildType::ALL.iter().map(|build| build.name()).collect();
    assert_eq!(names.len(), BuildType::ALL.len());
    for build in BuildType::ALL {
        assert!(build.absent().is_sorted() && build.absent().contains(&"startedOn"), "{build:?}");
    }
}

#[test]
fn a_workflow_of_another_repository_is_not_a_github_run() {
    let mut claims = github();
    claims.raw.insert("workflow_ref".into(), "evil/app/.github/workflows/release.yml@refs/heads/main".into());
    assert!(built(&claims).contains("https://sign.example/buildtypes/workload/v1"));
}

#[test]
fn reads_back_what_it_builds_and_refuses_second_readings() {
    let text = built(&github());
    let read = parse(text.as_bytes()).unwrap();
    assert_eq!(read.predicate_type, PREDICATE_TYPE);
    assert_eq!(read.subjects, [Subject { name: Some("app.bin".into()), digest: Sha256::of(b"hello\n") }]);
    let refused = [
        text.replace("Statement/v1", "Statement/v2"),
        text.replace(r#""predicateType""#, r#""predicateType":"x","predicateType""#),
        text.replace(r#""subject""#, r#""extra":1,"subject""#),
        text.replace(r#""sha256""#, r#""sha1":"00","sha256""#),
        text.replace("5891b5b5", "5891B5B5"),
        text.replace(
            r#"{"sha256":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}"#,
            r#"["5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"]"#,
        ),
        format!("{text}x"),
        text.chars().take(text.len() - 1).collect(),
        r#"{"_type":"https://in-toto.io/Statement/v1","predicate":{},"predicateType":"x","subject":[]}"#
            .into(),
    ];
    for bad in refused {
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
}
