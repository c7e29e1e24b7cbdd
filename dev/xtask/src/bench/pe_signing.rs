//! Signing a Windows program with a key from a file, against osslsigncode with the same key and file (performance G18).
//!
//! Ours is the example `pe_sign`, which does what client and keyguard do together, without the service around it:
//! osslsigncode has none either.

use std::path::Path;

use anyhow::Result;

use super::measure::{Side, compare};
use super::row::{Bar, Row};
use super::{Bench, text};
use crate::process::{self, command, read};

const SIZES: [(&str, usize, f64); 2] = [("5 MiB", 5 << 20, 2.0), ("100 MiB", 100 << 20, 1.7)];

/// CPU of both for both sizes.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let what = |size: &str| format!("PE of {size}, osslsigncode : ours, CPU");
    if !process::is_installed("osslsigncode") {
        return Ok(SIZES.map(|(size, ..)| Row::not_compared(&what(size), "osslsigncode")).to_vec());
    }
    let directory = bench.directory("pe")?;
    make_key(&directory)?;
    let mut rows = Vec::new();
    for (size, bytes, bar) in SIZES {
        std::fs::write(directory.join("in.exe"), image(bytes))?;
        let ours = format!("{} in.exe ours.exe key.pk8 leaf.pem", text(&bench.example("pe_sign")));
        let other = "rm -f other.exe; osslsigncode sign -h sha256 -certs leaf.pem -key key.pem -in in.exe -out other.exe";
        let repeat = if bytes > 50 << 20 { 1 } else { 5 };
        let side = |line: &str| Side { line: line.to_owned(), variables: &[], repeat };
        let found = compare(&side(&format!("rm -f ours.exe; {ours}")), &side(other), 5, &directory)?;
        let figures = (found.first.cpu * 1e3, found.second.cpu * 1e3);
        rows.push(Row::compared(&what(size), figures, "ms", 1.0 / found.cpu_ratio, Bar::AtLeast(bar)));
    }
    Ok(rows)
}

fn make_key(directory: &Path) -> Result<()> {
    let openssl = |line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        read(command("openssl", &arguments).current_dir(directory)).map(drop)
    };
    openssl("genrsa -out key.pem 3072")?;
    openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform der -out key.pk8")?;
    openssl(
        "req -new -x509 -key key.pem -subj /CN=bench -days 30 -addext extendedKeyUsage=codeSigning -out leaf.pem",
    )
}

/// A PE32+ image of one section.
fn image(size: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; 0x400];
    let mut put = |at: usize, field: &[u8]| {
        bytes.splice(at..at + field.len(), field.iter().copied());
    };
    put(0, b"MZ");
    put(0x3c, &0x80u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    put(0x84, &0x8664u16.to_le_bytes()); // machine
    put(0x86, &1u16.to_le_bytes()); // sections
    put(0x94, &240u16.to_le_bytes()); // size of the optional header
    put(0x96, &0x22u16.to_le_bytes());
    put(0x98, &0x20bu16.to_le_bytes()); // PE32+
    put(0x98 + 32, &0x1000u32.to_le_bytes()); // section alignment
    put(0x98 + 36, &0x200u32.to_le_bytes()); // file alignment
    put(0x98 + 48, &6u16.to_le_bytes());
    let body = size - 0x400;
    let length = u32::try_from(body).unwrap_or(u32::MAX).to_le_bytes();
    put(0x98 + 56, &u32::try_from(size + 0x1000).unwrap_or(u32::MAX).to_le_bytes()); // size of the image
    put(0x98 + 60, &0x400u32.to_le_bytes()); // size of the headers
    put(0x98 + 68, &3u16.to_le_bytes()); // console
    put(0x98 + 108, &16u32.to_le_bytes()); // data directories
    let section = 0x98 + 240;
    put(section, b".text\0\0\0");
    put(section + 8, &length);
    put(section + 12, &0x1000u32.to_le_bytes());
    put(section + 16, &length);
    put(section + 20, &0x400u32.to_le_bytes());
    put(section + 36, &0x6000_0020u32.to_le_bytes());
    bytes.extend((0..body).map(|at| u8::try_from(at * 31 % 251).unwrap_or(0)));
    bytes
}
