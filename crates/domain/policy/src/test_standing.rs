//! How the request of a policy test stands.
//!
//! ```toml
//! [case.standing]                             # everything may be absent: nothing known, the strictest
//! approvers = 2
//! builders = 1                                # or disputed = true
//! first_seen = "2026-01-01T11:00:00Z"
//! unusual = ["package", "volume"]
//! attested = ["tests"]                       # demanded attestations that are met; every other is missing
//! waives = ["limits"]                         # by an exception in force: approvals, hold, limits
//! ```

use chancery_core::attested::{Attested, Found};
use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::time::Time;
use chancery_core::witness::{Builders, Dispute, Habit, Oddity};

use crate::fields::Fields;
use crate::problem::Report;
use crate::standing::{Exception, Standing, Waived};

const MOST: u32 = 100;

/// Reads `[case.standing]`.
pub(crate) fn read(report: &mut Report, case: &mut Fields) -> Standing {
    let Some(mut table) = case.table(report, "standing") else { return Standing::default() };
    let approvers = table.number(report, "approvers", (0, MOST)).unwrap_or(0);
    let builders = table.number(report, "builders", (0, MOST)).unwrap_or(0);
    let is_disputed = table.flag(report, "disputed").unwrap_or(false);
    let first_seen = table.text(report, "first_seen").and_then(|text| {
        let time = Time::parse_rfc3339(&text);
        if time.is_none() {
            report.error(&table.name("first_seen"), "is not an RFC 3339 moment");
        }
        time
    });
    let oddities = each(report, &mut table, "unusual", Habit::from_name).into_iter().map(oddity).collect();
    let attested = attested(&mut table, report);
    let waives = each(report, &mut table, "waives", waived);
    table.finish(report);
    let builders = if is_disputed { Builders::Dispute(dispute()) } else { Builders::Agree(builders) };
    let granted = (!waives.is_empty())
        .then(|| Exception { id: "of-the-test".to_owned(), waives: waives.into_iter().collect() });
    Standing { approvers, builders, first_seen, oddities, granted, attested }
}

fn attested(table: &mut Fields, report: &mut Report) -> Attested {
    let names = table.texts(report, "attested").unwrap_or_default();
    names.into_iter().map(|name| (name, Found::Met("of the test".to_owned()))).collect()
}

fn each<T>(report: &mut Report, table: &mut Fields, key: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
    let names = table.texts(report, key).unwrap_or_default();
    let parsed: Vec<T> = names.iter().filter_map(|name| parse(name)).collect();
    if parsed.len() != names.len() {
        report.error(&table.name(key), "holds a name that is not known");
    }
    parsed
}

fn waived(name: &str) -> Option<Waived> {
    match name {
        "approvals" => Some(Waived::Approvals),
        "hold" => Some(Waived::Hold),
        "limits" => Some(Waived::Limits),
        _ => None,
    }
}

fn oddity(habit: Habit) -> Oddity {
    Oddity {
        habit,
        actual: "another".to_owned(),
        expected: "what the test takes for usual".to_owned(),
        score: 100,
    }
}

fn dispute() -> Dispute {
    Dispute {
        artifact: "app.bin".to_owned(),
        ours: Sha256::of(b"ours"),
        theirs: Sha256::of(b"theirs"),
        other: RequestId::new(Sha256::of(b"other")),
    }
}
