//! Digest, padding, table and checksum of PE images, byte for byte against osslsigncode, and the limits of the reader.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "test"
)]

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use chancery_core::digest::Sha256;
use chancery_format::patch::Patch;
use chancery_format::pe;
use chancery_format::seam::{Attachment, FormatError, Options, Prepared};
use chancery_testkit::pe::{Bits, HEADERS, OPTIONAL, image};
use serde_json::{Map, Value, json};

fn prepare(bytes: &[u8], options: Value) -> Result<Prepared, FormatError> {
    let values: Map<String, Value> = serde_json::from_value(options).unwrap();
    pe::prepare::prepare(&mut &*bytes, &Options { values: &values, key: None })
}

fn patch(prepared: &Prepared, blob: &[u8]) -> Patch {
    match pe::attach::attach(&prepared.layout, blob).unwrap() {
        Attachment::Patch(patch) => patch,
        Attachment::Beside { .. } => panic!("pe signatures are embedded"),
    }
}

fn apply(patch: &Patch, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    patch.copy(&mut &*bytes, Sha256::of(bytes), &mut out).unwrap();
    out
}

/// Images of every shape that matters: both widths, odd sizes, overlays, more than one buffer.
fn images() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for bits in [Bits::B32, Bits::B64] {
        for (sections, overlay) in [
            (vec![512], 0),
            (vec![512, 1024], 1),
            (vec![512], 7),
            (vec![513], 8),
            (vec![0, 100, 3], 5),
            (vec![pe::image::HEAD - HEADERS], 0),
            (vec![400_000], 300_001),
            (vec![3_000_000], 12_345),
        ] {
            all.push(image(bits, &sections, &vec![0xa5; overlay]));
        }
    }
    all
}

fn run(directory: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let result = Command::new(program).args(arguments).current_dir(directory).output();
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("not compared: {program} is absent");
            None
        }
        result => {
            let output = result.unwrap();
            let text = [output.stdout, output.stderr].concat();
            Some(String::from_utf8_lossy(&text).into_owned())
        }
    }
}

/// The one CMS structure of a signed image, read without any of our own code.
fn blob_of(signed: &[u8]) -> &[u8] {
    let at = |offset: usize| {
        usize::try_from(u32::from_le_bytes(signed[offset..offset + 4].try_into().unwrap())).unwrap()
    };
    let optional = at(0x3c) + 24;
    let directory = optional + if signed[optional] == 0x0b && signed[optional + 1] == 2 { 144 } else { 128 };
    let entry = at(directory);
    let der = &signed[entry + 8..];
    assert_eq!(&der[..2], [0x30, 0x82]);
    &der[..usize::from(der[2]) * 256 + usize::from(der[3]) + 4]
}

#[test]
fn attaching_equals_osslsigncode_byte_for_byte() {
    let home = tempfile::tempdir().unwrap();
    let subject = ["-subj", "/CN=test", "-days", "2", "-addext", "extendedKeyUsage=codeSigning"];
    let key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let files = ["-keyout", "key.pem", "-out", "cert.pem"];
    let Some(_) = run(home.path(), "openssl", &[&key[..], &files, &subject].concat()) else { return };
    for (index, original) in images().iter().enumerate() {
        for (digest, algorithm) in [("-h", "sha256"), ("-h", "sha384")] {
            let (input, output) = (format!("{index}.exe"), format!("{index}.{algorithm}.exe"));
            std::fs::write(home.path().join(&input), original).unwrap();
            let sign = ["sign", "-certs", "cert.pem", "-key", "key.pem", digest, algorithm];
            let arguments = [&sign[..], &["-in", &input, "-out", &output]].concat();
            let Some(said) = run(home.path(), "osslsigncode", &arguments) else { return };
            assert!(said.contains("Succeeded"), "{said}");
            let foreign = std::fs::read(home.path().join(&output)).unwrap();
            let blob = blob_of(&foreign);

            let prepared = prepare(original, json!({ "digest_algorithm": algorithm })).unwrap();
            assert_eq!(apply(&patch(&prepared, blob), original), foreign, "image {index} {algorithm}");
            let claimed = prepared.body["image_digest"].as_str().unwrap();
            assert!(hex::encode(blob).contains(claimed), "image {index} {algorithm}: digest");

            let again = prepare(&foreign, json!({ "digest_algorithm": algorithm, "replace": true })).unwrap();
            assert_eq!(again.body, prepared.body, "image {index}: replacing");
            assert_eq!(apply(&patch(&again, blob), &foreign), foreign, "image {index}: replacing");
            assert!(matches!(prepare(&foreign, json!({})), Err(FormatError::AlreadySigned)));
        }
    }
}

#[test]
fn only_two_header_fields_change() {
    let blob = [&[0x30, 0x82, 0x01, 0x05][..], &[7; 0x105]].concat();
    for original in images() {
        let prepared = prepare(&original, json!({})).unwrap();
        assert_eq!((prepared.digest, prepared.size), (Sha256::of(&original), original.len() as u64));
        let patch = patch(&prepared, &blob);
        let signed = apply(&patch, &original);
        assert_eq!(signed.len() % 8, 0);
        let changed = original.iter().zip(&signed).enumerate().filter(|(_, (a, b))| a != b);
        let is32 = original[OPTIONAL + 1] == 1;
        let directory = if is32 { Bits::B32 } else { Bits::B64 }.directory_at();
        for (at, _) in changed {
            let is_checksum = (OPTIONAL + 64..OPTIONAL + 68).contains(&at);
            assert!(is_checksum || (directory..directory + 8).contains(&at), "byte {at}");
        }
        let mut in_place = Cursor::new(original.clone());
        patch.write_into(&mut in_place).unwrap();
        assert_eq!(in_place.into_inner(), signed);
    }
}

#[test]
fn an_artifact_that_changed_after_hashing_is_refused() {
    let original = image(Bits::B64, &[512], b"overlay");
    let prepared = prepare(&original, json!({})).unwrap();
    let patch = patch(&prepared, &[0x30, 0x00]);
    for changed in [&original[..original.len() - 1], &[&original[..], b"x"].concat()] {
        let result = patch.copy(&mut &*changed, prepared.digest, &mut Vec::new());
        assert!(matches!(result, Err(FormatError::Changed)));
    }
}

#[test]
fn headers_with_two_readings_are_refused() {
    let good = image(Bits::B64, &[512, 512], &[]);
    let sections = OPTIONAL + 240;
    let directory = Bits::B64.directory_at();
    let cases: &[(&str, usize, &[u8])] = &[
        ("no MZ", 0, b"ZM"),
        ("header inside the DOS header", 0x3c, &[0x3e, 0, 0, 0]),
        ("header at an odd offset", 0x3c, &[0x81, 0, 0, 0]),
        ("header far away", 0x3c, &[0, 0, 1, 0]),
        ("no PE", 0x80, b"PX"),
        ("97 sections", 0x86, &[97, 0]),
        ("optional header too small", 0x94, &[239, 0]),
        ("magic", OPTIONAL, &[7, 1]),
        ("4 directories", OPTIONAL + 108, &[4, 0, 0, 0]),
        ("17 directories", OPTIONAL + 108, &[17, 0, 0, 0]),
        ("headers end too early", OPTIONAL + 60, &[0x40, 1, 0, 0]),
        ("gap behind headers", OPTIONAL + 60, &[0xf8, 1, 0, 0]),
        ("sections overlap", sections + 40 + 20, &[0xff, 3, 0, 0]),
        ("gap between sections", sections + 40 + 20, &[1, 4, 0, 0]),
        ("section beyond the end", sections + 40 + 16, &[1, 2, 0, 0]),
        ("unaligned table", directory, &[4, 6, 0, 0, 8, 0, 0, 0]),
        ("table without offset", directory, &[0, 0, 0, 0, 8, 0, 0, 0]),
        ("table without size", directory, &[0, 6, 0, 0, 0, 0, 0, 0]),
        ("table over sections", directory, &[0xf8, 5, 0, 0, 8, 0, 0, 0]),
        ("table before the end", directory, &[0, 6, 0, 0, 8, 0, 0, 0]),
    ];
    let replace = || json!({"replace": true});
    assert!(prepare(&good, replace()).is_ok());
    for (name, at, bytes) in cases {
        let mut bad = good.clone();
        bad[*at..at + bytes.len()].copy_from_slice(bytes);
        if *name == "table before the end" {
            bad.extend_from_slice(&[0; 16]);
        }
        let result = prepare(&bad, replace());
        assert!(matches!(result, Err(FormatError::Malformed { .. })), "{name}: {result:?}");
    }
    for cut in 0..HEADERS + 1024 {
        assert!(prepare(&good[..cut], json!({})).is_err(), "cut at {cut}");
    }
}

#[test]
fn options_are_strict() {
    let good = image(Bits::B32, &[512], &[]);
    for bad in [
        json!({"replace": 1}),
        json!({"digest_algorithm": "sha1"}),
        json!({"program_name": ""}),
        json!({"url": "ftp://x"}),
        json!({"unknown": true}),
    ] {
        assert!(matches!(prepare(&good, bad.clone()), Err(FormatError::Option { .. })), "{bad}");
    }
    let all =
        json!({"digest_algorithm": "sha512", "program_name": "Acme", "url": "https://a/", "replace": false});
    assert_eq!(prepare(&good, all).unwrap().body["program_name"], "Acme");
}
