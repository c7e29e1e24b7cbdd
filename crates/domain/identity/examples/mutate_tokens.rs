//! Damages honest tokens and checks that none is accepted: `mutate_tokens <count> <seed>`, or `mutate_tokens only <seed>
//! <index>` to show one mutant and why it is refused. Run by `cargo xtask faults tokens`.
//!
//! Exit status 1 means that a damaged token was accepted; the last line says which.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a campaign, not a service"
)]

#[path = "../tests/attacks/honest.rs"]
mod honest;
#[path = "../tests/attacks/mutator.rs"]
mod mutator;

use std::process::ExitCode;

use honest::Honest;
use mutator::Mutator;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let honest = Honest::load();
    let mutator = Mutator::new(honest.tokens.clone(), honest.jwks.as_bytes());
    let number = |text: &str| text.parse::<u64>().unwrap();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["only", seed, index] => show(&honest, &mutator, number(seed), number(index)),
        [count, seed] => run(&honest, &mutator, number(seed), number(count)),
        _ => {
            println!("usage: mutate_tokens COUNT SEED | mutate_tokens only SEED INDEX");
            ExitCode::from(2)
        }
    }
}

fn show(honest: &Honest, mutator: &Mutator, seed: u64, index: u64) -> ExitCode {
    let mutant = mutator.mutant(seed, index);
    println!("level: {}\ntoken: {:?}", mutant.level, mutant.token);
    match honest.check(&mutant.token) {
        Ok(()) => {
            println!("ACCEPTED");
            ExitCode::FAILURE
        }
        Err(refusal) => {
            println!("{refusal} (actual: {}; expected: {})", refusal.actual, refusal.expected);
            ExitCode::SUCCESS
        }
    }
}

fn run(honest: &Honest, mutator: &Mutator, seed: u64, count: u64) -> ExitCode {
    // Without this, a set-up in which everything is refused would look like a success.
    for token in &honest.tokens {
        honest.check(token).unwrap();
    }
    match mutator.campaign(seed, 0..count, |token| honest.refusal(token)) {
        Ok(tally) => {
            tally.levels.iter().for_each(|(level, count)| println!("{count:>9}  damaged: {level}"));
            tally.sentences.iter().for_each(|(sentence, count)| println!("{count:>9}  refused: {sentence}"));
            println!("{count} damaged tokens, 0 accepted");
            ExitCode::SUCCESS
        }
        Err((index, mutant)) => {
            println!("accepted: mutant {index} of seed {seed} ({}): {:?}", mutant.level, mutant.token);
            ExitCode::FAILURE
        }
    }
}
