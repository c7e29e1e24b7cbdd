//! Files, TCP ports, and scopes by Landlock.

use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

use crate::sandbox::{Network, Profile};

/// The newest rules that are asked for; an older kernel enforces those that it knows.
const NEWEST: ABI = ABI::V6;

/// Why files are not restricted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LandlockError {
    /// The kernel has no Landlock, or it is off.
    #[error("not enforced: the kernel has no Landlock or does not enable it")]
    Absent,
    /// A path of the profile cannot be opened.
    #[error("not enforced: cannot open `{0}`")]
    Path(PathBuf),
    /// The kernel refused the rules.
    #[error("not enforced: {0}")]
    Rules(#[from] RulesetError),
    /// There are threads that are not restricted.
    #[error("enforced for the calling thread only, and there are {0} threads")]
    Threads(usize),
}

/// Restricts the calling thread and all that it starts from now on.
pub(crate) fn restrict(profile: &Profile) -> Result<String, LandlockError> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let ports = match profile.network {
        Network::None => AccessNet::from_all(NEWEST),
        Network::Outbound => AccessNet::BindTcp.into(),
    };
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(ports)?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let rules = allow(rules, &profile.read, read)?;
    let rules = allow(rules, &profile.write, AccessFs::from_all(NEWEST) & !AccessFs::Execute)?;
    let rules = allow(rules, &profile.execute, read | AccessFs::Execute)?;
    let status = rules.restrict_self()?;
    let detail = match status.ruleset {
        RulesetStatus::NotEnforced => return Err(LandlockError::Absent),
        RulesetStatus::PartiallyEnforced => "files enforced; the kernel does not know every rule",
        RulesetStatus::FullyEnforced => "files, TCP and scopes enforced",
    };
    if threads > 1 && !status.all_threads {
        return Err(LandlockError::Threads(threads));
    }
    Ok(detail.to_owned())
}

fn allow(
    mut rules: RulesetCreated,
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, LandlockError> {
    for path in paths {
        let descriptor = PathFd::new(path).map_err(|_| LandlockError::Path(path.clone()))?;
        // Rights that only directories have are refused for a file.
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
        rules = rules.add_rule(PathBeneath::new(descriptor, access))?;
    }
    Ok(rules)
}
