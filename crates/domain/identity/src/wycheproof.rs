//! Wycheproof's JOSE cases against our keys and signatures. Their payloads are not claims, so this stands inside.

use std::path::Path;

use serde_json::Value;

use crate::algorithm::JwsAlgorithm;
use crate::issuer::Issuer;
use crate::issuers_toml;
use crate::jwk::KeySet;
use crate::token::{InvalidToken, Sealed};

fn load(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/foreign").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn issuer() -> Issuer {
    let names = JwsAlgorithm::ALL.map(|algorithm| format!("\"{}\"", algorithm.name())).join(",");
    let text =
        format!("[issuer.w]\nurl = \"https://w.example\"\ndialect = \"generic\"\nalgorithms = [{names}]\n");
    issuers_toml::load(&text).unwrap().find("https://w.example").unwrap().clone()
}

fn accepts(set: &str, jws: &str) -> bool {
    let (Ok(keys), Ok(sealed)) = (KeySet::parse(&issuer(), set), Sealed::parse(jws)) else { return false };
    let Ok(key) = keys.select(sealed.key_id.as_deref(), sealed.algorithm) else { return false };
    key.verify(sealed.signed.as_bytes(), &sealed.signature)
}

/// Runs a file: (accepted, refused although valid there, refused and invalid there). Fails when anything invalid passes.
fn run(
    file: &str,
    as_set: impl Fn(&Value) -> Value,
    may_refuse: impl Fn(&Value, &Value) -> bool,
) -> [usize; 3] {
    let mut counts = [0; 3];
    for group in load(file)["testGroups"].as_array().unwrap() {
        let key = group.get("public").or_else(|| group.get("private")).unwrap();
        let set = as_set(key).to_string();
        for test in group["tests"].as_array().unwrap() {
            let accepted = accepts(&set, test["jws"].as_str().unwrap());
            match (test["result"] == "valid", accepted) {
                (true, true) => counts[0] += 1,
                (true, false) => {
                    assert!(may_refuse(key, test), "refused: {} {}", test["tcId"], test["comment"]);
                    counts[1] += 1;
                }
                (false, false) => counts[2] += 1,
                (false, true) => panic!("accepted: {} {}", test["tcId"], test["comment"]),
            }
        }
    }
    counts
}

/// Valid cases that we refuse: algorithms that no issuer can be registered with, and an empty payload.
fn out_of_scope(key: &Value, test: &Value) -> bool {
    let jws = test["jws"].as_str().unwrap();
    let named = JwsAlgorithm::from_name(key["alg"].as_str().unwrap_or_default());
    named.is_none() || jws.contains("..") || Sealed::parse(jws).is_err_and(|e| e == InvalidToken::Algorithm)
}

#[test]
fn signatures() {
    let counts = run(
        "wycheproof-json_web_signature_test.json",
        |key| serde_json::json!({ "keys": [key] }),
        out_of_scope,
    );
    println!("accepted, refused out of scope, refused invalid: {counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 401);
    assert!(counts[0] >= 14, "{counts:?}");
}

#[test]
fn keys() {
    let symmetric = |set: &Value, _: &Value| set["keys"][0]["kty"] == "oct";
    let counts = run("wycheproof-json_web_key_test.json", Value::clone, symmetric);
    println!("accepted, refused out of scope, refused invalid: {counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 26);
    assert_eq!(counts[0], 1);
}
