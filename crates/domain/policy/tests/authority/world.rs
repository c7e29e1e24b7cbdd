//! Governance directories with people in them.

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;
use chancery_policy::documents::Documents;
use chancery_policy::governance::header::Header;
use chancery_policy::governance::signed::SignatureSet;
use chancery_testkit::ssh::SshTestKey;

const PROFILE: &str = include_str!("../../../../../testdata/governance/dev/profiles/dev.toml");
pub(crate) const LEDGER: &str = "log2026.sign.example";
pub(crate) const NAMESPACE: &str = "governance@chancery";

/// A person's entry in `root.toml` or `roster.toml`.
pub(crate) fn person(id: &str, keys: &[&SshTestKey]) -> String {
    let lines: Vec<String> = keys.iter().map(|key| format!("{:?}", format!("{} {id}", key.line()))).collect();
    format!("[[people]]\nid = \"{id}\"\nname = \"{id} Example\"\nkeys = [{}]\n", lines.join(", "))
}

/// A `root.toml` of an installation.
pub(crate) fn root(version: u32, previous: Option<&str>, threshold: usize, people: &[String]) -> String {
    let previous =
        previous.map_or(String::new(), |text| format!("previous = \"{}\"\n", Sha256::of(text.as_bytes())));
    let head = "schema = \"chancery.root/1\"\nkind = \"installation\"\n";
    format!("{head}version = {version}\n{previous}threshold = {threshold}\n{}", people.concat())
}

/// Documents with a root and maybe a roster; `note` makes versions differ.
pub(crate) fn documents(root: &str, roster: Option<&str>, note: &str) -> Documents {
    let mut files = BTreeMap::from([
        ("root.toml".to_owned(), root.to_owned()),
        ("profiles/dev.toml".to_owned(), format!("{PROFILE}\n# {note}\n")),
    ]);
    files.extend(roster.map(|text| ("roster.toml".to_owned(), text.to_owned())));
    Documents::new(files).unwrap()
}

/// Signs a header with keys.
pub(crate) fn sign(header: &Header, keys: &[&SshTestKey]) -> SignatureSet {
    let text = header.canonical().unwrap();
    let signatures = keys.iter().map(|key| key.sign(NAMESPACE, text.as_bytes())).collect();
    SignatureSet::new(text, signatures).unwrap()
}
