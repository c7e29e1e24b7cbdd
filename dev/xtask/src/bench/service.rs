//! A service to be measured: its processes, and the variables that make a program its client.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Bench;
use super::measure::{cpu_of, pss_of};
use crate::console::service::Service;

/// A running service and what its clients need.
#[derive(Debug)]
pub(crate) struct Measured {
    service: Service,
    /// What `client.env` exports.
    pub(crate) variables: Vec<(String, String)>,
}

impl Measured {
    /// Starts a development service whose profile has 1,000 grants and no limit that a bench would reach. `settings` is
    /// put into its configuration file. Profile `plain` is the same with two grants and without timestamps.
    pub(crate) fn start(bench: &Bench, directory: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        Self::with_grants(bench, directory, settings, 998)
    }

    /// As [`Measured::start`], with this many grants for others.
    pub(crate) fn with_grants(
        bench: &Bench,
        directory: &Path,
        settings: &[(&str, &str)],
        grants: u32,
    ) -> Result<Self> {
        // The first start makes configuration and governance documents, which are changed before anything is logged.
        let profiles = directory.join("governance/profiles");
        std::fs::create_dir_all(&profiles)?;
        let profile = crate::process::root().join("testdata/governance/dev/profiles/dev.toml");
        let text = std::fs::read_to_string(profile)?;
        let unlimited = text.replace("count = 100\n", "count = 1000000\n") + &strangers(grants);
        std::fs::write(profiles.join("dev.toml"), unlimited)?;
        let plain = text
            .replace("count = 100\n", "count = 1000000\n")
            .replace("timestamp = \"builtin\"", "timestamp = \"none\"");
        std::fs::write(profiles.join("plain.toml"), plain)?;
        if !settings.is_empty() {
            drop(Service::start(&bench.chancery(), directory)?);
            change(&directory.join("chancery.toml"), settings)?;
        }
        Self::resume(bench, directory)
    }

    /// Starts the service of a directory that has been used before.
    pub(crate) fn resume(bench: &Bench, directory: &Path) -> Result<Self> {
        let service = Service::start(&bench.chancery(), directory)?;
        let text = std::fs::read_to_string(service.client_env())?;
        let variables = text.lines().filter_map(variable).collect();
        Ok(Self { service, variables })
    }

    /// A client's command.
    pub(crate) fn client(&self, bench: &Bench, arguments: &[&str]) -> Command {
        let mut command = Command::new(bench.chancery());
        command.args(arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The ids of all its processes: the supervisor, and everything below it.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        let mut parents: BTreeMap<u32, u32> = BTreeMap::new();
        for entry in std::fs::read_dir("/proc")? {
            let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
            parents.extend(parent.map(|parent| (id, parent)));
        }
        let mut found = vec![self.service.id()];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            found.extend(parents.iter().filter(|(_, of)| **of == parent).map(|(id, _)| *id));
            next += 1;
        }
        Ok(found)
    }

    /// CPU time of all its processes so far in seconds.
    pub(crate) fn cpu(&self) -> Result<f64> {
        self.processes()?.into_iter().map(cpu_of).sum()
    }

    /// Proportional memory of all its processes in bytes.
    pub(crate) fn memory(&self) -> Result<f64> {
        self.processes()?.into_iter().map(pss_of).sum()
    }
}

/// Grants for others, so that a profile has about 1,000.
fn strangers(count: u32) -> String {
    let grant = |number: u32| {
        format!(
            "\n[[grants]]\nname = \"other-{number}\"\nissuer = \"dev\"\npurpose = \"another\"\n[grants.claims]\n\
             source_repository_identifier = \"{}\"\nsource_repository_ref = \"refs/heads/main\"\n",
            1_000 + number
        )
    };
    (0..count).map(grant).collect()
}

fn variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    Some((name.to_owned(), value.trim_matches('\'').to_owned()))
}

/// Puts lines behind the heading of a section: `("ledger", "group_commit = false")`.
fn change(path: &PathBuf, settings: &[(&str, &str)]) -> Result<()> {
    let mut text = std::fs::read_to_string(path).context("no configuration")?;
    for (section, line) in settings {
        let heading = format!("[{section}]\n");
        text = text.replace(&heading, &format!("{heading}{line}\n"));
    }
    Ok(std::fs::write(path, text)?)
}
