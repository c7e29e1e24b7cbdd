//! The disk reserve: intake stops before the disk is full, because a full disk breaks more than one promise.

use std::path::Path;

/// Whether the file system of `directory` still has `reserve` bytes for unprivileged writers. Unknown counts as no.
pub(crate) fn has_room(directory: &Path, reserve: u64) -> bool {
    rustix::fs::statvfs(directory)
        .is_ok_and(|stat| stat.f_bavail.checked_mul(stat.f_frsize).is_none_or(|free| free >= reserve))
}
