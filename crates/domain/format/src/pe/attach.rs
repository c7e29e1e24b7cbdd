//! Writes a signature into an image: two header fields change, the certificate table is appended.
//!
//! ```text
//! WIN_CERTIFICATE   98 03 00 00  u32 length, with header and padding
//!                   00 02        revision 2.0        02 00  PKCS#7 SignedData
//!                   30 82 …      CMS ContentInfo     00 …   zeros up to a multiple of 8
//! ```

use crate::patch::Patch;
use crate::pe::digest::padding;
use crate::pe::spc::element_size;
use crate::seam::{Attachment, FormatError, Layout};

/// Largest signature in bytes; the verifier refuses larger ones.
pub const MAX_SIGNATURE: usize = 1 << 20;

/// Revision 2.0 and type PKCS_SIGNED_DATA of a WIN_CERTIFICATE.
pub(super) const ENTRY_KIND: [u8; 4] = [0x00, 0x02, 0x02, 0x00];
/// Bytes of its header.
pub(super) const ENTRY_HEADER: u64 = 8;

/// The change that puts the CMS signature into the image.
pub fn attach(layout: &Layout, blob: &[u8]) -> Result<Attachment, FormatError> {
    let layout = match layout {
        Layout::Pe(layout) => layout,
        Layout::Beside => return Err(FormatError::Parts("layout is not that of a PE image".to_owned())),
    };
    if blob.len() > MAX_SIGNATURE || element_size(blob) != Some(blob.len()) {
        return Err(FormatError::Parts("signature is not one DER element of at most 1 MiB".to_owned()));
    }
    let too_large = || FormatError::Unsupported("a PE image of 4 GiB or more".to_owned());
    let offset = layout.end.checked_add(padding(layout.end)).ok_or_else(too_large)?;
    let table = table(blob).ok_or_else(too_large)?;
    let table_size = u32::try_from(table.len()).map_err(|_| too_large())?;
    let directory: Vec<u8> =
        [u32::try_from(offset).map_err(|_| too_large())?.to_le_bytes(), table_size.to_le_bytes()].concat();
    let size = offset.checked_add(u64::from(table_size)).ok_or_else(too_large)?;

    let mut sum = layout.sum;
    sum.add_even(&directory);
    sum.add_even(&table);
    let checksum = sum.finish(size).to_le_bytes().to_vec();
    let overwrites = vec![(layout.image.checksum_at(), checksum), (layout.image.directory_at(), directory)];
    let mut append = zeros(padding(layout.end));
    append.extend(table);
    let patch = Patch::new(overwrites, layout.end, append);
    patch
        .map(Attachment::Patch)
        .ok_or_else(|| FormatError::Parts("layout has no place for a table".to_owned()))
}

/// A table of one entry.
fn table(blob: &[u8]) -> Option<Vec<u8>> {
    let used = ENTRY_HEADER.checked_add(u64::try_from(blob.len()).ok()?)?;
    let length = u32::try_from(used.checked_add(padding(used))?).ok()?;
    Some([&length.to_le_bytes(), &ENTRY_KIND, blob, &zeros(padding(used))].concat())
}

fn zeros(count: u64) -> Vec<u8> {
    vec![0; usize::try_from(count).unwrap_or(0)]
}
