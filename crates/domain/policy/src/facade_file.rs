//! Reads `[facade]` of a profile, and refuses what a profile that issues certificates cannot have.

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::depth::Depth;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::KeyId;
use chancery_identity::issuer::{AudienceMode, Issuers};

use crate::facade::{ENTRIES, Facade, ISSUING_KEY, MAX_ENTRIES};
use crate::fields::Fields;
use crate::problem::Report;
use crate::profile::{Binding, FormatRule, Profile, Timestamping};
use crate::profile_file::How;

/// What belongs to signing, and what no Sigstore client could wait for.
const ELSEWHERE: [&str; 9] =
    ["approvals", "attestations", "binding", "depth", "formats", "hold", "keys", "quorum", "timestamp"];

/// `[facade]`; `None` where the profile has none.
pub(crate) fn read(report: &mut Report, fields: &mut Fields) -> Option<Facade> {
    let mut table = fields.table(report, "facade")?;
    let field = table.name("keys");
    let names = table.texts(report, "keys");
    let entries = table.number(report, "entries", (1, MAX_ENTRIES)).unwrap_or(ENTRIES);
    let bearers = table.name("bearer_tokens");
    let accepted = table.text(report, "bearer_tokens");
    if accepted.as_ref().is_some_and(|text| text != "accepted") {
        report.error(&bearers, "is not `accepted`");
    }
    table.finish(report);
    let usual = || BTreeSet::from([KeyAlgorithm::EcdsaP256]);
    let algorithms = names.map_or_else(usual, |names| algorithms(report, &field, &names));
    Some(Facade { algorithms, entries, takes_bearers: accepted.is_some() })
}

fn algorithms(report: &mut Report, field: &str, names: &[String]) -> BTreeSet<KeyAlgorithm> {
    let known = |name: &String| KeyAlgorithm::from_name(name).filter(|known| is_certifiable(*known));
    let found: BTreeSet<KeyAlgorithm> = names.iter().filter_map(known).collect();
    if found.is_empty() || found.len() != names.len() {
        report.error(field, "is not a list of distinct algorithms among `ecdsa-p256` and `ecdsa-p384`");
    }
    if found.contains(&KeyAlgorithm::EcdsaP384) {
        report.warning(field, "`ecdsa-p384`: sigstore-python and others do not verify it");
    }
    found
}

/// Rekor v2 has no pure Ed25519, and RSA keys are not made for ten minutes.
const fn is_certifiable(algorithm: KeyAlgorithm) -> bool {
    match algorithm {
        KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => true,
        KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => false,
    }
}

/// How such a profile works: with the key of the authority, and for certificates alone.
pub(crate) fn how(report: &mut Report, fields: &mut Fields) -> How {
    for name in ELSEWHERE {
        if fields.discard(name) {
            report.error(name, "has no meaning beside `[facade]`: the client makes its key and comes once");
        }
    }
    let mut keys = BTreeMap::new();
    match KeyId::parse(ISSUING_KEY) {
        Ok(id) => drop(keys.insert(Family::Certificate, id)),
        Err(error) => report.error("facade", error.to_string()),
    }
    let rule = FormatRule { families: BTreeSet::from([Family::Certificate]), depth: Depth::Structured };
    let formats = BTreeMap::from([(FormatName::Fulcio, rule)]);
    How { binding: Binding::Sigstore, timestamp: Timestamping::None, keys, formats }
}

/// ATTACK: a stolen token of such a job is a certificate in its name. In production somebody must have said that this is
/// known.
pub(crate) fn lint(report: &mut Report, facade: &Facade, environment: Option<Environment>) {
    if environment == Some(Environment::Production) && !facade.takes_bearers {
        let message = "is missing: in production say `bearer_tokens = \"accepted\"`, for whoever holds a token \
                       of such a job gets a certificate in its name";
        report.error("facade.bearer_tokens", message);
    }
}

/// A grant to jobs whose issuer may not speak to Sigstore clients names nobody.
pub(crate) fn audiences(report: &mut Report, profile: &Profile, issuers: &Issuers) {
    let named: BTreeSet<_> = profile.grants().iter().map(|grant| grant.issuer()).collect();
    for name in named {
        let takes = |mode| issuers.named(name).is_some_and(|issuer| issuer.audiences().contains(&mode));
        if !takes(AudienceMode::Sigstore) {
            let message = format!("issuer `{name}` is not registered with audience `sigstore`: issuers.toml");
            report.warning("facade", message);
        }
    }
}
