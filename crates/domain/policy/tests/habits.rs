//! 90 days of synthetic history of many profiles, with attacks put in. Prints what was detected and how often
//! people would have been asked for nothing. Everything from one seed: the same figures on every machine.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "test"
)]

use std::collections::BTreeMap;

use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::witness::Habit;
use chancery_policy::habit::memory::{Habits, MAX_SIZE};
use chancery_policy::habit::observation::Observation;
use chancery_policy::habit::package::Package;

const DAYS: i64 = 90;
const KEYS: u64 = 60;
/// Signatures before habits speak, as in `[step_up] after`.
const AFTER: u32 = 20;
/// 2026-01-01T00:00:00Z, a Thursday.
const START: i64 = 1_767_225_600;

/// xorshift64*: enough to make histories, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 33) % n
    }
    /// Happens once in so many times.
    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    /// Sum of three dice: most often in the middle.
    fn around(&mut self, middle: i64, spread: u64) -> i64 {
        let sum: u64 = (0..3).map(|_| self.below(spread + 1)).sum();
        middle + i64::try_from(sum).unwrap() - i64::try_from(3 * spread / 2).unwrap()
    }
}

/// How a profile is used.
#[derive(Clone, Copy)]
enum Kind {
    /// Some releases in office hours.
    Team,
    /// The same, and every night a build of many artifacts.
    Nightly,
    /// Continuous delivery around the clock.
    Continuous,
}

/// One profile with its own history.
struct Key {
    random: Random,
    kind: Kind,
    packages: Vec<(String, [u32; 3])>,
    workflows: Vec<String>,
    format: FormatName,
    middle: i64,
}

impl Key {
    fn new(number: u64) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ (number + 1).wrapping_mul(0xD134_2543_DE82_EF95));
        let kind = [Kind::Team, Kind::Team, Kind::Nightly, Kind::Continuous][(number % 4) as usize];
        let packages = (0..2 + random.below(8))
            .map(|n| (format!("pkg{}", char::from(b'a' + n as u8)), [1, n as u32, 0]));
        let packages = packages.collect();
        let workflows =
            (0..1 + random.below(2)).map(|n| format!("github {number} acme/{number}/w{n}.yml")).collect();
        let format = if random.once_in(3) { FormatName::Pe } else { FormatName::Sigstore };
        let middle = 8 + i64::try_from(random.below(9)).unwrap();
        Self { random, kind, packages, workflows, format, middle }
    }

    /// What is signed on a day, in order; each inner list is one release.
    fn day(&mut self, day: i64) -> Vec<Vec<Observation>> {
        let is_weekend = matches!((day + 3) % 7, 5 | 6);
        let releases = match self.kind {
            Kind::Team | Kind::Nightly if is_weekend => u64::from(self.random.once_in(6)),
            Kind::Team | Kind::Nightly => self.random.below(5),
            Kind::Continuous => 6 + self.random.below(20),
        };
        let mut moments: Vec<i64> = (0..releases)
            .map(|_| match self.kind {
                Kind::Team | Kind::Nightly => self.random.around(self.middle * 3600, 7200),
                Kind::Continuous => i64::try_from(self.random.below(86_400)).unwrap(),
            })
            .collect();
        // Now and then the project changes its shape, as projects do: a package in two months, a workflow in four.
        if self.random.once_in(60) {
            self.packages.push((format!("late{}", "x".repeat(self.packages.len())), [0, 1, 0]));
        }
        if self.random.once_in(120) {
            self.workflows.push(format!("github 1 acme/app/more{}.yml", self.workflows.len()));
        }
        // A repair at night, once in two months.
        if self.random.once_in(60) {
            moments.push(i64::try_from(self.random.below(86_400)).unwrap());
        }
        moments.sort_unstable();
        let mut out: Vec<(i64, Vec<Observation>)> = Vec::new();
        for moment in moments {
            let at = START + day * 86_400 + moment.clamp(0, 86_399);
            out.push((at, self.release(at)));
        }
        if matches!(self.kind, Kind::Nightly) {
            let at = START + day * 86_400 + 2 * 3600 + i64::try_from(self.random.below(600)).unwrap();
            let many = (0..24 + self.random.below(12)).map(|n| {
                let name = format!("nightly-{}-{}-{day}.zip", char::from(b'a' + (n % 12) as u8), n % 3);
                self.observe(&name, at + i64::try_from(n).unwrap())
            });
            out.push((at, many.collect()));
        }
        out.sort_by_key(|(at, _)| *at);
        out.into_iter().map(|(_, release)| release).collect()
    }

    /// A release of a package: one to four files.
    fn release(&mut self, at: i64) -> Vec<Observation> {
        let which = self.random.below(self.packages.len() as u64) as usize;
        let bump = self.random.below(100);
        let (name, version) = &mut self.packages[which];
        match bump {
            0 => *version = [version[0] + 1, 0, 0],
            1..15 => *version = [version[0], version[1] + 1, 0],
            _ => version[2] += 1,
        }
        let files = format!("{name}-{}.{}.{}", version[0], version[1], version[2]);
        // A package has as many files every time: one for each of its platforms.
        let count = 1 + name.bytes().map(u64::from).sum::<u64>() % 4;
        (0..count)
            .map(|n| {
                self.observe(
                    &format!("{files}-{}.bin", ["x86_64", "arm64", "riscv", "s390x"][n as usize]),
                    at + n as i64 * 5,
                )
            })
            .collect()
    }

    fn observe(&mut self, artifact: &str, at: i64) -> Observation {
        let workflow = self.random.below(self.workflows.len() as u64) as usize;
        Observation {
            package: Package::of(artifact),
            identity: self.workflows[workflow].clone(),
            format: self.format,
            at: Time::from_seconds(at),
        }
    }
}

/// What a thief with the identity does, and which habits may notice. Every signature is otherwise as usual.
const ATTACKS: [&str; 8] = [
    "84 signatures in 6 minutes",
    "another package",
    "another workflow",
    "at an unusual hour",
    "a version far ahead",
    "an old version again",
    "another format",
    "three times the busiest hour",
];

impl Key {
    fn attack(&mut self, attack: usize, at: i64, busiest: i64) -> Vec<Observation> {
        let which = self.random.below(self.packages.len() as u64) as usize;
        let (name, version) = self.packages[which].clone();
        let file = |[major, minor, patch]: [u32; 3]| format!("{name}-{major}.{minor}.{patch}-x86_64.bin");
        let usual = file([version[0], version[1], version[2] + 1]);
        let many = |key: &mut Self, count: i64, seconds: i64| {
            (0..count).map(|n| key.observe(&usual, at + n * seconds / count)).collect::<Vec<_>>()
        };
        match attack {
            0 => many(self, 84, 360),
            1 => vec![self.observe(&format!("{name}s-1.0.0-x86_64.bin"), at)],
            2 => {
                let mut one = self.observe(&usual, at);
                one.identity = "github 1 acme/app/.github/workflows/evil.yml".to_owned();
                vec![one]
            }
            3 => vec![self.observe(&usual, at + 11 * 3600)],
            4 => vec![self.observe(&file([version[0] + 5, 0, 0]), at)],
            5 => vec![self.observe(&file([version[0], 0, 0]), at)],
            6 => {
                let mut one = self.observe(&usual, at);
                one.format =
                    if self.format == FormatName::Pe { FormatName::Sigstore } else { FormatName::Pe };
                vec![one]
            }
            _ => many(self, busiest * 3, 3000),
        }
    }
}

#[derive(Default)]
struct Figures {
    tried: u32,
    found: u32,
}

#[test]
fn ninety_days_with_attacks() {
    let mut figures: BTreeMap<&str, Figures> = BTreeMap::new();
    let (mut alarms, mut early, mut releases) = (0u32, 0u32, 0u32);
    let mut reasons: BTreeMap<Habit, u32> = BTreeMap::new();
    let mut worst = 0;
    for number in 0..KEYS {
        let mut key = Key::new(number);
        let mut habits = Habits::default();
        let (mut of_key, mut busiest, mut hours) = (0, 1, BTreeMap::new());
        for day in 0..DAYS {
            for release in key.day(day) {
                releases += 1;
                for one in &release {
                    let hour = hours.entry(one.at.seconds() / 3600).or_insert(0);
                    *hour += 1;
                    busiest = busiest.max(*hour);
                }
                let odd: Vec<_> = release
                    .iter()
                    .flat_map(|one| {
                        let odd = habits.judge(one, AFTER);
                        habits.observe(one);
                        odd
                    })
                    .collect();
                let Some(first) = odd.first() else { continue };
                *reasons.entry(first.habit).or_default() += 1;
                if day < 30 { early += 1 } else { of_key += 1 }
            }
            // From the second month on the thief comes now and then, each time to an unharmed copy.
            if day >= 30 && day % 3 == 0 {
                let attack = (day / 3 + i64::try_from(number / 4).unwrap()) as usize % ATTACKS.len();
                // Who signs around the clock has no unusual hour.
                if attack == 3 && matches!(key.kind, Kind::Continuous) {
                    continue;
                }
                let at = START + (day + 1) * 86_400 + key.middle * 3600;
                let mut copy = habits.clone();
                let asked = key.attack(attack, at, busiest);
                let found = asked.iter().any(|one| {
                    let odd = copy.judge(one, AFTER);
                    copy.observe(one);
                    !odd.is_empty()
                });
                let row = figures.entry(ATTACKS[attack]).or_default();
                row.tried += 1;
                row.found += u32::from(found);
            }
        }
        alarms += of_key;
        worst = worst.max(of_key);
        let text = habits.encode(MAX_SIZE).unwrap();
        assert_eq!(Habits::decode(&text).unwrap(), habits, "key {number}");
    }
    let (tried, found) = figures.values().fold((0, 0), |(t, f), row| (t + row.tried, f + row.found));
    for (name, row) in &figures {
        eprintln!("{name:32} {:4} of {:4}", row.found, row.tried);
    }
    let per_month = f64::from(alarms) / KEYS as f64 / 2.0;
    eprintln!(
        "detected {found} of {tried}; {releases} releases, {KEYS} profiles; false alarms per profile and month: {per_month:.2} \
        (first month {:.2}), worst profile {worst} in two months; {reasons:?}",
        f64::from(early) / KEYS as f64
    );
    assert!(f64::from(found) >= 0.95 * f64::from(tried), "{found} of {tried}");
    assert!(per_month <= 1.0, "{per_month}");
}

#[test]
fn whatever_is_signed_the_memory_stays_small() {
    let mut habits = Habits::default();
    for n in 0..3000_u32 {
        let letters: String = format!("{n:05}").bytes().map(|digit| char::from(digit + 49)).collect();
        for major in 0..9_u32 {
            let artifact =
                format!("{letters}{}-{}.4294967295.4294967295", "\"\u{e4}".repeat(40), 4_294_967_280 + major);
            habits.observe(&Observation {
                package: Package::of(&artifact),
                identity: format!("{letters}{}", "\"".repeat(150)),
                format: FormatName::Pe,
                at: Time::from_seconds(START + i64::from(n) * 3600),
            });
        }
    }
    for most in [MAX_SIZE, 8192, 2048] {
        let text = habits.encode(most).unwrap();
        assert!(text.len() <= most, "{} of {most}", text.len());
        assert_eq!(Habits::decode(&text).unwrap(), habits, "what is kept is what is known");
    }
    assert!(Habits::decode("{}").is_err());
    assert!(Habits::decode(&" ".repeat(MAX_SIZE + 1)).is_err());
}

#[test]
fn an_oddity_says_what_and_why() {
    let seen = |artifact: &str, second: i64| Observation {
        package: Package::of(artifact),
        identity: "github 42 github.com/acme/app/.github/workflows/release.yml".to_owned(),
        format: FormatName::Sigstore,
        at: Time::from_seconds(START + second),
    };
    let mut habits = Habits::default();
    for day in 0..30 {
        habits.observe(&seen(&format!("app-1.{day}.0-x86_64.bin"), day * 86_400 + 10 * 3600));
    }
    let night = 30 * 86_400 + 3 * 3600;
    for (asked, expected) in [
        (seen("app-1.30.0-x86_64.bin", 30 * 86_400 + 10 * 3600), vec![]),
        (seen("app-2.0.0-x86_64.bin", 30 * 86_400 + 11 * 3600), vec![]),
        (seen("app-1.30.0-x86_64.bin", night), vec!["unusual hour: 03 UTC (usual: 10 UTC) 700"]),
        (
            seen("app-3.0.0-x86_64.bin", 30 * 86_400 + 10 * 3600),
            vec!["unusual version: 3.0.0 (usual: after 1.29.0) 200"],
        ),
        (
            seen("app-1.28.0-x86_64.bin", 30 * 86_400 + 10 * 3600),
            vec!["unusual version: 1.28.0 (usual: 1.29.0 or later) 100"],
        ),
        (
            seen("apps-1.30.0-x86_64.bin", 30 * 86_400 + 10 * 3600),
            vec!["unusual package: apps-*-x#_#.bin (usual: app-*-x#_#.bin) 100"],
        ),
    ] {
        let odd = habits.judge(&asked, AFTER);
        let words: Vec<String> = odd.iter().map(|one| format!("{one} {}", one.score)).collect();
        assert_eq!(words, expected, "{asked:?}");
    }
    assert_eq!(habits.judge(&seen("other", night), 31), [], "nothing before enough was signed");
}
