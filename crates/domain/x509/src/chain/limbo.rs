//! Path-building cases of x509-limbo (`testdata/foreign/limbo-paths.json`): its leaves are TLS servers, so everything
//! but the leaf's purpose is checked.

use chancery_core::time::Time;

use super::{Purpose, find_path};
use crate::certificate::parse_pem_bundle;
use crate::crl::Crl;

/// Cases that limbo accepts and we do not, each with the reason.
const STRICTER: [(&str, &str); 2] = [
    ("cve::cve-2024-0567", "brings nine intermediates, one more than are looked at"),
    ("webpki::cryptographydotio-chain", "the intermediate is limited to TLS"),
];

/// The reasons for which the path check accepts what limbo rejects.
const AT_LEAF: &str = "the leaf's own fitness is checked before its path";
const CALLERS_DEPTH: &str = "limbo's caller allows less depth than ours";
const HINT_ONLY: &str = "key identifiers only help to find an issuer, its signature decides";
const TRUSTED: &str = "roots are trusted as configured, whatever their form";
const UNUSED: &str = "not used here";
const WEB_ONLY: &str = "a rule of the web alone";

/// Cases that limbo rejects and the path check accepts, each with the reason.
const ELSEWHERE: [(&str, &str); 23] = [
    ("pathlen::max-chain-depth-0-exhausted", CALLERS_DEPTH),
    ("pathlen::max-chain-depth-1-exhausted", CALLERS_DEPTH),
    ("rfc5280::aki::cross-signed-root-missing-aki", HINT_ONLY),
    ("rfc5280::aki::intermediate-missing-aki", HINT_ONLY),
    ("rfc5280::aki::leaf-missing-aki", HINT_ONLY),
    ("rfc5280::ca-as-leaf-wrong-san", AT_LEAF),
    ("rfc5280::eku::ee-wrong-eku", AT_LEAF),
    ("rfc5280::leaf-ku-keycertsign", AT_LEAF),
    ("rfc5280::root-non-critical-basic-constraints", TRUSTED),
    ("rfc5280::ski::intermediate-missing-ski", HINT_ONLY),
    ("rfc5280::ski::root-missing-ski", HINT_ONLY),
    ("webpki::aki::root-with-aki-all-fields", TRUSTED),
    ("webpki::aki::root-with-aki-missing-keyidentifier", TRUSTED),
    ("webpki::aki::root-with-aki-ski-mismatch", TRUSTED),
    ("webpki::ca-as-leaf", AT_LEAF),
    ("webpki::ee-basicconstraints-ca", AT_LEAF),
    ("webpki::eku::ee-anyeku", AT_LEAF),
    ("webpki::eku::ee-critical-eku", WEB_ONLY),
    ("webpki::eku::ee-without-eku", AT_LEAF),
    ("webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf", WEB_ONLY),
    ("webpki::forbidden-rsa-not-divisible-by-8-in-root", WEB_ONLY),
    ("webpki::malformed-aia", UNUSED),
    ("webpki::v1-cert", AT_LEAF),
];

fn der_of_pem(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}

/// Whether our check accepts a case.
fn accepts(case: &serde_json::Value) -> bool {
    let pems = |field: &str| -> String {
        case[field].as_array().unwrap().iter().map(|pem| pem.as_str().unwrap()).collect()
    };
    let at = case["validation_time"].as_str().unwrap_or("2026-01-01T00:00:00Z");
    let at = Time::parse_rfc3339(at).unwrap();
    let Ok(leaf) = parse_pem_bundle(case["peer_certificate"].as_str().unwrap()) else { return false };
    let Ok(roots) = parse_pem_bundle(&pems("trusted_certs")) else { return false };
    let pool = pems("untrusted_intermediates");
    let pool = if pool.is_empty() { Ok(Vec::new()) } else { parse_pem_bundle(&pool) };
    let (Ok(pool), [leaf]) = (pool, leaf.as_slice()) else { return false };
    let Ok(path) = find_path(leaf, &pool, &roots, Purpose::CodeSigning, at) else { return false };
    let issuer = path[1];
    case["crls"].as_array().unwrap().iter().all(|pem| {
        let Ok(list) = Crl::parse(&der_of_pem(pem.as_str().unwrap())) else { return false };
        if list.issuer() != leaf.issuer() {
            return true;
        }
        list.verify(issuer, at).is_ok_and(|list| list.find(leaf.serial()).is_none())
    })
}

#[test]
fn path_building_agrees_with_limbo() {
    let text = include_str!("../../../../../testdata/foreign/limbo-paths.json");
    let cases: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    assert!(cases.len() > 90, "{}", cases.len());
    let mut differences = Vec::new();
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let expected = case["expected_result"] == "SUCCESS";
        let listed = |list: &[(&str, &str)]| list.iter().any(|(known, _)| *known == id);
        let explained = if expected { listed(&STRICTER) } else { listed(&ELSEWHERE) };
        if (accepts(case) == expected) == explained {
            differences.push(format!("{id}: expected {expected}, explained {explained}"));
        }
    }
    assert_eq!(differences, Vec::<String>::new());
}

#[test]
fn the_leaves_that_the_path_check_leaves_alone_are_refused_as_a_whole() {
    let text = include_str!("../../../../../testdata/foreign/limbo-paths.json");
    let cases: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let at_leaf = ELSEWHERE.iter().filter(|(_, why)| *why == AT_LEAF);
    for (id, _) in at_leaf {
        let case = cases.iter().find(|case| case["id"] == *id).unwrap();
        let leaf = parse_pem_bundle(case["peer_certificate"].as_str().unwrap()).unwrap();
        let refused = super::check_leaf(&leaf[0], Purpose::CodeSigning);
        assert!(refused.is_err(), "{id}");
    }
}
