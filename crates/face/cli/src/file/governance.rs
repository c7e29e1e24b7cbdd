//! A governance directory as documents: every file below it, none followed out of it.

use std::collections::BTreeMap;
use std::path::Path;

use chancery_policy::documents::{Documents, MAX_FILE, MAX_FILES};
use chancery_policy::policy::Policy;
use chancery_policy::problem::{Problem, Severity};
use chancery_verify::gates::Gates;

use crate::catalogue::Code;
use crate::failure::Failure;
use crate::trust::read_bounded;

/// Directories below directories; governance has one level.
const MAX_DEPTH: usize = 4;

/// Reads the directory. Names that start with a dot (`.git`) are left out; a link is an error, because what it points
/// to is not what is reviewed.
pub(crate) fn read(root: &Path) -> Result<Documents, Failure> {
    let mut files = BTreeMap::new();
    walk(root, "", MAX_DEPTH, &mut files)?;
    Documents::new(files)
        .map_err(|error| Failure::new(Code::Governance, format!("`{}`: {error}", root.display())))
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut BTreeMap<String, String>,
) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| Failure::file("read", folder, &error);
    let refused =
        |path: &Path, why: &str| Failure::new(Code::Governance, format!("`{}` {why}", path.display()));
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|_| refused(&path, "has no name in UTF-8"))?;
        if name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type().map_err(unreadable)?;
        let relative = format!("{prefix}{name}");
        if kind.is_dir() {
            let below = depth.checked_sub(1).ok_or_else(|| refused(&path, "is nested too deep"))?;
            walk(&path, &format!("{relative}/"), below, files)?;
        } else if kind.is_file() && files.len() < MAX_FILES {
            let text = String::from_utf8(read_bounded(&path, MAX_FILE)?);
            files.insert(relative, text.map_err(|_| refused(&path, "is not UTF-8"))?);
        } else {
            return Err(refused(&path, "is not a plain file, or one too many"));
        }
    }
    Ok(())
}

/// Problems in documents that the policy crate does not read itself: issuers, verification policies and what they name.
/// With the policy, also whether what its profiles demand can be met.
pub(crate) fn problems(documents: &Documents, policy: Option<&Policy>) -> Vec<String> {
    let text = documents.file("issuers.toml");
    let issuers = text.and_then(|text| chancery_identity::issuers_toml::load(text).err());
    let issuers = issuers.map(|error| format!("error: issuers.toml: {error}"));
    let demanded = policy.into_iter().flat_map(Policy::profiles).flat_map(|profile| profile.attestations());
    let gates = Gates::load(documents.files(), demanded).err().map(|error| format!("error: {error}"));
    issuers.into_iter().chain(gates).collect()
}

/// Files about verification that nothing uses, as warnings.
pub(crate) fn unused(documents: &Documents, policy: &Policy) -> Vec<Problem> {
    let demanded: Vec<_> = policy.profiles().flat_map(|profile| profile.attestations()).collect();
    let gates = Gates::load(documents.files(), demanded.iter().copied()).unwrap_or_default();
    let unused = gates.unused(documents.files(), demanded);
    let (field, severity) = (String::new(), Severity::Warning);
    let warning = |(file, why): (String, &str)| Problem {
        file,
        field: field.clone(),
        severity,
        message: why.to_owned(),
    };
    unused.into_iter().map(warning).collect()
}
