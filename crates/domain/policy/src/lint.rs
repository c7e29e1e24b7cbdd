//! `policy check`: everything that is wrong or doubtful in governance documents, policy tests included.

use crate::documents::Documents;
use crate::policy::Policy;
use crate::problem::{Problem, Problems};
use crate::test_cases;

/// Every problem that loading finds, its warnings, and malformed policy tests.
#[must_use]
pub fn check(documents: &Documents) -> Problems {
    let loaded = match Policy::load(documents) {
        Ok(policy) => policy.warnings().clone(),
        Err(problems) => problems,
    };
    let mut found: Vec<Problem> = loaded.list().to_vec();
    if let Err(problems) = test_cases::parse(documents) {
        found.extend(problems.list().iter().cloned());
    }
    Problems::collect(found)
}
