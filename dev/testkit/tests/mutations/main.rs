//! Every parser, fed with changed copies of what it accepts: no panic, and a bounded cost for each input.
//!
//! A short slice of fuzzing that needs no nightly compiler. `MUTATIONS_SECONDS` makes it longer; the directory `fuzz`
//! has the same parsers for cargo-fuzz. An input that panicked is written to the system's directory for temporary files.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test"
)]

mod mutate;
#[expect(unreachable_pub, reason = "fuzz targets use it from another crate")]
mod parsers;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use mutate::{Random, mutated};
use parsers::{ALL, Parser};

/// Most CPU time for one input in nanoseconds; inputs are far below the 10 MiB that 2 s are promised for.
const MOST: u64 = 500_000_000;
const NANOSECONDS: u64 = 1_000_000_000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/seeds").join(name)
}

fn seeds(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder(name)).unwrap_or_else(|error| panic!("seeds of {name}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// CPU time of this thread in nanoseconds: on a busy machine only that says what an input costs.
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0)
}

fn budget() -> u64 {
    let seconds = std::env::var("MUTATIONS_SECONDS").ok().and_then(|text| text.parse().ok());
    seconds.unwrap_or(1) * NANOSECONDS
}

/// What the input cost in nanoseconds, and whether it was accepted.
fn feed((name, parse): Parser, input: &[u8]) -> (u64, bool) {
    let before = cpu();
    let Ok(is_accepted) = catch_unwind(|| parse(input)) else {
        let path = std::env::temp_dir().join(format!("chancery-mutation-{name}.bin"));
        std::fs::write(&path, input).unwrap();
        panic!("{name} panicked; the input is in {}", path.display());
    };
    (cpu() - before, is_accepted)
}

fn attack(parser: Parser) {
    let seeds = seeds(parser.0);
    assert!(!seeds.is_empty(), "{} has no seeds", parser.0);
    let mut random = Random::new(0x00c4_a9ce_7200_0001);
    let (mut inputs, mut spent, mut accepted) = (0u64, 0, 0u64);
    // Without a clock of the thread, the count bounds the loop.
    while spent < budget() && inputs < 400_000 {
        let (_, seed) = &seeds[random.below(seeds.len())];
        let (_, other) = &seeds[random.below(seeds.len())];
        let input = mutated(&mut random, seed, other);
        let (cost, is_accepted) = feed(parser, &input);
        assert!(cost < MOST, "{}: {cost} ns for {} bytes", parser.0, input.len());
        spent += cost.max(1);
        inputs += 1;
        accepted += u64::from(is_accepted);
    }
    println!("{}: {inputs} inputs, {accepted} accepted", parser.0);
}

/// A seed that its parser refuses would test nothing but the first line of the parser.
#[test]
fn every_seed_is_accepted() {
    for (name, parse) in ALL {
        for (path, bytes) in seeds(name) {
            assert!(parse(&bytes), "{} is refused", path.display());
        }
    }
}

#[test]
fn every_parser_has_seeds_and_a_fuzz_target() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    for (name, _) in ALL {
        assert!(!seeds(name).is_empty(), "{name} has no seeds");
        assert!(targets.join(format!("{name}.rs")).is_file(), "{name} has no fuzz target");
    }
    assert_eq!(std::fs::read_dir(targets).unwrap().count(), ALL.len());
}

#[test]
fn no_truncation_or_nothing_panics() {
    for parser in ALL {
        feed(parser, b"");
        for (_, bytes) in seeds(parser.0) {
            let step = bytes.len() / 200 + 1;
            for end in (0..bytes.len()).step_by(step) {
                feed(parser, &bytes[..end]);
            }
        }
    }
}

#[test]
fn mutations_of_the_first_half() {
    ALL[..ALL.len() / 2].iter().copied().for_each(attack);
}

#[test]
fn mutations_of_the_second_half() {
    ALL[ALL.len() / 2..].iter().copied().for_each(attack);
}
