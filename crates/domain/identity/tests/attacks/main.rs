//! The table of attacks on identity, one file per family, and the campaigns that damage honest tokens.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "test"
)]

mod algorithm;
mod audience;
mod claims;
mod dialects;
mod forge;
mod header;
mod honest;
mod issuer;
mod json_text;
mod key_sets;
mod mutation;
mod mutator;
mod signature;
mod structure;
mod table;
mod times;

use std::collections::{BTreeMap, BTreeSet};

use forge::Forge;
use table::Table;

type Family = (&'static str, fn(&Forge) -> Table);

const FAMILIES: [Family; 11] = [
    ("algorithm", algorithm::table),
    ("header", header::table),
    ("structure", structure::table),
    ("json", json_text::table),
    ("signature", signature::table),
    ("key sets", key_sets::table),
    ("issuer", issuer::table),
    ("audience", audience::table),
    ("times", times::table),
    ("claims", claims::table),
    ("dialects", dialects::table),
];

/// Sentences that families share because the check is truly the same one: a signature that is wrong says nothing of how
/// it was made, and a claim's type does not depend on the CI.
const SHARED: [&str; 5] = [
    "token's signature is wrong",
    "token's signature has another length than its algorithm's",
    "token names a key that its issuer does not publish",
    "claim `job_workflow_ref` is not text",
    "claim `ref` is not text",
];

/// If a line fails: either the library accepts what it must not, or its refusal no longer says which check it was.
#[test]
fn every_attack_is_refused_for_its_own_reason() {
    let forge = Forge::new();
    let (mut faults, mut names, mut total) = (Vec::new(), BTreeSet::new(), 0);
    let mut sentences: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (family, build) in FAMILIES {
        let table = build(&forge);
        assert!(!table.honest.is_empty(), "{family}: nothing shows that its attacks fail for their reason");
        for (name, found) in &table.honest {
            if let Err((code, text)) = found {
                faults.push(format!("{family}: honest `{name}`: {code} {text}"));
            }
        }
        for attack in &table.attacks {
            faults.extend(attack.fault().map(|fault| format!("{family}: `{}`: {fault}", attack.name)));
            if !names.insert(format!("{family}: {}", attack.name)) {
                faults.push(format!("{family}: `{}` stands twice", attack.name));
            }
            sentences.entry(attack.sentence().to_owned()).or_default().insert(family);
        }
        total += table.attacks.len();
        println!("{family}: {} attacks refused, {} honest accepted", table.attacks.len(), table.honest.len());
    }
    for (sentence, families) in &sentences {
        if (families.len() > 1) != SHARED.contains(&sentence.as_str()) {
            faults.push(format!(
                "families {families:?} share `{sentence}`: refine the refusal, or correct SHARED"
            ));
        }
    }
    println!("{total} attacks, {} different sentences", sentences.len());
    assert!(faults.is_empty(), "{} lines:\n{}", faults.len(), faults.join("\n"));
    assert!(total >= 250, "{total}");
}

/// No refusal repeats the token or its signature: they are credentials, and refusals are logged.
#[test]
fn no_refusal_repeats_the_token() {
    let forge = Forge::new();
    let good = forge.good();
    let signature = good.rsplit('.').next().unwrap();
    for token in [format!("{good}="), format!("{good}.x"), format!("x{good}"), good.replace("eyJ", "eyK")] {
        let shown = format!("{:?}", forge.check(&token).unwrap_err());
        assert!(!shown.contains(signature) && !shown.contains(&good[..60]), "{shown}");
    }
}
