//! Tile paths and entry bundles: the examples of C2SP tlog-tiles, and what must be refused.

use chancery_ledger::tile::{Content, Tile, decode_hashes, entries, push_entry};

#[test]
fn a_tree_of_70000_has_the_tiles_that_the_specification_lists() {
    let paths: Vec<String> = Tile::edge(70_000).iter().map(Tile::to_string).collect();
    assert_eq!(paths, ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    let paths: Vec<String> = Tile::edge(256).iter().map(Tile::to_string).collect();
    assert_eq!(paths, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    assert!(Tile::edge(0).is_empty());
    let big = Tile::full(Content::Hashes(0), 1_234_067);
    assert_eq!(big.to_string(), "tile/0/x001/x234/067");
    assert!(!Tile::full(Content::Hashes(0), 273).is_in(70_000));
    assert!(Tile::full(Content::Hashes(0), 272).is_in(70_000));
    assert!(Tile { content: Content::Entries, index: 273, width: 112 }.is_in(70_000));
    assert!(!Tile { content: Content::Entries, index: 273, width: 113 }.is_in(70_000));
    assert!(Tile::edge(u64::MAX).len() == 9);
}

#[test]
fn paths_have_one_spelling() {
    for path in ["tile/0/000", "tile/7/x001/234", "tile/entries/x001/x234/067.p/255", "tile/1/999.p/1"] {
        assert_eq!(Tile::parse(path).unwrap().to_string(), path);
    }
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/8/000",
        "tile/00/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/x001/",
        "tile/0/../1",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/2",
        "/tile/0/000",
        "tile/0/+01",
        "tile/data/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/entries/000?x",
    ] {
        assert!(Tile::parse(path).is_err(), "{path}");
    }
}

#[test]
fn bundles_are_strict() {
    let (mut bundle, longest) = (Vec::new(), vec![b'x'; 65_535]);
    for leaf in [b"a".as_slice(), b"bc", &longest] {
        push_entry(&mut bundle, leaf).unwrap();
    }
    assert_eq!(entries(&bundle, 256).unwrap(), [b"a".as_slice(), b"bc", &longest]);
    assert!(entries(&bundle, 2).is_err());
    for cut in [1, 2, 4, 5, 6, bundle.len() - 1] {
        assert!(entries(bundle.get(..cut).unwrap(), 256).is_err(), "{cut}");
    }
    assert!(entries(&[0, 0], 256).is_err());
    assert!(push_entry(&mut bundle, b"").is_err());
    assert!(push_entry(&mut bundle, &vec![0; 65_536]).is_err());
    for bad in [0, 31, 33, 257 * 32] {
        assert!(decode_hashes(&vec![0; bad]).is_err(), "{bad}");
    }
    assert_eq!(decode_hashes(&[0; 256 * 32]).unwrap().len(), 256);
}
