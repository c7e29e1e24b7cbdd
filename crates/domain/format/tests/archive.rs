//! Archives are looked into to the last layer, within bounds, and whatever reads in two ways is said to be unread.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

use std::io::{Cursor, Write as _};
use std::process::Command;

use chancery_format::archive::{Inside, Kind, Limits, Marked, Why, look};
use chancery_testkit::archive::{tar, tar_header, zip};
use chancery_testkit::pe::{Bits, image};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

fn program() -> Vec<u8> {
    image(Bits::B64, &[64], b"program")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn inside(bytes: &[u8]) -> Inside {
    looked(bytes, Limits::default()).unwrap()
}

fn looked(bytes: &[u8], limits: Limits) -> Option<Inside> {
    look(&mut Cursor::new(bytes), limits).unwrap()
}

fn why(bytes: &[u8]) -> Vec<Why> {
    inside(bytes).unread.iter().map(|unread| unread.why).collect()
}

/// A zip archive with one deflated entry.
fn deflated(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    let packed = encoder.finish().unwrap();
    let mut archive = zip(&[(name, &packed)]);
    let entry = find(&archive, b"PK\x01\x02");
    archive[8] = 8;
    archive[entry + 10] = 8;
    archive
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).rposition(|window| window == wanted).unwrap()
}

#[test]
fn every_layer_is_reported_however_it_is_packed() {
    let jar = zip(&[("native/helper.dll", &program()), ("META-INF/", b""), ("META-INF/A.RSA", b"x")]);
    let middle = gzip(&tar(&[("lib/inner.jar", &jar), ("read.me", b"x")]));
    let outer = deflated("middle.tgz", &middle);
    let found = inside(&outer);
    let layers: Vec<(Vec<&str>, Kind, Marked)> = found
        .layers
        .iter()
        .map(|layer| (layer.at.iter().map(String::as_str).collect(), layer.kind, layer.signature))
        .collect();
    assert_eq!(
        layers,
        [
            (vec!["middle.tgz"], Kind::TarGzip, Marked::None),
            (vec!["middle.tgz", "lib/inner.jar"], Kind::Zip, Marked::Embedded),
            (vec!["middle.tgz", "lib/inner.jar", "native/helper.dll"], Kind::Pe, Marked::None),
        ]
    );
    assert!(found.unread.is_empty());
    assert_eq!(found.layers[2].sha256, chancery_core::digest::Sha256::of(&program()));
    let alone = inside(&gzip(&program()));
    assert_eq!((alone.layers.len(), alone.layers[0].kind), (1, Kind::Pe));
}

#[test]
fn what_is_no_archive_has_no_inside() {
    for bytes in [&b""[..], b"text", b"PK", &program(), &[0; 1024]] {
        assert_eq!(looked(bytes, Limits::default()), None);
    }
    assert_eq!(why(b"7z\xbc\xaf\x27\x1c rest"), [Why::Opaque]);
    assert_eq!(why(&zip(&[("a.deb", b"!<arch>\n")])), [Why::Opaque]);
}

#[test]
fn bombs_end_at_their_bounds() {
    // 300 MiB of zeros that pretend to be an archive, in 300 KiB.
    let mut zeros = b"PK\x03\x04".to_vec();
    zeros.resize(300 << 20, 0);
    let bomb = deflated("bomb.zip", &zeros);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(why(&bomb), [Why::Ratio]);
    // Without the pretence only its first bytes are expanded.
    let harmless = deflated("zeros", &zeros[4..]);
    assert_eq!(inside(&harmless), Inside::default());
    let stream = gzip(&zeros);
    assert_eq!(why(&stream), [Why::Ratio]);
    let held = Limits { held: 1000, ..Limits::default() };
    let large = looked(&zip(&[("a.zip", &zip(&[("b", &[0; 2000])]))]), held).unwrap();
    assert_eq!(large.unread[0].why, Why::TooLarge);
    // What is expanded counts over all layers together.
    let small = Limits { expanded: 10_000, ..Limits::default() };
    let layers = (0..5).fold(vec![1; 3000], |inner, _| zip(&[("x", &inner)]));
    assert_eq!(looked(&layers, small).unwrap().unread.last().unwrap().why, Why::Ratio);
}

#[test]
fn depth_and_number_of_entries_are_bounded() {
    let nested = |levels: usize| (0..levels).fold(program(), |inner, _| zip(&[("x", &inner)]));
    assert_eq!(inside(&nested(8)).layers.len(), 8);
    assert!(inside(&nested(8)).unread.is_empty());
    let deep = inside(&nested(12));
    assert_eq!((deep.unread.len(), deep.unread[0].why), (1, Why::TooDeep));
    let few = Limits { entries: 3, ..Limits::default() };
    let names = ["a", "b", "c", "d"].map(|name| (name, &b"x"[..]));
    assert_eq!(looked(&zip(&names), few).unwrap().unread[0].why, Why::TooMany);
    assert_eq!(looked(&tar(&names), few).unwrap().unread[0].why, Why::TooMany);
    assert!(looked(&zip(&names[..3]), few).unwrap().unread.is_empty());
}

#[test]
fn what_reads_in_two_ways_is_not_read() {
    let good = zip(&[("a.txt", b"aaaa"), ("b.dll", &program())]);
    assert_eq!(inside(&good).layers.len(), 1);
    let directory = find(&good[..find(&good, b"PK\x01\x02")], b"PK\x01\x02");
    let end = find(&good, b"PK\x05\x06");
    let changed = |at: usize, byte: u8| {
        let mut changed = good.clone();
        changed[at] = byte;
        changed
    };
    let second_end = [&good[..], &good[end..]].concat();
    let mut comment = good.clone();
    comment[end + 20] = 22;
    comment.extend(&good[end..]);
    let cases: [(&str, Vec<u8>, Why); 11] = [
        ("another local name", changed(30, b'x'), Why::Malformed),
        ("another local method", changed(8, 8), Why::Malformed),
        ("the same name twice", zip(&[("a", b"1"), ("a", b"2")]), Why::Malformed),
        ("overlapping entries", changed(directory + 20, 200), Why::Malformed),
        ("bytes before", [b"#!/bin/sh\n", &good[..]].concat(), Why::Malformed),
        ("fewer entries than said", changed(end + 10, 1), Why::Malformed),
        ("a directory elsewhere", changed(end + 16, 0), Why::Malformed),
        ("two ends", second_end, Why::Malformed),
        ("an end in the comment", comment, Why::Malformed),
        ("encrypted", changed(directory + 8, 1), Why::Encrypted),
        ("another method", changed(directory + 10, 12), Why::Method),
    ];
    for (name, bytes, expected) in cases {
        if bytes.starts_with(b"PK") {
            assert_eq!(why(&bytes).first(), Some(&expected), "{name}");
        } else {
            assert_eq!(looked(&bytes, Limits::default()), None, "{name}");
        }
    }
    let linked = [tar_header("a", 7, b'2'), vec![0; 1024]].concat();
    let sparse = [tar_header("a", 0, b'S'), vec![0; 1024]].concat();
    let mut sum = tar(&[("a", b"x")]);
    sum[0] = b'b';
    for bytes in [linked, sparse, sum, tar(&[("a", b"x")])[..515].to_vec()] {
        assert_eq!(why(&bytes), [Why::Malformed]);
    }
    // A pax header renames the next file and says how long it is.
    let record = b"13 path=long\n";
    let renamed = [
        tar_header("x", record.len(), b'x'),
        [&record[..], &[0; 499]].concat(),
        tar(&[("short", &program())]),
    ]
    .concat();
    assert_eq!(inside(&renamed).layers[0].at, ["long"]);
}

#[test]
fn spoilt_archives_are_read_or_unread_and_never_more() {
    let helper = program();
    let jar = zip(&[("helper.dll", &helper)]);
    for good in [zip(&[("inner.jar", &jar)]), tar(&[("inner.jar", &jar)]), gzip(&tar(&[("inner.jar", &jar)]))]
    {
        let whole = inside(&good);
        assert_eq!(whole.layers.len(), 2);
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 0x41;
            drop(looked(&flipped, Limits::default()));
            let cut = looked(&good[..at], Limits::default());
            assert!(cut.is_none_or(|cut| cut.layers.len() <= 2), "{at}");
        }
    }
}

#[test]
fn archives_that_others_made_are_read() {
    let python = "import sys,io,zipfile,tarfile
b=open(sys.argv[1],'rb').read()
z=zipfile.ZipFile(sys.argv[2]+'/a.zip','w',zipfile.ZIP_DEFLATED)
z.writestr('dir/',''); z.writestr('dir/\\u00e4.dll',b)
with z.open('streamed.dll','w',force_zip64=True) as f: f.write(b)
z.close()
for fmt,name in ((tarfile.PAX_FORMAT,'pax'),(tarfile.GNU_FORMAT,'gnu'),(tarfile.USTAR_FORMAT,'ustar')):
    t=tarfile.open(sys.argv[2]+'/'+name+'.tgz','w:gz',format=fmt)
    for n in ('short.dll','d/'*40+'x'*60+'.dll'):
        i=tarfile.TarInfo(n); i.size=len(b); t.addfile(i,io.BytesIO(b))
    l=tarfile.TarInfo('link'); l.type=tarfile.SYMTYPE; l.linkname='short.dll'; t.addfile(l); t.close()
";
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("program");
    std::fs::write(&source, program()).unwrap();
    let made = Command::new("python3").args(["-c", python]).arg(&source).arg(directory.path()).status();
    let Ok(status) = made else {
        println!("not compared: python3 is absent");
        return;
    };
    assert!(status.success());
    let names = |file: &str| -> Vec<String> {
        let found = inside(&std::fs::read(directory.path().join(file)).unwrap());
        assert!(found.unread.is_empty(), "{file}: {found:?}");
        found.layers.iter().map(|layer| layer.at.join("!")).collect()
    };
    assert_eq!(names("a.zip"), ["dir/ä.dll", "streamed.dll"]);
    let long = format!("{}{}.dll", "d/".repeat(40), "x".repeat(60));
    for format in ["pax", "gnu", "ustar"] {
        assert_eq!(names(&format!("{format}.tgz")), ["short.dll", &long], "{format}");
    }
    println!("compared: python3 zipfile and tarfile");
}
