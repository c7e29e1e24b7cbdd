//! Tests on a real SoftHSM2 token. Without arguments this program runs the tests; started as `worker` it is the worker.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::panic, reason = "test")]

mod conformance;
mod faults;
mod recovery;
mod spy;
mod world;

use std::panic::catch_unwind;
use std::time::Instant;

type Case = (&'static str, fn());

const CASES: [Case; 15] = [
    ("conformance", conformance::conforms),
    ("extractable_keys_are_refused", conformance::extractable_keys_are_refused),
    ("another_key_under_the_name_is_refused", conformance::another_key_under_the_name_is_refused),
    ("the_key_book_is_strict", conformance::the_key_book_is_strict),
    ("openssl_verifies", conformance::openssl_verifies),
    ("killed_workers_come_back", recovery::killed_workers_come_back),
    ("a_lost_token_comes_back", recovery::a_lost_token_comes_back),
    ("a_worker_ends_with_its_socket", recovery::a_worker_ends_with_its_socket),
    ("a_wrong_pin_is_tried_once", recovery::a_wrong_pin_is_tried_once),
    ("one_call_per_signature", spy::one_call_per_signature),
    ("lost_sessions_are_rebuilt", faults::lost_sessions_are_rebuilt),
    ("hangs_end_in_time", faults::hangs_end_in_time),
    ("making_a_key_is_not_a_hang", faults::making_a_key_is_not_a_hang),
    ("crashes_and_nonsense_are_contained", faults::crashes_and_nonsense_are_contained),
    ("few_sessions_are_enough", faults::few_sessions_are_enough),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == "worker") {
        let stream = chancery_custody_pkcs11::worker::stdin_stream().unwrap();
        let ended = chancery_custody_pkcs11::worker::run_worker(stream);
        std::process::exit(i32::from(ended.is_err()));
    }
    if arguments.iter().any(|argument| argument == "--list") {
        CASES.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let wanted = arguments.into_iter().find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let mut failed = 0;
    for (name, case) in CASES.into_iter().filter(|(name, _)| name.contains(&wanted)) {
        let start = Instant::now();
        let ok = catch_unwind(case).is_ok();
        println!("test {name} ... {} ({} ms)", if ok { "ok" } else { "FAILED" }, start.elapsed().as_millis());
        failed += i32::from(!ok);
    }
    std::process::exit(failed);
}
