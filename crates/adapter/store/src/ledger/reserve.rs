//! The disk reserve: intake stops before the disk is full, because a full disk breaks more than one promise.

use std::path::Path;

/// Whether the file system of `directory` still has `reserve` bytes for unprivileged writers. Unknown counts as no.
pub(crate) fn has_room(directory: &Path, reserve: u64) -> bool {
    free(directory).is_some_and(|free| free >= reserve)
}

/// Bytes for unprivileged writers on the file system of `directory`.
pub(crate) fn free(directory: &Path) -> Option<u64> {
    rustix::fs::statvfs(directory).ok().map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}
