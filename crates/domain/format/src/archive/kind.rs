//! What a file is by its first bytes, as far as looking inside goes.

use crate::pe::image;
use crate::seam::{Sample, Sureness};

/// Where tar has `ustar`.
const USTAR_AT: usize = 257;

/// Beginnings of containers that are known and not looked into.
const OPAQUE: [&[u8]; 9] = [
    b"!<arch>\n",                        // ar: .deb, .a
    b"7z\xbc\xaf\x27\x1c",               // 7z
    b"BZh",                              // bzip2
    b"MSCF",                             // cabinet
    b"Rar!\x1a\x07",                     // rar
    b"\x28\xb5\x2f\xfd",                 // zstd
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", // compound file: .msi
    b"\xed\xab\xee\xdb",                 // rpm
    b"\xfd7zXZ\x00",                     // xz
];

/// A container or a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    /// gzip over something else than tar.
    #[serde(rename = "gzip")]
    Gzip,
    /// A container that is not looked into.
    #[serde(rename = "opaque")]
    Opaque,
    /// A program with a place for a signature: PE.
    #[serde(rename = "pe")]
    Pe,
    /// tar with headers as POSIX has them.
    #[serde(rename = "tar")]
    Tar,
    /// The same below gzip.
    #[serde(rename = "tar.gz")]
    TarGzip,
    /// zip, and what is built on it: jar, whl, nupkg, vsix.
    #[serde(rename = "zip")]
    Zip,
}

impl Kind {
    /// The kind of what begins like this; `None` for all that is neither archive nor program.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let sample = Sample { head, tail: &[], name: "" };
        if image::detect(&sample) == Sureness::Content {
            return Some(Self::Pe);
        }
        // An empty zip archive begins with its end.
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            return Some(Self::Zip);
        }
        if head.starts_with(b"\x1f\x8b") {
            return Some(Self::Gzip);
        }
        if is_tar(head) {
            return Some(Self::Tar);
        }
        OPAQUE.iter().any(|magic| head.starts_with(magic)).then_some(Self::Opaque)
    }
    /// The stable name: `tar.gz`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Opaque => "opaque",
            Self::Pe => "pe",
            Self::Tar => "tar",
            Self::TarGzip => "tar.gz",
            Self::Zip => "zip",
        }
    }
}

/// Whether a tar archive begins here.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(USTAR_AT..).is_some_and(|rest| rest.starts_with(b"ustar"))
}
