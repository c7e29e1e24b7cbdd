//! Counts tests from what test programs print.
//!
//! Rust's harness sums up by itself, and its lines per test may be torn by what tests print; programs with their own
//! `main` print only lines per test. So a sum replaces the lines before it:
//!
//! ```text
//! running 12 tests
//! test merkle::roots ... ok
//! test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s
//! test network ... ok (12 ms)                                              (a program with its own main)
//! ```

use std::fmt;

/// How many tests passed and failed.
#[derive(Debug, Default)]
pub(crate) struct Count {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Lines per test since the last sum.
    open: (u64, u64),
    is_summed: bool,
    failures: Vec<String>,
}

impl Count {
    /// Takes one line.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("running ").filter(|rest| rest.contains(" test")) {
            let _: &str = rest;
            self.close();
            self.is_summed = true;
        } else if line.starts_with("test result: ") {
            self.add_sum(line);
        } else if let Some((name, outcome)) =
            line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
        {
            self.add_test(name, outcome);
        }
    }

    /// Ends a program: its lines count if nothing summed them up.
    pub(crate) fn close(&mut self) {
        let (passed, failed) = std::mem::take(&mut self.open);
        if !self.is_summed {
            self.passed += passed;
            self.failed += failed;
        }
        self.is_summed = false;
    }

    /// Adds what another runner counted.
    pub(crate) fn add(&mut self, passed: u64, failures: Vec<String>) {
        self.passed += passed;
        self.failed += u64::try_from(failures.len()).unwrap_or(u64::MAX);
        self.failures.extend(failures);
    }

    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    /// The names of tests that failed.
    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }

    fn add_test(&mut self, name: &str, outcome: &str) {
        if outcome.starts_with("FAILED") {
            self.open.1 += 1;
            self.failures.push(name.to_owned());
        } else if outcome.starts_with("ok") {
            self.open.0 += 1;
        }
    }

    fn add_sum(&mut self, line: &str) {
        let of = |word: &str| {
            let before = line.split(word).next().unwrap_or_default();
            before
                .rsplit(|c: char| !c.is_ascii_digit())
                .next()
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(0)
        };
        self.passed += of(" passed;");
        self.failed += of(" failed;");
        self.ignored += of(" ignored;");
        self.open = (0, 0);
        self.is_summed = false;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ignored > 0 {
            writeln!(f, "{} ignored", self.ignored)?;
        }
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    fn count(text: &str) -> String {
        let mut count = Count::default();
        text.lines().for_each(|line| count.read(line));
        count.close();
        count.to_string()
    }

    #[test]
    fn sums_of_the_harness_and_lines_of_others() {
        let harness = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\
            test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured\n";
        let own = "test c ... ok (3 ms)\ntest d ... FAILED\n";
        assert_eq!(count(harness), "12 passed, 1 failed");
        assert_eq!(count(own), "1 passed, 1 failed");
        assert_eq!(count(&format!("{own}{harness}{own}{harness}")), "26 passed, 4 failed");
        assert_eq!(
            count("test result: ok. 3 passed; 0 failed; 2 ignored; 0"),
            "2 ignored\n3 passed, 0 failed"
        );
        assert_eq!(count("running tests\ntest of nothing\n"), "0 passed, 0 failed");
    }
}
