//! One update: the specification's workflow, driven by what the mirror gives. What was verified is kept step by step.

use chancery_core::time::Time;
use chancery_core::tuf::Role;
use chancery_core::verdict::Reason;
use chancery_verify::tuf::client::{Client, MAX_ROOTS, MAX_TARGET, limit};
use chancery_verify::tuf::refused::TufRefused;

use super::place::Mirror;
use super::store::Store;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;

/// What clients need, and what a repository may have beside it.
const WANTED: [(&str, Need); 2] =
    [("trusted_root.json", Need::Demanded), ("signing_config.v0.2.json", Need::Welcome)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Demanded,
    Welcome,
}

/// What an update came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Updated {
    /// Version of the root.
    pub(crate) root: u64,
    /// When the root ends.
    pub(crate) root_expires: Time,
    /// Version of the targets.
    pub(crate) targets: u64,
    /// The files that are other ones than before.
    pub(crate) changed: Vec<String>,
}

/// Brings a store up to date with its mirror. `root` is where the first update begins; later ones go on from the root that
/// was trusted last.
pub(crate) fn update(
    mirror: &Mirror,
    store: &Store,
    root: Option<Vec<u8>>,
    now: Time,
) -> Result<Updated, Failure> {
    let begin = match (store.read("root.json")?, root) {
        (Some(kept), _) => kept,
        (None, Some(given)) => given,
        (None, None) => {
            return Err(Failure::new(Code::Usage, format!("nothing is trusted as `{}` yet", store.name()))
                .hint("bring a root along: chancery trust init --mirror URL --root root.json"));
        }
    };
    let mut client = Client::begin(&begin).map_err(|error| refused(&error))?;
    store.keep("root.json", &begin)?;
    for _ in 0..MAX_ROOTS {
        let name = format!("{}.root.json", client.root_version().saturating_add(1));
        let Some(bytes) = mirror.fetch(&name, limit(Role::Root))? else { break };
        client.root(&bytes).map_err(|error| refused(&error))?;
        store.keep("root.json", &bytes)?;
    }
    client.close_roots(now).map_err(|error| refused(&error))?;
    for role in [Role::Timestamp, Role::Snapshot] {
        if let Some(bytes) = store.read(&format!("{}.json", role.name()))? {
            // What cannot be read any more is no bound; what can be, is.
            let _no_bound = client.remember(role, &bytes).is_err();
        }
    }
    let targets = roles(mirror, store, &mut client)?;
    let mut changed = Vec::new();
    for (name, need) in WANTED {
        if target(mirror, store, &client, (name, need))? {
            changed.push(name.to_owned());
        }
    }
    Ok(Updated { root: client.root_version(), root_expires: client.root_expires(), targets, changed })
}

/// Timestamp, snapshot and targets, each named by the one before; answers with the version of the targets.
fn roles(mirror: &Mirror, store: &Store, client: &mut Client) -> Result<u64, Failure> {
    let timestamp = mirror.demand("timestamp.json", limit(Role::Timestamp))?;
    let version = client.timestamp(&timestamp).map_err(|error| refused(&error))?;
    store.keep("timestamp.json", &timestamp)?;
    let snapshot = mirror.demand(&format!("{version}.snapshot.json"), limit(Role::Snapshot))?;
    let version = client.snapshot(&snapshot).map_err(|error| refused(&error))?;
    store.keep("snapshot.json", &snapshot)?;
    let targets = mirror.demand(&format!("{version}.targets.json"), limit(Role::Targets))?;
    client.targets(&targets).map_err(|error| refused(&error))?;
    store.keep("targets.json", &targets)?;
    Ok(version)
}

/// Fetches a target unless it is there already; answers whether it is another one than before.
fn target(
    mirror: &Mirror,
    store: &Store,
    client: &Client,
    (name, need): (&str, Need),
) -> Result<bool, Failure> {
    let path = match (client.target_path(name), need) {
        (Ok(path), _) => path,
        (Err(TufRefused::NoTarget(_)), Need::Welcome) => return Ok(false),
        (Err(error), _) => return Err(refused(&error)),
    };
    if store.read(name)?.is_some_and(|kept| client.target(name, &kept).is_ok()) {
        return Ok(false);
    }
    let bytes = mirror.demand(&format!("targets/{path}"), MAX_TARGET)?;
    client.target(name, &bytes).map_err(|error| refused(&error))?;
    store.keep(name, &bytes)?;
    Ok(true)
}

fn refused(error: &TufRefused) -> Failure {
    let what = format!("the repository is not trusted ({}): {error}", error.name());
    let mut failure = Failure::new(Code::Trust, what).hint(
        "what was trusted before is kept and still used; ask who runs the repository, and try again later",
    );
    failure.code = Reason::TrustInvalid.code().to_owned();
    failure.exit = Exit::of_outcome(Reason::TrustInvalid.outcome());
    failure
}
