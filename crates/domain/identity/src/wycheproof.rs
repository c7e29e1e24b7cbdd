//! Wycheproof's JOSE cases against our keys and signatures. Their payloads are not claims, so this stands inside.
//!
//! Every case is run. One that needs what no issuer can be registered with (shared secrets, other hashes and curves) is
//! counted by its reason, and must be refused whatever Wycheproof says of it; every other must end as Wycheproof says.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::Value;

use crate::algorithm::JwsAlgorithm;
use crate::issuer::Issuer;
use crate::issuers_toml;
use crate::jwk::KeySet;
use crate::token::Sealed;

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    run: usize,
    accepted: usize,
    refused: usize,
    not_ours: BTreeMap<&'static str, usize>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, accepted, refused, .. } = self;
        write!(f, "{run} run: {accepted} accepted and {refused} refused as Wycheproof says")?;
        self.not_ours.iter().try_for_each(|(reason, count)| write!(f, "; {count} refused: {reason}"))
    }
}

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

fn accepts(issuer: &Issuer, set: &str, jws: &str) -> bool {
    let (Ok(keys), Ok(sealed)) = (KeySet::parse(issuer, set), Sealed::parse(jws)) else { return false };
    let Ok(key) = keys.select(sealed.key_id.as_deref(), sealed.algorithm) else { return false };
    key.verify(sealed.signed.as_bytes(), &sealed.signature).is_ok()
}

/// Why a case cannot end here as Wycheproof says; `None` when it must.
fn not_ours(key: &Value, jws: &str) -> Option<&'static str> {
    let keys = key["keys"].as_array().cloned().unwrap_or_else(|| vec![key.clone()]);
    let any = |member: &str, value: &str| keys.iter().any(|key| key[member] == value);
    if any("kty", "oct") {
        return Some("a shared secret, which is never taken");
    }
    if any("crv", "P-521") {
        return Some("curve P-521 is not taken");
    }
    // RFC 7520's figure 20 is made by PS384 with a key that Wycheproof labels PS256.
    const PS384: &str = "eyJhbGciOiJQUzM4NCI";
    let names = ["PS384", "PS512", "RS384", "RS512"];
    if jws.starts_with(PS384) || names.iter().any(|name| any("alg", name)) {
        return Some("RSA with SHA-384 or SHA-512 is not taken");
    }
    jws.contains("..").then_some("an empty payload, which can hold no claims")
}

fn run(file: &str, as_set: impl Fn(&Value) -> Value) -> Tally {
    let issuer = issuer();
    let mut tally = Tally::default();
    for group in load(file)["testGroups"].as_array().unwrap() {
        let key = group.get("public").or_else(|| group.get("private")).unwrap();
        let set = as_set(key).to_string();
        for test in group["tests"].as_array().unwrap() {
            let jws = test["jws"].as_str().unwrap();
            let (accepted, valid) = (accepts(&issuer, &set, jws), test["result"] == "valid");
            let case = format!("{} {}", test["tcId"], test["comment"]);
            tally.run += 1;
            match (not_ours(key, jws), accepted) {
                (Some(_), true) => panic!("accepted: {case}"),
                (Some(reason), false) => *tally.not_ours.entry(reason).or_default() += 1,
                (None, _) if accepted != valid => panic!("accepted {accepted}, valid {valid}: {case}"),
                (None, true) => tally.accepted += 1,
                (None, false) => tally.refused += 1,
            }
        }
    }
    println!("{file}: {tally}");
    tally
}

#[test]
fn signatures() {
    let tally = run("wycheproof-json_web_signature_test.json", |key| serde_json::json!({ "keys": [key] }));
    assert_eq!(tally.run, 401);
    assert_eq!(tally.accepted + tally.refused + tally.not_ours.values().sum::<usize>(), 401);
}

#[test]
fn keys() {
    let tally = run("wycheproof-json_web_key_test.json", Value::clone);
    assert_eq!(tally.run, 26);
    assert_eq!(tally.accepted, 1);
}
