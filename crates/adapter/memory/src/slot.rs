//! One slot: encoding and the check that it is whole.

use chancery_core::digest::Hasher;

/// Size of a slot in bytes; content may take [`CAPACITY`] of them.
pub const SLOT: usize = 256 * 1024;
const MAGIC: &[u8; 8] = b"CHMEM001";
const HEADER: usize = 8 + 8 + 4 + 32;
/// Largest content in bytes.
pub const CAPACITY: usize = SLOT - HEADER;

/// A whole slot, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Increases by one with every write.
    pub generation: u64,
    /// What was written.
    pub content: Vec<u8>,
}

/// Encodes a slot without padding; `None` when the content is too large.
#[must_use]
pub fn encode(generation: u64, content: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(content.len()).ok().filter(|_| content.len() <= CAPACITY)?;
    let mut bytes = Vec::with_capacity(HEADER.saturating_add(content.len()));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&generation.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&digest(generation, length, content));
    bytes.extend_from_slice(content);
    Some(bytes)
}

/// Decodes a slot; `None` when it was never written, or torn, or damaged.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Slot> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (generation, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<32>()?;
    let (generation, length) = (u64::from_be_bytes(*generation), u32::from_be_bytes(*length));
    let content = rest.get(..usize::try_from(length).ok()?)?;
    let whole = magic == MAGIC && *sum == digest(generation, length, content);
    whole.then(|| Slot { generation, content: content.to_vec() })
}

fn digest(generation: u64, length: u32, content: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::default();
    hasher.update(&generation.to_be_bytes());
    hasher.update(&length.to_be_bytes());
    hasher.update(content);
    *hasher.finish().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_damaged_byte_and_every_cut_is_noticed() {
        let good = encode(7, b"content").unwrap();
        assert_eq!(decode(&good), Some(Slot { generation: 7, content: b"content".to_vec() }));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(decode(&bad), None, "byte {at}");
            assert_eq!(decode(&good[..at]), None, "cut at {at}");
        }
        assert!(encode(1, &vec![0; CAPACITY + 1]).is_none());
    }
}
