//! `sign` against a local service, honest and not: what is written, and that nothing is written otherwise.

use std::path::{Path, PathBuf};

use chancery_core::digest::Sha256;
use chancery_core::evidence::Possession;
use chancery_identity::possession;

use crate::fake::{Fake, Manner, TOKEN};
use crate::session::{Ran, TestHost, run};

const ARTIFACT: &[u8] = b"an artifact";

struct Place {
    directory: tempfile::TempDir,
    fake: Fake,
    host: TestHost,
}

impl Place {
    fn new(manner: Manner) -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
            fake: Fake::start(manner),
            host: TestHost { token: Some(TOKEN.into()), ..TestHost::default() },
        };
        place.artifact("app.bin", ARTIFACT);
        place
    }
    fn artifact(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
        self.fake.artifacts.lock().unwrap().insert(Sha256::of(bytes).to_string(), bytes.to_vec());
    }
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
    fn sign(&self, more: &[&str]) -> Ran {
        let file = self.path("app.bin");
        let mut line = vec!["sign", file.to_str().unwrap(), "--server", &self.fake.address];
        line.extend(["--trust-key", &self.fake.trust_key]);
        if !more.contains(&"--profile") {
            line.extend(["--profile", "dev"]);
        }
        line.extend(more);
        run(&self.host, &line)
    }
    fn names(&self) -> Vec<String> {
        names(self.directory.path())
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_signed_verified_and_signed_again_with_the_same_result() {
    let place = Place::new(Manner::Honest);
    let ran = place.sign(&["--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document = ran.json();
    assert_eq!(document["schema"], "chancery.sign/1");
    let result = document["results"][0].as_object().unwrap();
    let members: Vec<&str> = result.keys().map(String::as_str).collect();
    let expected = [
        "certificate_identity",
        "certificate_oidc_issuer",
        "depth",
        "digest",
        "format",
        "input",
        "ledger",
        "output",
        "request_id",
        "timestamp",
    ];
    let mut sorted = members.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(result["digest"], Sha256::of(ARTIFACT).to_string());
    assert_eq!(place.names(), ["app.bin", "app.bin.sigstore.json"]);
    let audience = place.host.audiences.lock().unwrap().clone();
    assert_eq!(
        audience,
        [format!("chancery:sign.example:sha256:{}", result["request_id"].as_str().unwrap())]
    );

    let bundle = std::fs::read(place.path("app.bin.sigstore.json")).unwrap();
    assert_eq!(place.sign(&["--json"]).json(), document);
    assert_eq!(std::fs::read(place.path("app.bin.sigstore.json")).unwrap(), bundle);
    let text = place.sign(&[]);
    assert!(text.out.contains("✓ ") && text.err.starts_with("Verify anywhere:"), "{text:?}");
    assert_eq!(place.sign(&["--quiet"]).err, "");
    let asked = place.fake.asked.lock().unwrap().clone();
    assert_eq!(&asked[..3], ["GET /v1/profiles/dev", "GET /v1/trust.json", "POST /v1/sign"]);
}

#[test]
fn many_files_are_one_request_and_each_is_told() {
    let place = Place::new(Manner::Honest);
    let dist = place.path("dist");
    for name in ["one", "two", "three"] {
        std::fs::create_dir_all(dist.join(name)).unwrap();
        place.artifact(&format!("dist/{name}/app.bin"), name.as_bytes());
    }
    place.artifact("dist/one/copy", b"one");
    std::fs::copy(place.path("dist/one/app.bin"), place.path("dist/app.bin")).unwrap();
    let files: Vec<String> = ["one/app.bin", "two/app.bin", "missing", "three/app.bin", "app.bin"]
        .iter()
        .map(|name| dist.join(name).to_str().unwrap().to_owned())
        .collect();
    let mut line = vec!["sign", "--server", &place.fake.address, "--profile", "dev", "--json"];
    line.extend(files.iter().map(String::as_str));
    let ran = run(&place.host, &line);
    assert_eq!(ran.code, 2, "{ran:?}");
    let document = ran.json();
    assert_eq!(document["results"].as_array().unwrap().len(), 4, "{document:#}");
    assert_eq!(document["errors"][0]["error"]["code"], "CH2002");
    let asked = place.fake.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().filter(|target| *target == "POST /v1/sign").count(), 1);
    assert_eq!(names(&dist.join("two")), ["app.bin", "app.bin.sigstore.json"]);
}

#[test]
fn what_the_service_must_not_do_is_noticed_and_nothing_is_written() {
    let cases = [
        (Manner::OtherArtifact, 11, "CH6004"),
        (Manner::OtherRequest, 1, "CH1002"),
        (Manner::Busy, 75, "CH7501"),
        (Manner::Refuses, 4, "CH4012"),
    ];
    for (manner, code, stable) in cases {
        let place = Place::new(manner);
        let ran = place.sign(&["--json"]);
        assert_eq!((ran.code, ran.json()["code"].as_str()), (code, Some(stable)), "{manner:?} {ran:?}");
        assert_eq!(place.names(), ["app.bin"], "{manner:?}");
    }
}

#[test]
fn a_refusal_reads_as_in_the_reference() {
    let place = Place::new(Manner::Refuses);
    let ran = place.sign(&[]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            4,
            "",
            "error[CH4012]: grant `acme` of profile `dev` does not hold: source_repository_ref\n  \
             ✗ source_repository_ref  actual refs/heads/feature-x  expected refs/heads/main\n  \
             ✓ source_repository_identifier 42\n  what to do:  run this job from `refs/heads/main`\n  \
             request r-7f3a · chancery help CH4012\n"
        )
    );
}

#[test]
fn signatures_that_are_there_stay_unless_replaced() {
    let place = Place::new(Manner::Honest);
    std::fs::write(place.path("app.bin.sigstore.json"), b"something else").unwrap();
    let ran = place.sign(&["--json"]);
    assert_eq!((ran.code, ran.json()["code"].as_str()), (2, Some("CH2003")));
    assert_eq!(std::fs::read(place.path("app.bin.sigstore.json")).unwrap(), b"something else");
    assert!(!place.fake.asked.lock().unwrap().iter().any(|target| target.starts_with("POST")));
    assert_eq!(place.sign(&["--replace"]).code, 0);
    assert_ne!(std::fs::read(place.path("app.bin.sigstore.json")).unwrap(), b"something else");
    let out = place.path("out");
    assert_eq!(place.sign(&["--output", out.to_str().unwrap()]).code, 0);
    assert_eq!(names(&out), ["app.bin.sigstore.json"]);
}

#[test]
fn without_a_token_nothing_is_asked() {
    let mut place = Place::new(Manner::Honest);
    place.host.token = None;
    let ran = place.sign(&["--json"]);
    let document = ran.json();
    assert_eq!(
        (ran.code, document["code"].as_str(), document["hint"].as_str()),
        (3, Some("CH3008"), Some("run inside a CI"))
    );
    assert_eq!(place.names(), ["app.bin"]);
}

/// The token is exchanged before the first request, and every request is signed with the session's key.
#[test]
fn a_profile_that_wants_a_session_gets_one() {
    let place = Place::new(Manner::Honest);
    let ran = place.sign(&["--profile", "exchanged"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let asked = place.fake.asked.lock().unwrap().clone();
    let of = |path: &str| asked.iter().position(|one| one == path).unwrap();
    assert!(of("POST /v1/sessions") < of("POST /v1/sign"));
    let proofs = place.fake.proofs.lock().unwrap().clone();
    let proofs: Vec<Possession> = proofs.iter().map(|text| Possession::parse_header(text).unwrap()).collect();
    let [begun, asked] = proofs.as_slice() else { panic!("{proofs:?}") };
    assert_eq!(begun.key, asked.key);
    assert!(possession::verify(begun, &possession::beginning(TOKEN)).is_ok());
    assert!(possession::verify(asked, &possession::beginning(TOKEN)).is_err());
}
