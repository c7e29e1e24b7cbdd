//! Signatures over kept-alive connections, made by the example `load`, which prepares everything that is not signing
//! before it is told to go.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail};

use super::Bench;
use super::service::Measured;

/// What is to be signed, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) profile: &'a str,
    pub(crate) format: &'a str,
    pub(crate) requests: u32,
    pub(crate) statements: u32,
    pub(crate) at_once: u32,
    /// Requests a second; as fast as it goes where there is none.
    pub(crate) rate: Option<f64>,
}

/// How it went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Seconds in all.
    pub(crate) wall: f64,
    /// Milliseconds of a request at the median.
    pub(crate) median: f64,
    /// Milliseconds of a request at 99 %.
    pub(crate) worst: f64,
}

/// A load that has its tokens and waits.
#[derive(Debug)]
pub(crate) struct Ready {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Load<'_> {
    /// How many signatures it comes to.
    pub(crate) fn signatures(&self) -> f64 {
        f64::from(self.requests) * f64::from(self.statements)
    }

    /// Makes the requests and fetches their tokens.
    pub(crate) fn prepare(&self, service: &Measured, bench: &Bench) -> Result<Ready> {
        let mut command = std::process::Command::new(bench.example("load"));
        command.args([self.requests, self.statements, self.at_once].map(|number| number.to_string()));
        command.arg(self.format).args(self.rate.map(|rate| rate.to_string()));
        command.envs(service.variables.iter().map(|(name, value)| (name, value)));
        command.env("CHANCERY_PROFILE", self.profile);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let answers = BufReader::new(child.stdout.take().context("no output")?);
        let mut ready = Ready { child, answers };
        if ready.line()? == "ready" { Ok(ready) } else { bail!("the load did not get ready") }
    }

    /// Prepares and runs it.
    pub(crate) fn run(&self, service: &Measured, bench: &Bench) -> Result<Times> {
        self.prepare(service, bench)?.go()
    }
}

impl Ready {
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Signs everything.
    pub(crate) fn go(mut self) -> Result<Times> {
        self.child.stdin.take().context("no input")?.write_all(b"\n")?;
        let said = self.line()?;
        if !self.child.wait()?.success() {
            bail!("the load failed");
        }
        let figures: Vec<f64> = said.split(' ').filter_map(|figure| figure.parse().ok()).collect();
        let [wall, median, worst] = *figures.as_slice() else { bail!("the load said no times: {said}") };
        Ok(Times { wall, median, worst })
    }
}
