//! Where an envelope goes: a file beside the artifact. Images get theirs through a registry, see [`super::manifest`].

use super::envelope::Kind;
use crate::seam::{Attachment, FormatError, Layout};

/// Puts the envelope beside the artifact, under the name that notation gives it.
pub fn attach(layout: &Layout, blob: &[u8]) -> Result<Attachment, FormatError> {
    match layout {
        Layout::Beside => {}
        Layout::Pe(_) => {
            return Err(FormatError::Parts("an envelope goes beside the artifact, not into it".to_owned()));
        }
    }
    let kind = Kind::of(blob).ok_or_else(|| FormatError::Parts("not an envelope".to_owned()))?;
    Ok(Attachment::Beside { suffix: kind.suffix(), bytes: blob.to_vec() })
}
