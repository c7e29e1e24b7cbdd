//! `[[registries]]`: which container registries the service may reach, and with whose credentials.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use chancery_core::port::registry::Registry;
use chancery_format::oci::reference::Repository;
use chancery_remote::registry::RegistryClient;
use chancery_remote::registry::credentials::Keychain;
use chancery_remote::registry::reach::{self, Allowed, Rule};

use crate::config::Config;

/// `[[registries]]`
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrySection {
    /// Host, and port where it has one: `registry.example:5000`.
    pub(crate) host: String,
    /// Repositories: paths, or beginnings of paths that end in `*`; all unless given.
    #[serde(default)]
    pub(crate) repositories: Vec<String>,
    /// Docker's configuration file with credentials or the names of credential helpers.
    pub(crate) docker_config: Option<PathBuf>,
    /// PEM file with the certificates that the registry's must lead to; those of the machine unless given.
    pub(crate) ca: Option<PathBuf>,
    /// Plain HTTP, although the registry is not on this machine.
    #[serde(default)]
    pub(crate) plain_http: bool,
}

/// What is wrong with the sections.
pub(crate) fn problems(sections: &[RegistrySection]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut hosts = BTreeSet::new();
    for section in sections {
        let host = &section.host;
        if Repository::parse(&format!("{host}/x")).is_err() {
            problems.push(format!("`registries.host` is no host with a dot or a port: `{host}`"));
        }
        if !hosts.insert(host) {
            problems.push(format!("two `[[registries]]` of host `{host}`"));
        }
        if section.plain_http && section.ca.is_some() {
            problems.push(format!("registry `{host}` has both `plain_http` and `ca`"));
        }
        for pattern in &section.repositories {
            let path = pattern.strip_suffix('*').map(|start| format!("{start}x"));
            let path = path.as_ref().unwrap_or(pattern);
            if Repository::parse(&format!("r.example/{path}")).is_err() {
                problems.push(format!("registry `{host}`: `{pattern}` is no path of a repository"));
            }
        }
    }
    problems
}

/// The service's own way to registries. A development service without sections reaches those on this machine.
pub(crate) fn open(config: &Config) -> anyhow::Result<RegistryClient> {
    let files = config.registries.iter().filter_map(|section| section.docker_config.clone());
    let files: BTreeSet<PathBuf> = files.collect();
    let keychain = Keychain::new(files.into_iter().collect());
    if config.dev && config.registries.is_empty() {
        return Ok(RegistryClient::new(Allowed::Loopback, keychain));
    }
    let rules = config.registries.iter().map(rule).collect::<anyhow::Result<Vec<Rule>>>()?;
    Ok(RegistryClient::new(Allowed::Rules(rules), keychain))
}

/// Whatever registry a person names, with that person's credentials.
pub(crate) fn of_person() -> Arc<dyn Registry> {
    let keychain = Keychain::of_person(&|name| std::env::var(name).ok());
    Arc::new(RegistryClient::new(Allowed::Anything, keychain))
}

fn rule(section: &RegistrySection) -> anyhow::Result<Rule> {
    let roots = match &section.ca {
        Some(path) => {
            let pem = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let roots = reach::roots(&pem);
            Some(roots.with_context(|| format!("`{}` holds no PEM certificates", path.display()))?)
        }
        None => None,
    };
    Ok(Rule {
        host: section.host.clone(),
        repositories: section.repositories.clone(),
        plain_http: section.plain_http,
        roots,
    })
}
