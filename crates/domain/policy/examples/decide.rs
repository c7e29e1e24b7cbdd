//! Decides over and over with a given number of grants, for the bench: `decide <grants> <decisions>`.
//!
//! Loads a profile of so many grants, each for another repository, and three guardrails, decides, and writes one line
//! of JSON with the number of policies that each decision evaluates. The caller of this program measures its CPU time
//! at two numbers of decisions; the difference is free of loading.
#![expect(clippy::print_stdout, reason = "the result of this program")]

use std::collections::BTreeMap;
use std::error::Error;

use chancery_core::artifact::Artifact;
use chancery_core::caller::{AudienceBinding, Caller, CallerKind};
use chancery_core::claims::Claims;
use chancery_core::decision::Decision;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{IssuerName, ProfileName, RequestId};
use chancery_core::time::Time;
use chancery_policy::decide::{decide, evaluated};
use chancery_policy::documents::Documents;
use chancery_policy::facts::Facts;
use chancery_policy::limit::Counts;
use chancery_policy::policy::Policy;
use chancery_policy::standing::Standing;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let grants: u32 = arguments.next().unwrap_or_else(|| "10".to_owned()).parse()?;
    let decisions: u32 = arguments.next().unwrap_or_else(|| "1000".to_owned()).parse()?;
    let policy = Policy::load(&documents(grants)?)?;
    let profile = ProfileName::parse("bench")?;
    let caller = caller(grants)?;
    let artifact = Artifact { name: "app.bin".to_owned(), digest: Sha256::of(b"app"), size: 6 };
    let counts = Counts::zero(policy.profile(&profile).map(|found| found.limits()).unwrap_or_default());
    let facts = Facts {
        profile: &profile,
        caller: &caller,
        format: FormatName::Sigstore,
        family: Family::Message,
        depth: Depth::Structured,
        artifact: &artifact,
        predicate: None,
        time: Time::from_seconds(1_700_000_000),
        counts: &counts,
        standing: &Standing::default(),
    };
    let allowed = (0..decisions).filter(|_| matches!(decide(&policy, &facts), Decision::Allowed(_))).count();
    let evaluated = evaluated(&policy, &facts);
    println!(
        "{{\"grants\":{grants},\"decisions\":{decisions},\"allowed\":{allowed},\"evaluated\":{evaluated}}}"
    );
    Ok(())
}

fn documents(grants: u32) -> Result<Documents, Box<dyn Error>> {
    let mut profile = String::from(
        "environment = \"staging\"\nowner = \"o\"\npurpose = \"p\"\ntimestamp = \"none\"\n[keys]\nmessage = \"m\"\n\
         [formats.sigstore]\nfamilies = [\"message\"]\n[[limits]]\ncount = 100\nwindow = \"10m\"\n",
    );
    for number in 0..grants {
        profile.push_str(&format!(
            "[[grants]]\nname = \"g{number}\"\nissuer = \"ci\"\n[grants.claims]\n\
             source_repository_identifier = \"{number}\"\nsource_repository_ref = \"refs/tags/v*\"\n"
        ));
    }
    let mut files = BTreeMap::from([("profiles/bench.toml".to_owned(), profile)]);
    for event in ["pull_request_target", "workflow_run", "issue_comment"] {
        let text = format!(
            "forbid (principal, action, resource)\nwhen {{ context.claims has build_trigger && context.claims.build_trigger == \"{event}\" }};"
        );
        files.insert(format!("guardrails/{event}.cedar"), text);
    }
    Ok(Documents::new(files)?)
}

/// A caller with every normalised claim, as a hosted runner would send.
fn caller(grants: u32) -> Result<Caller, Box<dyn Error>> {
    let text = |value: &str| Some(value.to_owned());
    let claims = Claims {
        issuer: "https://ci.example".to_owned(),
        subject: "repo:acme/app:ref:refs/tags/v1.4.0".to_owned(),
        build_signer_uri: text("https://ci.example/acme/app/.github/workflows/release.yml@refs/tags/v1.4.0"),
        build_signer_digest: text("5f3c2e1a5f3c2e1a5f3c2e1a5f3c2e1a5f3c2e1a"),
        runner_environment: text("github-hosted"),
        source_repository_uri: text("https://ci.example/acme/app"),
        source_repository_digest: text("5f3c2e1a5f3c2e1a5f3c2e1a5f3c2e1a5f3c2e1a"),
        source_repository_ref: text("refs/tags/v1.4.0"),
        source_repository_identifier: Some((grants / 2).to_string()),
        source_repository_owner_uri: text("https://ci.example/acme"),
        source_repository_owner_identifier: text("7"),
        build_trigger: text("push"),
        run_invocation_uri: text("https://ci.example/acme/app/actions/runs/1/attempts/1"),
        source_repository_visibility: text("private"),
        ..Claims::default()
    };
    Ok(Caller {
        issuer_name: IssuerName::parse("ci")?,
        kind: CallerKind::Workload,
        claims,
        binding: AudienceBinding::Request(RequestId::new(Sha256::of(b"request"))),
        token_use: Sha256::of(b"token"),
        issued_at: Time::from_seconds(1_700_000_000),
        expires_at: Time::from_seconds(1_700_000_300),
    })
}
