//! The list of exceptions, `dev/xtask/exceptions.toml`. It may only shrink: one that is not needed is a finding, and
//! there are never more than its `most` says, which only goes down.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Finding;
use crate::process;

const PATH: &str = "dev/xtask/exceptions.toml";

/// The list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exceptions {
    most: usize,
    #[serde(default)]
    exception: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    rule: String,
    path: String,
    reason: String,
}

impl Exceptions {
    /// Reads the list.
    pub(crate) fn load() -> Result<Self> {
        let text = std::fs::read_to_string(process::root().join(PATH)).context(PATH)?;
        toml::from_str(&text).context(PATH)
    }

    /// Takes out what is excepted and adds what is wrong with the list itself.
    pub(crate) fn apply(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let matches = |exception: &Exception, finding: &Finding| {
            exception.rule == finding.rule && exception.path == finding.path
        };
        let mut own = Vec::new();
        let mut complain =
            |what: String| own.push(Finding { rule: "exceptions", path: PATH.to_owned(), what });
        for exception in &self.exception {
            let Exception { rule, path, reason } = exception;
            if !findings.iter().any(|finding| matches(exception, finding)) {
                complain(format!(
                    "`{rule}` of `{path}` is not needed any more; take it out and lower `most`"
                ));
            }
            if reason.len() < 10 {
                complain(format!("`{rule}` of `{path}` has no reason"));
            }
        }
        if self.exception.len() != self.most {
            complain(format!("`most` must be {}, and may only go down", self.exception.len()));
        }
        let is_left = |finding: &Finding| !self.exception.iter().any(|exception| matches(exception, finding));
        findings.into_iter().filter(is_left).chain(own).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Exception, Exceptions, Finding};

    fn finding(path: &str) -> Finding {
        Finding { rule: "size", path: path.to_owned(), what: String::new() }
    }

    #[test]
    fn takes_out_what_is_excepted_and_finds_what_is_stale() {
        let exception = |path: &str| Exception {
            rule: "size".to_owned(),
            path: path.to_owned(),
            reason: "a table of the specification".to_owned(),
        };
        let list = Exceptions { most: 1, exception: vec![exception("a.rs")] };
        assert_eq!(list.apply(vec![finding("a.rs"), finding("b.rs")]), [finding("b.rs")]);
        assert_eq!(list.apply(vec![]).len(), 1);
        let list = Exceptions { most: 0, exception: vec![exception("a.rs")] };
        assert_eq!(list.apply(vec![finding("a.rs")]).len(), 1);
    }
}
