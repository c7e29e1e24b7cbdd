//! The commands of this repository's engineers: `cargo xtask check | tidy | test | goldens | bench | conformance | faults`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for terminals and CI logs")]

mod bench;
mod check;
mod conformance;
mod console;
mod faults;
mod goldens;
mod process;
mod setup;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND
  check     what CI demands before tests: fmt, clippy, tidy, deny, docs
  tidy      only the house rules: layers, sizes, names, headers, maps, links
  setup     installs the foreign tools that tests compare with
  test      setup, then every test and documentation test; the last line counts them
  console   only the console blocks of the documents, against a development service; PROGRAM instead of building one
  goldens   rewrites golden files from what the code says now; read the difference before you commit it
  bench     what is promised about speed, beside other programs; names of benches as arguments
  conformance  the cases of sigstore-conformance, from the folder that --assets names, and a table
  faults    long campaigns: `faults tokens` damages a million honest tokens, of which none may be accepted;
            `faults insider` changes a service's data ten thousand times, which the audit must report;
            `faults splice` makes ten thousand bundles of parts of genuine ones, of which none may be accepted";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    let outcome = match arguments.first().map(String::as_str) {
        Some("bench") => bench::run(rest),
        Some("conformance") => conformance::run(rest),
        Some("faults") => faults::run(rest),
        Some("check") => check::run(),
        Some("tidy") => tidy::run(),
        Some("setup") => setup::run(),
        Some("test") => test::run(rest),
        Some("console") => test::console(rest),
        Some("goldens") => goldens::run(),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
