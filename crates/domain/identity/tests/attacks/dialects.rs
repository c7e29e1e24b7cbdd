//! What a job of another repository, branch or event can truly claim, against a strict grant: honest tokens that the
//! identity must not turn into a caller that the policy takes for another.

use std::collections::BTreeMap;

use chancery_core::artifact::Artifact;
use chancery_core::decision::Decision;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::ProfileName;
use chancery_core::refusal::Refusal;
use chancery_core::time::Time;
use chancery_identity::audience::bound;
use chancery_identity::authenticate::authenticate;
use chancery_identity::issuers_toml;
use chancery_identity::jwk::KeySet;
use chancery_policy::decide::decide;
use chancery_policy::documents::Documents;
use chancery_policy::facts::Facts;
use chancery_policy::limit::Counts;
use chancery_policy::policy::Policy;
use chancery_policy::standing::Standing;
use serde_json::{Value, json};

use crate::forge::{Forge, HOST, NOW, expectation, registration, request};
use crate::table::Table;

/// A CI with its honest token and the grant that is meant for it.
struct World<'a> {
    forge: &'a Forge,
    dialect: &'static str,
    url: &'static str,
    honest: Value,
    policy: Policy,
}

impl<'a> World<'a> {
    fn new(forge: &'a Forge, dialect: &'static str, url: &'static str, honest: Value, grant: &str) -> Self {
        let runners = if dialect == "buildkite" { "runners = \"self-hosted\"\n" } else { "" };
        let profile = format!(
            "environment = \"production\"\nowner = \"o\"\npurpose = \"p\"\ntimestamp = \"none\"\n\
             {runners}[keys]\n\
             message = \"m\"\n[formats.sigstore]\nfamilies = [\"message\"]\n[[limits]]\ncount = 100\n\
             window = \"10m\"\n[[grants]]\nname = \"release\"\nissuer = \"forge\"\n[grants.claims]\n{grant}"
        );
        let mut files = BTreeMap::from([("profiles/release.toml".to_owned(), profile)]);
        for event in ["pull_request_target", "workflow_run", "issue_comment"] {
            let text = format!(
                "@id(\"no-{event}\")\n@reason(\"runs a stranger's code\")\nforbid (principal, action, resource)\n\
                 when {{ context.claims has build_trigger && context.claims.build_trigger == \"{event}\" }};"
            );
            files.insert(format!("guardrails/{event}.cedar"), text);
        }
        let policy = Policy::load(&Documents::new(files).unwrap()).unwrap();
        Self { forge, dialect, url, honest, policy }
    }
    /// Authenticates and decides, with the given claims changed; `Null` takes one away.
    fn ask(&self, changes: Value) -> Result<(), Refusal> {
        let mut claims = self.honest.clone();
        for (name, value) in [
            ("iss", json!(self.url)),
            ("aud", json!(bound(HOST, request()))),
            ("iat", json!(NOW)),
            ("exp", json!(NOW + 300)),
        ] {
            claims[name] = value;
        }
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                drop(claims.as_object_mut().unwrap().remove(name));
            } else {
                claims[name] = value.clone();
            }
        }
        let text = registration("")
            .replace("\"github\"", &format!("\"{}\"", self.dialect))
            .replace("https://issuer.example", self.url);
        let issuers = issuers_toml::load(&text).unwrap();
        let keys = KeySet::parse(issuers.find(self.url).unwrap(), &self.forge.jwks().to_string()).unwrap();
        let token = self.forge.payload(&claims.to_string());
        let caller = authenticate(&token, &issuers, &keys, &expectation())?;
        let profile = ProfileName::parse("release").unwrap();
        let artifact = Artifact { name: "app".to_owned(), digest: Sha256::of(b"app"), size: 3 };
        let counts = Counts::zero(self.policy.profile(&profile).unwrap().limits());
        let facts = Facts {
            profile: &profile,
            caller: &caller,
            format: FormatName::Sigstore,
            family: Family::Message,
            depth: Depth::Structured,
            artifact: &artifact,
            predicate: None,
            time: Time::from_seconds(NOW),
            counts: &counts,
            standing: &Standing::default(),
        };
        match decide(&self.policy, &facts) {
            Decision::Allowed(_) | Decision::Pending { .. } => Ok(()),
            Decision::Refused(refusal) => Err(refusal),
        }
    }
    fn lines<const N: usize>(&self, table: &mut Table, lines: [(&str, Value, &'static str, &str); N]) {
        table.honest(format!("{}: a release", self.dialect), self.ask(json!({})));
        for (name, changes, code, reason) in lines {
            table.attack(format!("{}: {name}", self.dialect), self.ask(changes), code, reason);
        }
    }
}

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    github(forge, &mut table);
    gitlab(forge, &mut table);
    buildkite(forge, &mut table);
    circleci(forge, &mut table);
    generic(forge, &mut table);
    table
}

fn github(forge: &Forge, table: &mut Table) {
    let workflow = "acme/workflows/.github/workflows/build.yml@refs/heads/main";
    let honest = json!({
        "sub": "repo:acme/app:environment:production", "repository": "acme/app", "repository_id": "42",
        "repository_owner": "acme", "repository_owner_id": "7", "ref": "refs/tags/v1", "ref_type": "tag",
        "sha": "0123456789abcdef0123456789abcdef01234567", "event_name": "push", "run_id": "5",
        "run_attempt": "1", "runner_environment": "github-hosted", "environment": "production",
        "job_workflow_ref": workflow, "workflow_ref": "acme/app/.github/workflows/release.yml@refs/tags/v1",
        "repository_visibility": "private", "actor": "alice", "head_ref": "", "base_ref": "",
    });
    let grant = format!(
        "source_repository_identifier = \"42\"\nsource_repository_owner_identifier = \"7\"\n\
         source_repository_ref = \"refs/tags/v*\"\nbuild_trigger = \"push\"\n\
         runner_environment = \"github-hosted\"\ndeployment_environment = \"production\"\n\
         build_signer_uri = \"https://issuer.example/{workflow}\"\n"
    );
    let world = World::new(forge, "github", "https://issuer.example", honest, &grant);
    github_repositories(&world, table);
    github_runs(&world, table);
}

fn github_repositories(world: &World<'_>, table: &mut Table) {
    const STRANGER: &str = "no grant of profile `release` names this caller";
    world.lines(
        table,
        [
            ("a fork", json!({"repository": "evil/app", "repository_owner": "evil", "repository_id": "43", "repository_owner_id": "8"}), "CH4002", STRANGER),
            ("the name taken over after a rename", json!({"repository_id": "43"}), "CH4002", STRANGER),
            ("the owner's name taken over", json!({"repository_owner_id": "8"}), "CH4012", "hold: source_repository_owner_identifier (8)"),
            ("no immutable id", json!({"repository_id": null}), "CH4002", STRANGER),
            ("an empty immutable id", json!({"repository_id": ""}), "CH4002", STRANGER),
            ("an id with a zero before it", json!({"repository_id": "042"}), "CH4002", STRANGER),
            ("an id with a space", json!({"repository_id": "42 "}), "CH4002", STRANGER),
            ("an id in other digits", json!({"repository_id": "\u{664}\u{662}"}), "CH4002", STRANGER),
            ("a claim with the normalised name", json!({"repository_id": null, "source_repository_identifier": "42"}), "CH4002", STRANGER),
            ("an id below another name", json!({"repository_id": null, "x": {"repository_id": "42"}}), "CH4002", STRANGER),
            ("the subject of another format", json!({"repository_id": "43", "sub": "repo:acme@7/app@42:ref:refs/tags/v1"}), "CH4002", STRANGER),
            ("another owner in the name", json!({"repository": "evil/app"}), "CH3001", "claims `repository` and `repository_owner` contradict"),
            ("a path in the name", json!({"repository": "acme/app/../evil"}), "CH3001", "claims `repository` and `repository_owner` contradict"),
            ("a name without an owner", json!({"repository": "app"}), "CH3001", "claims `repository` and `repository_owner` contradict"),
        ],
    );
}

fn github_runs(world: &World<'_>, table: &mut Table) {
    const REF: &str = "hold: source_repository_ref";
    const SIGNER: &str = "hold: build_signer_uri";
    const CONTRADICT: &str = "claims `ref` and `ref_type` contradict each other";
    let own = "acme/app/.github/workflows/build.yml@refs/heads/main";
    world.lines(
        table,
        [
            ("pull_request_target", json!({"event_name": "pull_request_target"}), "CH4013", "guardrail `no-pull_request_target`"),
            ("workflow_run", json!({"event_name": "workflow_run"}), "CH4013", "guardrail `no-workflow_run`"),
            ("issue_comment", json!({"event_name": "issue_comment"}), "CH4013", "guardrail `no-issue_comment`"),
            ("pull_request of a fork", json!({"event_name": "pull_request", "ref": "refs/pull/9/merge", "ref_type": "branch"}), "CH4012", "hold: "),
            ("by hand", json!({"event_name": "workflow_dispatch"}), "CH4012", "hold: build_trigger (workflow_dispatch)"),
            ("by a schedule", json!({"event_name": "schedule"}), "CH4012", "hold: build_trigger (schedule)"),
            ("an event in capitals", json!({"event_name": "PUSH"}), "CH4012", "hold: build_trigger (PUSH)"),
            ("no event", json!({"event_name": null}), "CH4012", "hold: build_trigger"),
            ("a branch", json!({"ref": "refs/heads/main", "ref_type": "branch"}), "CH4012", REF),
            ("a branch named like a tag", json!({"ref": "refs/heads/refs/tags/v1", "ref_type": "branch"}), "CH4012", REF),
            ("a branch named v1", json!({"ref": "refs/heads/v1", "ref_type": "branch"}), "CH4012", REF),
            ("a bare ref", json!({"ref": "v1"}), "CH4012", REF),
            ("a tag in capitals", json!({"ref": "refs/Tags/v1"}), "CH4012", REF),
            ("no ref", json!({"ref": null}), "CH4012", REF),
            ("head_ref for ref", json!({"ref": "refs/pull/9/merge", "ref_type": "branch", "head_ref": "refs/tags/v1"}), "CH4012", REF),
            ("a tag that says branch", json!({"ref_type": "branch"}), "CH3001", CONTRADICT),
            ("a branch that says tag", json!({"ref": "refs/heads/main"}), "CH3001", CONTRADICT),
            ("its own runner", json!({"runner_environment": "self-hosted"}), "CH4012", "hold: runner_environment (self-hosted)"),
            ("no runner", json!({"runner_environment": null}), "CH4012", "hold: runner_environment"),
            ("no environment", json!({"environment": null}), "CH4012", "hold: deployment_environment"),
            ("an empty environment", json!({"environment": ""}), "CH4012", "hold: deployment_environment"),
            ("another environment", json!({"environment": "Production"}), "CH4012", "hold: deployment_environment (Production)"),
            ("an environment with a space", json!({"environment": "production "}), "CH4012", "hold: deployment_environment"),
            ("its own workflow, no reusable one", json!({"job_workflow_ref": own}), "CH4012", SIGNER),
            ("the reusable workflow of a branch", json!({"job_workflow_ref": "acme/workflows/.github/workflows/build.yml@refs/heads/x"}), "CH4012", SIGNER),
            ("the reusable workflow of a fork", json!({"job_workflow_ref": "evil/workflows/.github/workflows/build.yml@refs/heads/main"}), "CH4012", SIGNER),
            ("the reusable workflow as the caller", json!({"job_workflow_ref": own, "workflow_ref": "acme/workflows/.github/workflows/build.yml@refs/heads/main"}), "CH4012", SIGNER),
            ("no reusable workflow", json!({"job_workflow_ref": null}), "CH4012", SIGNER),
            ("a list of workflows", json!({"job_workflow_ref": [own]}), "CH3001", "claim `job_workflow_ref` is not text"),
        ],
    );
}

fn gitlab(forge: &Forge, table: &mut Table) {
    let honest = json!({
        "sub": "project_path:acme/app:ref_type:branch:ref:main", "namespace_id": "72", "namespace_path": "acme",
        "project_id": "20", "project_path": "acme/app", "pipeline_id": "574", "pipeline_source": "push",
        "job_id": "302", "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
        "runner_environment": "gitlab-hosted", "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "ci_config_ref_uri": "issuer.example/acme/app//.gitlab-ci.yml@refs/heads/main", "environment": "production",
    });
    // Without a matcher on the event: the ref alone has to keep merge requests out.
    let grant = "source_repository_identifier = \"20\"\nsource_repository_ref = \"refs/heads/main\"\n\
                 ref_protected = \"true\"\ndeployment_environment = \"production\"\n";
    let world = World::new(forge, "gitlab", "https://issuer.example", honest, grant);
    gitlab_refs(&world, table);
    gitlab_projects(&world, table);
}

fn gitlab_refs(world: &World<'_>, table: &mut Table) {
    const REF: &str = "hold: source_repository_ref";
    world.lines(
        table,
        [
            (
                "a fork's merge request, in the parent",
                json!({"pipeline_source": "merge_request_event"}),
                "CH4012",
                REF,
            ),
            (
                "the same, refs as a merge request",
                json!({"pipeline_source": "merge_request_event", "ref_path": "refs/merge-requests/9/head"}),
                "CH4012",
                REF,
            ),
            (
                "an external pull request",
                json!({"pipeline_source": "external_pull_request_event"}),
                "CH4012",
                REF,
            ),
            (
                "a merge request, unprotected",
                json!({"pipeline_source": "merge_request_event", "ref_protected": "false"}),
                "CH4012",
                "hold: ",
            ),
            ("a tag named main", json!({"ref_type": "tag"}), "CH4012", REF),
            ("a type of ref that nobody knows", json!({"ref_type": "merge_request"}), "CH4012", REF),
            ("no type of ref", json!({"ref_type": null}), "CH4012", REF),
            ("a branch named refs/heads/main", json!({"ref": "refs/heads/main"}), "CH4012", REF),
            ("ref_path for ref", json!({"ref": "evil", "ref_path": "refs/heads/main"}), "CH4012", REF),
        ],
    );
}

fn gitlab_projects(world: &World<'_>, table: &mut Table) {
    const STRANGER: &str = "no grant of profile `release` names this caller";
    world.lines(
        table,
        [
            ("a fork's project", json!({"project_id": "21"}), "CH4002", STRANGER),
            (
                "the path of the project taken over",
                json!({"project_id": "21", "project_path": "acme/app"}),
                "CH4002",
                STRANGER,
            ),
            ("no project id", json!({"project_id": null, "job_project_id": "20"}), "CH4002", STRANGER),
            (
                "an unprotected branch",
                json!({"ref_protected": "false"}),
                "CH4012",
                "hold: ref_protected (false)",
            ),
            ("protection that is not said", json!({"ref_protected": null}), "CH4012", "hold: ref_protected"),
            (
                "protection in capitals",
                json!({"ref_protected": "True"}),
                "CH4012",
                "hold: ref_protected (True)",
            ),
            ("no environment", json!({"environment": null}), "CH4012", "hold: deployment_environment"),
            ("a list of refs", json!({"ref": ["main"]}), "CH3001", "claim `ref` is not text"),
            (
                "a project id with a fraction",
                json!({"project_id": 20.0}),
                "CH3001",
                "claim `project_id` is not text",
            ),
        ],
    );
}

fn buildkite(forge: &Forge, table: &mut Table) {
    const REF: &str = "hold: source_repository_ref";
    const STRANGER: &str = "no grant of profile `release` names this caller";
    let honest = json!({
        "sub": "organization:acme:pipeline:app:ref:refs/heads/main:commit:9f31:step:build",
        "organization_slug": "acme", "organization_id": "o-1", "pipeline_slug": "app", "pipeline_id": "p-1",
        "build_number": 17, "build_branch": "main", "build_commit": "9f31", "build_source": "webhook",
        "job_id": "j-1", "runner_environment": "self-hosted",
    });
    let grant = "source_repository_identifier = \"p-1\"\nsource_repository_owner_identifier = \"o-1\"\n\
                 source_repository_ref = \"refs/heads/main\"\nbuild_trigger = \"webhook\"\n";
    World::new(forge, "buildkite", "https://issuer.example", honest, grant).lines(
        table,
        [
            (
                "another organisation with the same slugs",
                json!({"organization_id": "o-2", "pipeline_id": "p-2"}),
                "CH4002",
                STRANGER,
            ),
            (
                "another organisation, one issuer for all",
                json!({"organization_id": "o-2"}),
                "CH4012",
                "hold: source_repository_owner_identifier (o-2)",
            ),
            (
                "ids that the job left out",
                json!({"organization_id": null, "pipeline_id": null}),
                "CH4002",
                STRANGER,
            ),
            (
                "a build by hand, branch as typed",
                json!({"build_source": "ui"}),
                "CH4012",
                "hold: build_trigger (ui)",
            ),
            (
                "a build by the api, branch as sent",
                json!({"build_source": "api"}),
                "CH4012",
                "hold: build_trigger (api)",
            ),
            ("a fork's branch", json!({"build_branch": "evil:main"}), "CH4012", REF),
            ("a tag beside the branch", json!({"build_tag": "main"}), "CH4012", REF),
            ("a branch named refs/heads/main", json!({"build_branch": "refs/heads/main"}), "CH4012", REF),
            ("no branch", json!({"build_branch": null}), "CH4012", REF),
            (
                "a list of branches",
                json!({"build_branch": ["main"]}),
                "CH3001",
                "claim `build_branch` is not text",
            ),
        ],
    );
}

fn circleci(forge: &Forge, table: &mut Table) {
    const STRANGER: &str = "no grant of profile `release` names this caller";
    const RERUN: &str = "job was re-run with ssh access";
    let honest = json!({
        "sub": "org/0c2d/project/11aa/user/22bb", "oidc.circleci.com/project-id": "11aa",
        "oidc.circleci.com/context-ids": ["c1"], "oidc.circleci.com/vcs-origin": "github.com/acme/app",
        "oidc.circleci.com/vcs-ref": "refs/heads/main", "oidc.circleci.com/ssh-rerun": false,
        "oidc.circleci.com/org-id": "0c2d", "oidc.circleci.com/job-id": "66ff",
    });
    let grant = "source_repository_identifier = \"11aa\"\n\
                 source_repository_uri = \"https://github.com/acme/app\"\n\
                 source_repository_ref = \"refs/heads/main\"\n";
    World::new(forge, "circleci", "https://oidc.example/org/0c2d", honest, grant).lines(
        table,
        [
            ("another project", json!({"oidc.circleci.com/project-id": "12bb"}), "CH4002", STRANGER),
            (
                "a fork, which has its parent's project",
                json!({"oidc.circleci.com/vcs-origin": "github.com/evil/app"}),
                "CH4012",
                "hold: source_repository_uri (https://github.com/evil/app)",
            ),
            (
                "no origin",
                json!({"oidc.circleci.com/vcs-origin": null}),
                "CH4012",
                "hold: source_repository_uri",
            ),
            (
                "a pull request",
                json!({"oidc.circleci.com/vcs-ref": "refs/pull/9/head"}),
                "CH4012",
                "hold: source_repository_ref",
            ),
            (
                "another organisation than the issuer's",
                json!({"oidc.circleci.com/org-id": "9999"}),
                "CH3001",
                "is not the organisation of the issuer (9999)",
            ),
            ("re-run with ssh", json!({"oidc.circleci.com/ssh-rerun": true}), "CH3007", RERUN),
            ("re-run with ssh, as text", json!({"oidc.circleci.com/ssh-rerun": "true"}), "CH3007", RERUN),
            ("re-run with ssh, as a number", json!({"oidc.circleci.com/ssh-rerun": 1}), "CH3007", RERUN),
            ("re-run with ssh, as a list", json!({"oidc.circleci.com/ssh-rerun": [true]}), "CH3007", RERUN),
            ("re-run with ssh, as a fraction", json!({"oidc.circleci.com/ssh-rerun": 1.0}), "CH3007", RERUN),
            (
                "re-run with ssh, as an object",
                json!({"oidc.circleci.com/ssh-rerun": {"by": "x"}}),
                "CH3007",
                RERUN,
            ),
            (
                "a project within an object",
                json!({"oidc.circleci.com/project-id": null, "oidc.circleci.com": {"project-id": "12bb"}}),
                "CH4002",
                STRANGER,
            ),
        ],
    );
}

/// A cluster's service accounts, by the mapping; unmapped claims never reach the normalised ones.
fn generic(forge: &Forge, table: &mut Table) {
    const STRANGER: &str = "no grant of profile `release` names this caller";
    let honest = json!({
        "sub": "system:serviceaccount:release:signer", "repository_id": "42", "source_repository_identifier": "42",
    });
    let grant = "source_repository_identifier = \"42\"\n";
    let world = World::new(forge, "generic", "https://issuer.example", honest, grant);
    for (name, changes) in [
        ("claims that are not mapped", json!({})),
        ("a claim within another", json!({"claims": {"source_repository_identifier": "42"}})),
    ] {
        table.attack(format!("generic: {name}"), world.ask(changes), "CH4002", STRANGER);
    }
}
