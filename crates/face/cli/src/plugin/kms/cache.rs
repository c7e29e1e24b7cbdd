//! Public keys, kept for a minute: one signature of cosign asks for its key three to five times.
//!
//! ```text
//! $XDG_CACHE_HOME/chancery/kms/<sha256 of server and key>     SubjectPublicKeyInfo, DER
//! ```
//! Nothing depends on it but speed: a signature is made by the key that the service names then, and must be the key here.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::time::Duration;

use chancery_core::algorithm::PublicKey;
use chancery_core::digest::Sha256;
use chancery_x509::key;

use crate::file::replacement::Replacement;
use crate::host::Host;
use crate::trust::read_bounded;

/// How long a key is good.
const LIFE: Duration = Duration::from_secs(60);
/// Largest key in bytes.
const MAX_KEY: usize = 2048;

fn place(name: &str, host: &dyn Host) -> Option<PathBuf> {
    let given = |variable: &str| host.variable(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let base = given("XDG_CACHE_HOME").or_else(|| Some(given("HOME")?.join(".cache")))?;
    let server = host.variable("CHANCERY_SERVER").unwrap_or_default();
    let digest = Sha256::of(format!("{server}\n{name}").as_bytes());
    Some(base.join("chancery/kms").join(digest.to_string()))
}

/// The key, if it is there and fresh.
pub(super) fn find(name: &str, host: &dyn Host) -> Option<PublicKey> {
    let place = place(name, host)?;
    let kept = std::fs::metadata(&place).ok()?.modified().ok()?;
    if !kept.elapsed().is_ok_and(|age| age < LIFE) {
        return None;
    }
    key::parse(&read_bounded(&place, MAX_KEY).ok()?).ok()
}

/// Keeps a key. Not being able to costs time alone.
pub(super) fn keep(name: &str, key: &PublicKey, host: &dyn Host) {
    let Some(place) = place(name, host) else { return };
    let Some(directory) = place.parent() else { return };
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    if made.is_ok() {
        let kept = Replacement::of(&place, &key.spki)
            .and_then(|file| file.put(std::fs::Permissions::from_mode(0o600)));
        drop(kept);
    }
}

/// Forgets a key that is no longer the right one.
pub(super) fn forget(name: &str, host: &dyn Host) {
    if let Some(place) = place(name, host) {
        drop(std::fs::remove_file(place));
    }
}
