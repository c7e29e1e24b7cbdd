//! Archives as they should be, for tests that then spoil them: zip without compression, and tar.

/// A zip archive of stored entries, local headers first, then the directory.
#[must_use]
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let at = u32::try_from(out.len()).unwrap_or(u32::MAX).to_le_bytes();
        let fields = fields(name, bytes);
        out.extend(b"PK\x03\x04");
        out.extend(&fields);
        out.extend(name.as_bytes());
        out.extend(*bytes);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        // Comment, disk, attributes: none.
        directory.extend([0; 10]);
        directory.extend(at);
        directory.extend(name.as_bytes());
    }
    let (at, size) = (out.len(), directory.len());
    out.extend(directory);
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX).to_le_bytes();
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend(u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes());
    out.extend([0, 0]);
    out
}

/// What local header and directory share: version, flags, method, time, checksum, sizes, lengths.
fn fields(name: &str, bytes: &[u8]) -> Vec<u8> {
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let name_size = u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes();
    let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    fields.extend(checksum(bytes).to_le_bytes());
    fields.extend([size, size].concat());
    fields.extend(name_size);
    fields.extend([0, 0]);
    fields
}

/// CRC-32 as zip has it.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

/// A tar archive of regular files, with POSIX headers.
#[must_use]
pub fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in entries {
        out.extend(tar_header(name, bytes.len(), b'0'));
        out.extend(*bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.extend([0; 1024]);
    out
}

/// One header of 512 bytes, with its checksum.
#[must_use]
pub fn tar_header(name: &str, size: usize, kind: u8) -> Vec<u8> {
    let mut header: Vec<u8> = name.bytes().take(100).collect();
    header.resize(100, 0);
    header.extend(b"0000644\x000000000\x000000000\0");
    header.extend(format!("{size:011o}\0").bytes());
    header.extend(b"00000000000\0");
    header.extend(b"        ");
    header.push(kind);
    header.resize(257, 0);
    header.extend(b"ustar\x0000");
    header.resize(512, 0);
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header.splice(148..156, format!("{sum:06o}\0 ").bytes());
    header
}
