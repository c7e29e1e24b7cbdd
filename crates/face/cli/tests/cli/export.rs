//! `ledger export`: a whole copy, taken up again, and nothing believed that the checkpoint does not cover.

use std::path::{Path, PathBuf};

use chancery_core::digest::Sha256;
use chancery_ledger::merkle::root_at;
use chancery_ledger::tile::{Content, Tile, TileNodes, decode_hashes};
use serde_json::Value;

use crate::fake::{Fake, Manner};
use crate::session::{Ran, TestHost, run};

struct Place {
    directory: tempfile::TempDir,
    fake: Fake,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), fake: Fake::start(Manner::Honest) }
    }
    fn copy(&self) -> PathBuf {
        self.directory.path().join("copy")
    }
    fn export(&self) -> Ran {
        let (place, key) = (self.copy(), &self.fake.trust_key);
        let line = ["ledger", "export", "--output", place.to_str().unwrap(), "--json"];
        run(
            &TestHost::default(),
            &[&line[..], &["--server", &self.fake.address, "--trust-key", key]].concat(),
        )
    }
    fn exported(&self, fetched: u64, kept: u64) -> Value {
        let ran = self.export();
        assert_eq!(ran.code, 0, "{ran:?}");
        let said = ran.json();
        assert_eq!((&said["fetched"], &said["kept"]), (&fetched.into(), &kept.into()));
        assert_eq!(said["trust"]["authenticated"], true);
        assert_eq!(said["root"], root(&self.copy(), said["size"].as_u64().unwrap()).to_string());
        said
    }
    fn refused(&self, code: &str, exit: u8) {
        let ran = self.export();
        assert_eq!((ran.code, ran.json()["code"].as_str()), (exit, Some(code)), "{ran:?}");
    }
}

/// As a monitor reads it: the root from the tiles alone.
fn root(copy: &Path, size: u64) -> Sha256 {
    let nodes = TileNodes::new(|level, index| {
        let last = Tile::last(Content::Hashes(level), size).filter(|last| last.index == index);
        let tile = last.unwrap_or(Tile::full(Content::Hashes(level), index));
        Some(decode_hashes(&std::fs::read(copy.join(tile.to_string())).ok()?).ok()?.into())
    });
    root_at(size, &nodes).unwrap()
}

#[test]
fn a_copy_is_whole_and_grows() {
    for (size, bundles) in [(1, 1), (255, 1), (256, 1), (257, 2), (700, 3)] {
        let place = Place::new();
        place.fake.serve_ledger(size, None);
        assert_eq!(place.exported(bundles, 0)["size"], size);
        let served = place.fake.files.lock().unwrap().clone();
        for (path, text) in served {
            let copied = std::fs::read(place.copy().join(path.trim_start_matches("/ledger/"))).unwrap();
            assert_eq!(copied, text.as_bytes(), "{path}");
        }
        // Full bundles are not fetched again; the partial one is.
        place.exported(bundles - size / 256, size / 256);
    }
    let place = Place::new();
    for (size, fetched, kept) in [(3, 1, 0), (300, 2, 0), (520, 2, 1), (520, 1, 2)] {
        place.fake.serve_ledger(size, None);
        place.exported(fetched, kept);
    }
}

#[test]
fn what_stopped_is_taken_up_and_what_is_damaged_is_fetched_again() {
    let place = Place::new();
    place.fake.serve_ledger(700, None);
    let missing = place.fake.files.lock().unwrap().remove("/ledger/tile/entries/002.p/188").unwrap();
    place.refused("CH7501", 75);
    assert!(!place.copy().join("checkpoint").exists(), "a copy that is not whole has no checkpoint");
    // The service grew meanwhile and has the full bundle only.
    let grown = Fake::entries(512..768, None);
    place.fake.files.lock().unwrap().insert("/ledger/tile/entries/002".into(), grown);
    place.exported(1, 2);
    let partial = std::fs::read(place.copy().join("tile/entries/002.p/188")).unwrap();
    assert_eq!(partial, missing.as_bytes());
    let bundle = place.copy().join("tile/entries/001");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    place.exported(2, 1);
    std::fs::remove_file(place.copy().join("tile/0/000")).unwrap();
    place.exported(2, 1);
}

#[test]
fn another_history_is_refused_and_the_copy_stays() {
    let place = Place::new();
    place.fake.serve_ledger(300, None);
    place.exported(2, 0);
    let before = std::fs::read(place.copy().join("checkpoint")).unwrap();
    // Signed and cosigned, but an entry that was copied before is another now, or gone.
    for (size, other) in [(300, Some(299)), (600, Some(270)), (299, None)] {
        place.fake.serve_ledger(size, other);
        place.refused("CH6013", 14);
        assert_eq!(std::fs::read(place.copy().join("checkpoint")).unwrap(), before);
    }
    // Entries that are not those of the checkpoint, and entries that are none.
    place.fake.serve_ledger(600, None);
    let path = "/ledger/tile/entries/002.p/88";
    let wrong =
        [Fake::entries(512..600, Some(513)), Fake::entries(512..599, None), "x".into(), String::new()];
    for (text, code, exit) in wrong
        .into_iter()
        .zip(["CH6013", "CH1002", "CH1002", "CH1002"])
        .map(|(text, code)| (text, code, if code == "CH6013" { 14 } else { 1 }))
    {
        place.fake.files.lock().unwrap().insert(path.into(), text);
        place.refused(code, exit);
    }
    // A checkpoint of somebody else's.
    let other = Fake::start(Manner::Honest);
    other.serve_ledger(600, None);
    let note = other.files.lock().unwrap()["/ledger/checkpoint"].clone();
    place.fake.files.lock().unwrap().insert("/ledger/checkpoint".into(), note);
    place.refused("CH6013", 14);
    assert_eq!(std::fs::read(place.copy().join("checkpoint")).unwrap(), before);
}
