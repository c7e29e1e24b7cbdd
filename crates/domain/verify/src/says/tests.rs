//! Conditions on predicates: what meets them, what does not, and policies that would be ignored.

use super::*;
use crate::policy::VerificationPolicy;

const HEAD: &str = "environment = \"production\"\nformats = [\"sigstore\"]\nissuer = \"https://i\"\n\
    identity = \"https://h/*\"\n";

fn says(rest: &str) -> Says {
    VerificationPolicy::parse_toml(&format!("{HEAD}{rest}")).unwrap().says
}

fn judge(says: &Says, predicate: &Value, runner: Option<&str>) -> Result<(), Lack> {
    let payload = serde_json::json!({ "predicate": predicate }).to_string();
    let at = Time::parse_rfc3339("2026-06-01T00:00:00Z").unwrap();
    says.check(payload.as_bytes(), &Known { at, runner }).map_err(|unmet| unmet.lack)
}

fn built(id: &str, materials: Value) -> Value {
    serde_json::json!({
        "buildDefinition": { "resolvedDependencies": materials },
        "runDetails": { "builder": { "id": id } },
    })
}

#[test]
fn the_first_rule_about_a_builder_gives_the_level() {
    let rules = "[[builders]]\nid = \"https://h/own/**\"\nlevel = 1\n\
        [[builders]]\nid = \"https://h/**\"\nrunner_environment = \"github-hosted\"\nlevel = 3\n\
        [[builders]]\nid = \"https://h/**\"\nlevel = 2\n";
    for (least, id, runner, met) in [
        (2, "https://h/x", None, true),
        (3, "https://h/x", None, false),
        (3, "https://h/x", Some("github-hosted"), true),
        (3, "https://h/x", Some("self-hosted"), false),
        (1, "https://h/own/x", Some("github-hosted"), true),
        (2, "https://h/own/x", Some("github-hosted"), false),
        (1, "https://elsewhere/x", Some("github-hosted"), false),
        (1, "", None, false),
    ] {
        let says = says(&format!("predicate = \"{PROVENANCE}\"\nlevel = {least}\n{rules}"));
        let expected = if met { Ok(()) } else { Err(Lack::Insufficient) };
        assert_eq!(judge(&says, &built(id, Value::Null), runner), expected, "{least} {id} {runner:?}");
    }
}

#[test]
fn materials_are_allowed_denied_and_old_enough() {
    let says = says(&format!(
        "predicate = \"{PROVENANCE}\"\n[materials]\nallow = [\"pkg:npm/**\", \"git+https://h/**\"]\n\
         deny = [\"pkg:npm/evil@**\"]\nmin_age = \"7d\"\n"
    ));
    let one = |uri: &str, published: &str| serde_json::json!({ "uri": uri, "digest": { "sha256": "aa" }, "annotations": { "published": published } });
    let good = one("pkg:npm/a@1.0.0", "2026-05-24T00:00:00Z");
    assert_eq!(judge(&says, &built("b", serde_json::json!([good])), None), Ok(()));
    let mut bare = good.clone();
    bare["digest"] = serde_json::json!({});
    let mut undated = good.clone();
    undated.as_object_mut().unwrap().remove("annotations");
    let long = one(&format!("pkg:npm/{}", "a".repeat(5000)), "2026-05-24T00:00:00Z");
    for (bad, lack) in [
        (one("pkg:npm/evil@1.0.0", "2020-01-01T00:00:00Z"), Lack::MaterialDenied),
        (one("pkg:pypi/a@1.0.0", "2020-01-01T00:00:00Z"), Lack::MaterialDenied),
        (one("pkg:npm/a@1.0.0", "2026-05-26T00:00:00Z"), Lack::MaterialYoung),
        (one("pkg:npm/a@1.0.0", "2027-01-01T00:00:00Z"), Lack::MaterialYoung),
        (one("pkg:npm/a@1.0.0", "last week"), Lack::MaterialUnknown),
        (undated, Lack::MaterialUnknown),
        (bare, Lack::MaterialUnknown),
        (long, Lack::MaterialUnknown),
    ] {
        let listed = built("b", serde_json::json!([good, bad]));
        assert_eq!(judge(&says, &listed, None), Err(lack), "{bad}");
    }
    for none in [serde_json::json!([]), Value::Null, serde_json::json!({})] {
        assert_eq!(judge(&says, &built("b", none), None), Err(Lack::MaterialUnknown));
    }
}

fn summary() -> Value {
    serde_json::json!({
        "verifier": { "id": "https://v/" }, "timeVerified": "2026-05-31T00:00:00Z", "resourceUri": "pkg:oci/app",
        "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_3", "ACME_SCANNED"],
    })
}

#[test]
fn a_summary_counts_by_verifier_result_resource_level_and_age() {
    let wanted = says(&format!(
        "predicate = \"{SUMMARY}\"\n[vsa]\nverifier = \"https://v/\"\nresource = \"pkg:oci/*\"\n\
         levels = [\"SLSA_BUILD_LEVEL_2\", \"ACME_SCANNED\"]\nmax_age = \"2d\"\n"
    ));
    assert_eq!(judge(&wanted, &summary(), None), Ok(()));
    for (member, value, lack) in [
        ("verifier", serde_json::json!({ "id": "https://v" }), Lack::Insufficient),
        ("verificationResult", serde_json::json!("FAILED"), Lack::Insufficient),
        ("verificationResult", serde_json::json!("passed"), Lack::Insufficient),
        ("resourceUri", serde_json::json!("pkg:npm/app"), Lack::Insufficient),
        ("verifiedLevels", serde_json::json!(["SLSA_BUILD_LEVEL_1", "ACME_SCANNED"]), Lack::Insufficient),
        ("verifiedLevels", serde_json::json!(["SLSA_SOURCE_LEVEL_3", "ACME_SCANNED"]), Lack::Insufficient),
        ("verifiedLevels", serde_json::json!(["SLSA_BUILD_LEVEL_3"]), Lack::Insufficient),
        (
            "verifiedLevels",
            serde_json::json!(["SLSA_BUILD_LEVEL_UNEVALUATED", "ACME_SCANNED"]),
            Lack::Insufficient,
        ),
        (
            "verifiedLevels",
            serde_json::json!(["SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL_0", "ACME_SCANNED"]),
            Lack::Insufficient,
        ),
        (
            "verifiedLevels",
            serde_json::json!(["SLSA_BUILD_LEVEL_3", "ACME_SCANNED", "FAILED"]),
            Lack::Insufficient,
        ),
        ("verifiedLevels", serde_json::json!(["SLSA_BUILD_LEVEL_3", "ACME_SCANNED", 1]), Lack::Insufficient),
        ("verifiedLevels", serde_json::json!("SLSA_BUILD_LEVEL_3"), Lack::Insufficient),
        ("timeVerified", serde_json::json!("2026-05-01T00:00:00Z"), Lack::Stale),
        ("timeVerified", serde_json::json!("2026-07-01T00:00:00Z"), Lack::Stale),
        ("timeVerified", serde_json::json!(null), Lack::Stale),
    ] {
        let mut bent = summary();
        bent[member] = value;
        assert_eq!(judge(&wanted, &bent, None), Err(lack), "{bent}");
    }
}

#[test]
fn what_did_not_pass_never_counts() {
    let of = |member: &str, value: &str| format!("{{\"predicate\":{{\"{member}\":\"{value}\"}}}}");
    assert!(passed(SUMMARY, of("verificationResult", "PASSED").as_bytes()).is_ok());
    assert!(passed(SUMMARY, of("verificationResult", "FAILED").as_bytes()).is_err());
    assert!(passed(TEST_RESULT, of("result", "PASSED").as_bytes()).is_ok());
    for bad in ["FAILED", "WARNED", ""] {
        assert!(passed(TEST_RESULT, of("result", bad).as_bytes()).is_err(), "{bad}");
    }
    assert!(passed(TEST_RESULT, b"{\"predicate\":{\"result\":\"FAILED\",\"result\":\"PASSED\"}}").is_err());
    assert!(passed("https://cyclonedx.org/bom", b"{}").is_ok());
}

#[test]
fn conditions_that_concern_nothing_are_no_policy() {
    let provenance = format!("predicate = \"{PROVENANCE}\"\n");
    let vsa = "[vsa]\nverifier = \"https://v/\"\n";
    let builder = "[[builders]]\nid = \"https://h/**\"\nlevel = 2\n";
    let bad = [
        ("level of no predicate", format!("level = 2\n{builder}")),
        ("level of a summary", format!("predicate = \"{SUMMARY}\"\nlevel = 2\n{builder}")),
        ("level 0", format!("{provenance}level = 0\n{builder}")),
        ("level 4", format!("{provenance}level = 4\n{builder}")),
        ("builders without a level", format!("{provenance}{builder}")),
        ("vsa of a provenance", format!("{provenance}{vsa}")),
        ("vsa without verifier", format!("predicate = \"{SUMMARY}\"\n[vsa]\nlevels = [\"A\"]\n")),
        ("a level in lower case", format!("predicate = \"{SUMMARY}\"\n{vsa}levels = [\"slsa\"]\n")),
        ("an age without unit", format!("predicate = \"{SUMMARY}\"\n{vsa}max_age = \"7\"\n")),
        ("no rule", format!("{provenance}[materials]\n")),
        ("any material", format!("{provenance}[materials]\nallow = [\"**\"]\n")),
        ("unknown", format!("{provenance}[materials]\nmin_age = \"7d\"\nmax_age = \"7d\"\n")),
        ("a key of our own", "public_key = \"x\"\n".to_owned()),
        ("a root with a path", "trusted_root = \"../x\"\n".to_owned()),
    ];
    for (name, rest) in bad {
        assert!(VerificationPolicy::parse_toml(&format!("{HEAD}{rest}")).is_err(), "{name}");
    }
}

#[test]
fn a_policy_is_written_as_it_was_read() {
    let texts = [
        format!(
            "predicate = \"{PROVENANCE}\"\nlevel = 2\n[[builders]]\nid = \"https://h/**\"\nlevel = 2\n\
                 runner_environment = \"x\"\n[materials]\nallow = [\"a*\"]\ndeny = [\"b*\"]\nmin_age = \"36h\"\n"
        ),
        format!(
            "trusted_root = \"other\"\npredicate = \"{SUMMARY}\"\n[vsa]\nverifier = \"v\"\nresource = \"r*\"\n\
                 levels = [\"A\"]\nmax_age = \"90s\"\n"
        ),
    ];
    for text in texts {
        let policy = VerificationPolicy::parse_toml(&format!("{HEAD}{text}")).unwrap();
        let json = serde_json::to_string(&policy.to_text()).unwrap();
        assert_eq!(VerificationPolicy::parse_json(&json), Ok(policy), "{json}");
    }
}
