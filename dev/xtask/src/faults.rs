//! Long campaigns of faults, in optimised builds; `cargo xtask test` runs a short slice of each.

use std::hash::{BuildHasher as _, Hasher as _};

use anyhow::{Context as _, Result, bail};

use crate::process;

const USAGE: &str = "usage: cargo xtask faults tokens [--count N] [--seed S] [--only INDEX]
       cargo xtask faults races [--count N]
       cargo xtask faults insider [--count N] [--seed S] [--only KIND]
       cargo xtask faults splice [--count N] [--seed S]
  insider   changes a service's data N times (10000), each must be reported by the audit; a table of the kinds of change
  races     N times one token for three requests, and N submissions of one wish (10000): one winner, one signature
  splice    makes N bundles (10000) of parts of genuine ones, ours and other people's, none may be accepted
  tokens    damages N honest tokens (1000000), none may be accepted; --seed and --only show one again";

/// What a campaign is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Campaign {
    count: u64,
    seed: Option<u64>,
    only: Option<u64>,
}

/// Runs the campaign that is named.
///
/// # Errors
/// When the arguments are not understood, the program cannot be built, or something damaged was accepted.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((name, rest)) if name == "races" => races(&parse(rest)?),
        Some((name, rest)) if name == "tokens" => tokens(&parse(rest)?),
        Some((name, rest)) if name == "insider" => insider(rest),
        Some((name, rest)) if name == "splice" => splice(&parse(rest)?),
        Some(_) | None => bail!(USAGE),
    }
}

fn parse(arguments: &[String]) -> Result<Campaign> {
    let mut campaign = Campaign { count: 1_000_000, seed: None, only: None };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { bail!(USAGE) };
        let number: u64 = value.parse().with_context(|| format!("`{value}` is not a number"))?;
        match name.as_str() {
            "--count" => campaign.count = number,
            "--seed" => campaign.seed = Some(number),
            "--only" => campaign.only = Some(number),
            _ => bail!(USAGE),
        }
    }
    Ok(campaign)
}

fn races(campaign: &Campaign) -> Result<()> {
    // What one who damages tokens means by many is too many here.
    let count = campaign.count.min(10_000).to_string();
    let mut command =
        process::cargo(&["test", "--release", "--package", "chancery-gateway", "--test", "gateway"]);
    process::run(command.args(["races::", "--", "--nocapture"]).env("CHANCERY_RACES", count))
}

/// The test of the same name, with more draws.
fn splice(campaign: &Campaign) -> Result<()> {
    let seed = campaign.seed.unwrap_or_else(fresh_seed).to_string();
    // What one who damages tokens means by many is too many here.
    let count = campaign.count.min(10_000).to_string();
    let line = ["test", "--release", "--quiet", "--package", "chancery-verify", "--test", "splice"];
    let mut command = process::cargo(&line);
    command.args(["--", "--nocapture"]).env("CHANCERY_SPLICE_COUNT", count);
    process::run(command.env("CHANCERY_SPLICE_SEED", seed))
}

fn tokens(campaign: &Campaign) -> Result<()> {
    let seed = campaign.seed.unwrap_or_else(fresh_seed);
    println!("seed {seed}; one mutant again: cargo xtask faults tokens --seed {seed} --only INDEX");
    let mut arguments = vec![
        "run",
        "--release",
        "--quiet",
        "--package",
        "chancery-identity",
        "--example",
        "mutate_tokens",
        "--",
    ];
    let (seed, count) = (seed.to_string(), campaign.count.to_string());
    let index = campaign.only.map(|index| index.to_string());
    match &index {
        Some(index) => arguments.extend(["only", &seed, index]),
        None => arguments.extend([count.as_str(), &seed]),
    }
    process::run(&mut process::cargo(&arguments))
}

/// The test of the same name, with more runs.
fn insider(arguments: &[String]) -> Result<()> {
    let line =
        ["test", "--release", "--quiet", "--package", "chancery", "--test", "insider", "--", "--nocapture"];
    let mut command = process::cargo(&line);
    command.env("CHANCERY_INSIDER_COUNT", "10000").env("CHANCERY_INSIDER_SEED", fresh_seed().to_string());
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { bail!(USAGE) };
        let variable = match name.as_str() {
            "--count" => "CHANCERY_INSIDER_COUNT",
            "--seed" => "CHANCERY_INSIDER_SEED",
            "--only" => "CHANCERY_INSIDER_ONLY",
            _ => bail!(USAGE),
        };
        command.env(variable, value);
    }
    process::run(&mut command)
}

/// Another one every time, so that campaigns do not repeat one another. The standard library's hasher is seeded by the
/// operating system.
fn fresh_seed() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::{Campaign, parse};

    #[test]
    fn arguments() {
        let of = |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("").unwrap(), Campaign { count: 1_000_000, seed: None, only: None });
        assert_eq!(of("--count 5 --seed 7").unwrap(), Campaign { count: 5, seed: Some(7), only: None });
        assert_eq!(of("--seed 7 --only 0").unwrap().only, Some(0));
        for bad in ["--count", "--count x", "--count -1", "7", "--bytes 7"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
