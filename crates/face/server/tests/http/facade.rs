//! What Sigstore clients speak: their JSON, their paths, their errors.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_identity::dev_issuer::DevToken;
use chancery_testkit::keys::TestKey;
use chancery_x509::certificate::Certificate;
use serde_json::{Value, json};

use crate::world::{Answer, World, with_facade};

const SUBJECT: &str = "repo:acme/app:ref:refs/heads/main";

async fn open() -> World {
    let world = World::start().await;
    let apply =
        world.admin(reqwest::Method::POST, "/admin/policy").header("content-type", "application/json");
    let applied = Answer::of(apply.body(with_facade(&world))).await;
    assert_eq!(applied.status, 200, "{}", applied.text());
    world
}

fn token(world: &World) -> String {
    world.token_of(DevToken { audience: "sigstore".into(), ..DevToken::default() })
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn wish(key: &TestKey, token: &str) -> Value {
    let content = pem("PUBLIC KEY", &key.public_key().spki);
    let proof = STANDARD.encode(key.sign(SUBJECT.as_bytes()));
    json!({"credentials": {"oidcIdentityToken": token},
        "publicKeyRequest": {"publicKey": {"algorithm": "ECDSA", "content": content}, "proofOfPossession": proof}})
}

async fn ask(world: &World, path: &str, body: &Value) -> Answer {
    let post = world.post(path).header("content-type", "application/json");
    Answer::of(post.body(body.to_string())).await
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}

fn chain(answer: &Answer) -> Vec<Vec<u8>> {
    let json = answer.json();
    let certificates = json["signedCertificateEmbeddedSct"]["chain"]["certificates"].as_array().unwrap();
    certificates.iter().map(|pem| der(pem.as_str().unwrap())).collect()
}

fn entry(key: &TestKey, leaf: &[u8]) -> Value {
    let digest = Sha256::of(b"app").as_bytes().to_vec();
    let signature = key.sign_digest(DigestAlgorithm::Sha256, &digest).unwrap();
    json!({"hashedRekordRequestV002": {"digest": STANDARD.encode(digest), "signature": {
        "content": STANDARD.encode(signature), "verifier": {
            "keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": STANDARD.encode(leaf)}}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_answers_until_a_profile_says_so() {
    let world = World::start().await;
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let size = world.ledger.leaves().len();
    for path in ["/api/v2/signingCert", "/api/v2/log/entries"] {
        let answer = ask(&world, path, &wish(&key, &token(&world))).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "CH2008"), "{path}");
        assert_eq!(answer.json()["code"], 5);
        assert!(answer.status_message().contains("no profile has `[facade]`"), "{}", answer.text());
    }
    for path in ["configuration", "trustBundle", "checkpoint", "tile/0/000.p/1"] {
        assert_eq!(world.get(&format!("/api/v2/{path}")).await.status, 404, "{path}");
    }
    assert_eq!(world.ledger.leaves().len(), size);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_and_an_entry_in_the_shape_of_clients() {
    let world = open().await;
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let answer = ask(&world, "/api/v2/signingCert", &wish(&key, &token(&world))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let chain = chain(&answer);
    let [leaf, issuing, root] = chain.as_slice() else { panic!("{}", answer.text()) };
    assert_eq!(Certificate::parse(leaf).unwrap().spki(), key.public_key().spki);
    assert_eq!(issuing, world.gateway.trust().unwrap().authorities.issuing.0.as_slice());
    assert_eq!(root, world.gateway.trust().unwrap().authorities.root.0.as_slice());
    let bundle = world.get("/api/v2/trustBundle").await.json();
    let shown: Vec<Vec<u8>> = bundle["chains"][0]["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pem| der(pem.as_str().unwrap()))
        .collect();
    assert_eq!(shown, [issuing.clone(), root.clone()]);
    let wanted = entry(&key, leaf);
    let taken = ask(&world, "/api/v2/log/entries", &wanted).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    let found = taken.json();
    assert_eq!(found["kindVersion"], json!({"kind": "hashedrekord", "version": "0.0.2"}));
    assert_eq!(found["integratedTime"], "0");
    let index: usize = found["logIndex"].as_str().unwrap().parse().unwrap();
    let body = STANDARD.decode(found["canonicalizedBody"].as_str().unwrap()).unwrap();
    assert_eq!(world.ledger.leaves()[index].as_bytes(), body);
    assert_eq!(ask(&world, "/api/v2/log/entries", &wanted).await.json()["logIndex"], found["logIndex"]);
    let checkpoint = world.get("/api/v2/checkpoint").await;
    assert_eq!(checkpoint.text(), world.get("/ledger/checkpoint").await.text());
    let name = format!("tile/entries/000.p/{}", world.ledger.leaves().len());
    let tile = world.get(&format!("/api/v2/{name}")).await;
    assert_eq!((tile.status, &tile.body), (200, &world.get(&format!("/ledger/{name}")).await.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_theirs_is_refused_in_their_words() {
    let world = open().await;
    let (key, other) =
        (TestKey::generate(KeyAlgorithm::EcdsaP256), TestKey::generate(KeyAlgorithm::EcdsaP256));
    let good = wish(&key, &token(&world));
    let changed = |path: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let fresh = || json!(token(&world));
    let stolen = STANDARD.encode(other.sign(SUBJECT.as_bytes()));
    let branch =
        DevToken { audience: "sigstore".into(), git_ref: "refs/heads/x".into(), ..DevToken::default() };
    let elsewhere = DevToken { audience: "sts.amazonaws.com".into(), ..DevToken::default() };
    let mut by_branch = wish(&key, &world.token_of(branch));
    by_branch["publicKeyRequest"]["proofOfPossession"] =
        json!(STANDARD.encode(key.sign(b"repo:acme/app:ref:refs/heads/x")));
    let cases = [
        ("no token", changed("/credentials", json!({})), 401, "CH3008", 16),
        (
            "another audience",
            changed("/credentials/oidcIdentityToken", json!(world.token_of(elsewhere))),
            401,
            "CH3003",
            16,
        ),
        ("another branch", by_branch, 403, "CH4012", 7),
        ("a stolen proof", changed("/publicKeyRequest/proofOfPossession", json!(stolen)), 422, "CH5004", 3),
        ("no base64", changed("/publicKeyRequest/proofOfPossession", json!("*")), 400, "CH2101", 3),
        ("no key", changed("/publicKeyRequest/publicKey/content", json!("x")), 400, "CH2101", 3),
        ("neither", json!({"credentials": {"oidcIdentityToken": fresh()}}), 400, "CH2101", 3),
        ("a request that is none", json!({"certificateSigningRequest": "AAAA"}), 400, "CH2101", 3),
        ("a list", json!([]), 400, "CH2101", 3),
    ];
    for (name, body, status, code, grpc) in cases {
        let answer = ask(&world, "/api/v2/signingCert", &body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{name}: {}", answer.text());
        assert_eq!(answer.json()["code"], grpc, "{name}");
        assert!(!answer.text().contains("eyJ"), "no token comes back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_taken_for_live_leaves_of_this_service_alone() {
    let world = open().await;
    let (key, other) =
        (TestKey::generate(KeyAlgorithm::EcdsaP256), TestKey::generate(KeyAlgorithm::EcdsaP256));
    let good = wish(&key, &token(&world));
    let answer = ask(&world, "/api/v2/signingCert", &good).await;
    let leaf = chain(&answer).remove(0);
    let twice = wish(&other, good["credentials"]["oidcIdentityToken"].as_str().unwrap());
    let again = ask(&world, "/api/v2/signingCert", &twice).await;
    assert_eq!(again.problem(), "CH3006", "one token, one key");
    let entry = entry(&key, &leaf);
    let pointer = "/hashedRekordRequestV002/signature/verifier";
    let with = |path: &str, value: Value| {
        let mut body = entry.clone();
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let bare = json!({"keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "publicKey": {"rawBytes": STANDARD.encode(key.public_key().spki)}});
    let foreign = STANDARD.encode(world.gateway.trust().unwrap().authorities.issuing.0.as_slice());
    let digest = STANDARD.encode(Sha256::of(b"x").as_bytes());
    for (name, body, status, code) in [
        ("a bare key", with(pointer, bare), 400, "CH2101"),
        (
            "a foreign certificate",
            with(&format!("{pointer}/x509Certificate/rawBytes"), json!(foreign)),
            403,
            "CH4061",
        ),
        ("another scheme", with(&format!("{pointer}/keyDetails"), json!("PKIX_ED25519")), 400, "CH2101"),
        ("another digest", with("/hashedRekordRequestV002/digest", json!(digest)), 422, "CH5004"),
        ("a dsse entry", json!({"dsseRequestV002": {}}), 400, "CH2101"),
    ] {
        let answer = ask(&world, "/api/v2/log/entries", &body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{name}: {}", answer.text());
    }
    world.clock.advance(601);
    let late = ask(&world, "/api/v2/log/entries", &entry).await;
    assert_eq!((late.status, late.problem().as_str()), (403, "CH4061"), "{}", late.text());
}
