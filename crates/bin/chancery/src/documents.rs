//! Governance documents on disk: read at the first start, and what they need made.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::message::CertificateIssue;
use chancery_core::port::custodian::KeySpec;
use chancery_core::port::entropy::Entropy as _;
use chancery_gateway::gateway::Gateway;
use chancery_gateway::keys;
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;

use crate::ports::SystemEntropy;

/// Deepest folder that is read.
const MAX_DEPTH: usize = 4;

/// Reads every `.toml` and `.cedar` file below a directory.
pub(crate) fn read(directory: &Path) -> anyhow::Result<Documents> {
    let mut files = BTreeMap::new();
    collect(directory, directory, 0, &mut files)
        .with_context(|| format!("cannot read governance documents in `{}`", directory.display()))?;
    Ok(Documents::new(files)?)
}

fn collect(
    root: &Path,
    directory: &Path,
    depth: usize,
    files: &mut BTreeMap<String, String>,
) -> anyhow::Result<()> {
    anyhow::ensure!(depth <= MAX_DEPTH, "folders are nested deeper than {MAX_DEPTH}");
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let kind = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            collect(root, &path, depth.saturating_add(1), files)?;
        } else if matches!(kind, Some("toml" | "cedar")) {
            let name = path.strip_prefix(root)?.to_str().context("a file name is not UTF-8")?.to_owned();
            files.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The keys that the profiles name: made at the first start of a development installation, by an operator elsewhere.
pub(crate) fn keys(documents: &Documents) -> anyhow::Result<Vec<KeySpec>> {
    let policy = Policy::load(documents)?;
    let mut specs = BTreeMap::new();
    for profile in policy.profiles() {
        // The authority's own key, under which certificates are issued, is there already.
        let for_artifacts = profile.keys().iter().filter(|(family, _)| family.is_for_artifacts());
        for (family, key) in for_artifacts {
            let spec = KeySpec {
                id: key.clone(),
                algorithm: family.default_algorithm(),
                family: *family,
                environment: Environment::Development,
                owner: profile.owner().to_owned(),
                purpose: format!("profile {}", profile.name()),
            };
            specs.insert(key.clone(), spec);
        }
    }
    Ok(specs.into_values().collect())
}

/// Gives every key of a family with certificates that has none a certificate of the development CA.
pub(crate) async fn certify_dev(gateway: &Arc<Gateway>) -> anyhow::Result<()> {
    for key in keys::refresh(gateway).await? {
        if !key.family.uses_certificate() || keys::has_certificate(gateway, &key.id).await? {
            continue;
        }
        let mut serial = SystemEntropy.sixteen();
        if let Some(first) = serial.first_mut() {
            *first = (*first & 0x7f) | 0x40;
        }
        let common_name = format!("DO NOT TRUST {}", key.id);
        // ISO 3166-1 leaves ZZ to its users: nobody can take it for a real country.
        let is_notary = key.family == Family::Notary;
        let place = |name: &str| is_notary.then(|| name.to_owned());
        let (country, state) = (place("ZZ"), place("Nowhere"));
        let wish = CertificateIssue {
            key: key.id.clone(),
            common_name,
            country,
            state,
            crl: None,
            days: 365,
            serial: serial.to_vec(),
        };
        keys::certify(gateway, wish).await?;
    }
    Ok(())
}
