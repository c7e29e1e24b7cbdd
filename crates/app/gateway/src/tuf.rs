//! The TUF repository as files: the keyguard makes and keeps it; here it is only remembered for a minute.
//!
//! ```text
//! root.json  N.root.json  timestamp.json  N.snapshot.json  N.targets.json  targets/<sha256>.<name>
//! ```
//! What clients may be in the middle of reading stays: the repository before the newest one is remembered too.

use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::digest::Sha256;
use chancery_core::message::{Call, Reply};
use chancery_core::time::Time;
use chancery_core::tuf::{Metadata, Repository};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::unexpected;

/// The keyguard is asked at most this often, in seconds. It renews what is due by its own clock.
const FRESH: i64 = 60;

/// What was shown last.
#[derive(Debug, Default)]
pub struct Shown(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    asked: Option<Time>,
    newest: Option<Arc<Repository>>,
    before: Option<Arc<Repository>>,
}

impl Shown {
    /// Asks the keyguard next time: people have signed another list.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).asked = None;
    }
    fn fresh(&self, now: Time) -> bool {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.asked.is_some_and(|asked| (0..FRESH).contains(&now.seconds_since(asked)))
    }
    fn take(&self, made: Repository, now: Time) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.asked = Some(now);
        if memory.newest.as_deref() != Some(&made) {
            memory.before = memory.newest.replace(Arc::new(made));
        }
    }
    fn find(&self, path: &str) -> Option<Vec<u8>> {
        let (newest, before) = {
            let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (memory.newest.clone(), memory.before.clone())
        };
        [newest, before].into_iter().flatten().find_map(|repository| in_it(&repository, path))
    }
    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).newest.is_none()
    }
}

/// A file of the repository; `None` where there is no such file.
pub async fn file(gateway: &Gateway, path: &str) -> Result<Option<Vec<u8>>, Failure> {
    let now = gateway.parts.clock.now();
    if !gateway.tuf.fresh(now) {
        match ask(gateway).await {
            Ok(made) => gateway.tuf.take(made, now),
            // What was signed before is good for days: a keyguard that is away for a moment stops no verifier.
            Err(Failure::Temporary(_)) if !gateway.tuf.is_empty() => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(gateway.tuf.find(path))
}

async fn ask(gateway: &Gateway) -> Result<Repository, Failure> {
    let reply = gateway.parts.keyguard.call(Call::Tuf).await?;
    let Reply::Tuf(made) = reply else { return Err(unexpected("tuf", &reply)) };
    Ok(*made)
}

fn in_it(repository: &Repository, path: &str) -> Option<Vec<u8>> {
    let text = |metadata: &Metadata| metadata.text.clone().into_bytes();
    let versioned = |role: &str, metadata: &Metadata| path == format!("{}.{role}.json", metadata.version);
    if let Some(name) = path.strip_prefix("targets/") {
        let named = |digest: Sha256, name: &str| format!("{digest}.{name}");
        let is_it =
            |file: &&chancery_core::tuf::Target| named(Sha256::of(file.text.as_bytes()), &file.name) == name;
        return repository.files.iter().find(is_it).map(|file| file.text.clone().into_bytes());
    }
    if path == "timestamp.json" {
        return Some(text(&repository.timestamp));
    }
    if path == "root.json" {
        return repository.roots.last().map(text);
    }
    if versioned("snapshot", &repository.snapshot) {
        return Some(text(&repository.snapshot));
    }
    if versioned("targets", &repository.targets) {
        return Some(text(&repository.targets));
    }
    repository.roots.iter().find(|root| versioned("root", root)).map(text)
}
