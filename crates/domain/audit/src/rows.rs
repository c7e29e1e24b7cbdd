//! Rows of a service's database that repeat what leaves say: caches that decide what the service does next, so each must
//! agree with its leaf, and there must be as many as leaves.

use chancery_core::id::{RequestId, StatementId};
use chancery_core::time::Time;

use crate::finding::{Code, Finding};
use crate::report::Counts;
use crate::source::Unreadable;

/// A row that repeats an intent or a result, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The request, hexadecimal.
    pub request: String,
    /// The statement, hexadecimal.
    pub statement: String,
    /// The profile, of intents.
    pub profile: String,
    /// Milliseconds since the epoch, of intents; index of the first leaf of a result.
    pub number: i64,
}

/// A table with one row for each leaf of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `intent`
    Intents,
    /// `intent_open`
    Open,
    /// `record`
    Records,
    /// `release`
    Results,
}

/// What a service keeps beside the ledger.
pub trait Rows: std::fmt::Debug {
    /// The row of the intent at an index.
    fn intent(&self, index: u64) -> Result<Option<Row>, Unreadable>;
    /// The row of the result of the intent at an index.
    fn result(&self, intent: u64) -> Result<Option<Row>, Unreadable>;
    /// How many rows a table has.
    fn count(&self, table: Table) -> Result<u64, Unreadable>;
}

/// What a row should say.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) index: u64,
    pub(crate) table: &'static str,
    pub(crate) request: RequestId,
    pub(crate) statement: StatementId,
    pub(crate) profile: &'a str,
    pub(crate) number: i64,
}

impl Expected<'_> {
    pub(crate) fn compare(&self, row: Option<Row>) -> Option<Finding> {
        let finding =
            |what: &str| Finding::new(self.index, Code::Row, format!("the row in `{}` {what}", self.table));
        let Some(row) = row else { return Some(finding("is not there")) };
        let expected = Row {
            request: self.request.to_string(),
            statement: self.statement.to_string(),
            profile: self.profile.to_owned(),
            number: self.number,
        };
        let says = |row: &Row| format!("{} {} {} {}", row.request, row.statement, row.profile, row.number);
        let differs = || finding("says something else than its leaf").because(says(&row), says(&expected));
        (row != expected).then(differs)
    }
}

/// The milliseconds of a time, as rows hold them.
pub(crate) const fn moment(time: Time) -> i64 {
    time.millis()
}

/// Compares how many rows there are with how many leaves of their kind; reported at the ledger's end.
pub(crate) fn totals(rows: &dyn Rows, counts: &Counts) -> Result<Vec<Finding>, Unreadable> {
    let expected = [
        (Table::Intents, "intent", counts.intents),
        (Table::Open, "intent_open", counts.open),
        (Table::Records, "record", counts.records),
        (Table::Results, "release", counts.results),
    ];
    let mut findings = Vec::new();
    for (table, name, expected) in expected {
        let found = rows.count(table)?;
        if found != expected {
            let index = counts.entries.saturating_sub(1);
            let what = format!("table `{name}` has not one row for each leaf of its kind");
            findings.push(Finding::new(index, Code::Row, what).because(found, expected));
        }
    }
    Ok(findings)
}
