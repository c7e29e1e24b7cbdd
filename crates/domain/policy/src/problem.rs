//! What is wrong with governance documents: every problem at once, each with its file and field.

use std::fmt;

/// Whether a problem keeps the documents from being loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The documents are not loaded.
    Error,
    /// The documents are loaded; someone should look at it.
    Warning,
}

/// One problem, where it is and what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, relative to the governance directory.
    pub file: String,
    /// The field, dotted: `grants[0].claims.subject`; empty when the whole file is meant.
    pub field: String,
    /// Error or warning.
    pub severity: Severity,
    /// One line, lower case, no full stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let separator = if self.field.is_empty() { "" } else { ": " };
        write!(f, "{severity}: {}{separator}{}: {}", self.file, self.field, self.message)
    }
}

/// Every problem that was found, sorted by file and field. As an error it holds at least one [`Severity::Error`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems in order.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.0
    }
    /// Whether any of them keeps the documents from being loaded.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }
    pub(crate) fn collect(mut list: Vec<Problem>) -> Self {
        list.sort();
        list.dedup();
        Self(list)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects the problems of one file while it is read.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    found: Vec<Problem>,
}

impl Report {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }
    pub(crate) fn error(&mut self, field: &str, message: impl Into<String>) {
        self.add(Severity::Error, field, message.into());
    }
    pub(crate) fn warning(&mut self, field: &str, message: impl Into<String>) {
        self.add(Severity::Warning, field, message.into());
    }
    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|problem| problem.severity == Severity::Error)
    }
    pub(crate) fn into_found(self) -> Vec<Problem> {
        self.found
    }
    fn add(&mut self, severity: Severity, field: &str, message: String) {
        self.found.push(Problem { file: self.file.clone(), field: field.to_owned(), severity, message });
    }
}
