//! What governance says about verification: the policies by name, the levels of builders, the trusted roots of others.
//!
//! ```text
//! verification/NAME.toml   who must have signed, and what it must say
//! builders.toml            which builder has which level; goes into every policy that demands one
//! trust/NAME.json          trusted_root.json of another Sigstore instance, for `trusted_root = "NAME"`
//! ```
//! Gateway, keyguard, audit and command line read it here, so that they mean the same.

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::attested::{About, Requirement};
use chancery_core::environment::Environment;

use crate::foreign::Instance;
use crate::policy::{InvalidPolicy, VerificationPolicy};
use crate::says::{Builder, builders};
use crate::snapshot::Stage;
use crate::trusted_root::InvalidRoot;

const BUILDERS: &str = "builders.toml";

/// What keeps governance from being loaded.
#[derive(Debug, thiserror::Error)]
pub enum InvalidGates {
    /// A policy, or the rules about builders.
    #[error("{path}: {source}")]
    Policy {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: InvalidPolicy,
    },
    /// A trusted root.
    #[error("{path}: {source}")]
    Root {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: InvalidRoot,
    },
    /// Something that a profile demands and nothing can meet.
    #[error("demanded attestation {0}")]
    Demanded(String),
    /// Files that do not fit together.
    #[error("{path}: {why}")]
    Apart {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
}

/// Verification as governance has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gates {
    policies: BTreeMap<String, VerificationPolicy>,
    instances: BTreeMap<String, Instance>,
}

impl Gates {
    /// Reads what concerns verification among the files of governance, path → text, and checks that what profiles demand can
    /// be met.
    pub fn load<'a>(
        files: &BTreeMap<String, String>,
        demanded: impl IntoIterator<Item = &'a Requirement>,
    ) -> Result<Self, InvalidGates> {
        let gates = Self::read(files)?;
        match demanded.into_iter().find_map(|requirement| gates.check(requirement).err()) {
            Some(why) => Err(InvalidGates::Demanded(why)),
            None => Ok(gates),
        }
    }

    fn read(files: &BTreeMap<String, String>) -> Result<Self, InvalidGates> {
        let mut gates = Self::default();
        let known = files.get(BUILDERS).map(|text| builders(text)).transpose();
        let known = known.map_err(|source| InvalidGates::Policy { path: BUILDERS.to_owned(), source })?;
        for (path, text) in files {
            if let Some(name) = named(path, "trust/", ".json") {
                let root = Instance::parse(text);
                let root = root.map_err(|source| InvalidGates::Root { path: path.clone(), source })?;
                gates.instances.insert(name.to_owned(), root);
            }
        }
        for (path, text) in files {
            if let Some(name) = named(path, "verification/", ".toml") {
                let policy = gates.policy(path, text, known.as_deref())?;
                gates.policies.insert(name.to_owned(), policy);
            }
        }
        Ok(gates)
    }

    fn policy(
        &self,
        path: &str,
        text: &str,
        known: Option<&[Builder]>,
    ) -> Result<VerificationPolicy, InvalidGates> {
        let policy = VerificationPolicy::parse_toml(text);
        let mut policy = policy.map_err(|source| InvalidGates::Policy { path: path.to_owned(), source })?;
        let apart = |why: String| InvalidGates::Apart { path: path.to_owned(), why };
        if let Some(level) = policy.says.level.as_mut().filter(|level| level.builders.is_empty()) {
            let missing = || apart(format!("`level` needs {BUILDERS}: which builder has which level"));
            level.builders = known.ok_or_else(missing)?.to_vec();
        }
        if let Some(name) = &policy.instance {
            let missing = || apart(format!("trust/{name}.json is missing"));
            let instance = self.instances.get(name).ok_or_else(missing)?;
            let is_development = instance.stage() == Stage::Development;
            if is_development != (policy.environment == Environment::Development) {
                return Err(apart(format!("trust/{name}.json is of another environment")));
            }
        }
        Ok(policy)
    }

    /// Whether what a profile demands can be met at all: a policy that names whom it expects and what is said.
    fn check(&self, requirement: &Requirement) -> Result<(), String> {
        let Requirement { name, policy, about } = requirement;
        let found = self.policies.get(policy);
        let found = found.ok_or_else(|| format!("`{name}`: verification/{policy}.toml is missing"))?;
        if found.predicate.is_none() {
            return Err(format!("`{name}`: policy `{policy}` names no predicate, so nothing is attested"));
        }
        match about {
            About::Source if found.instance.is_none() => Err(format!(
                "`{name}`: policy `{policy}` names no trusted_root, and this service attests no commits"
            )),
            About::Artifact | About::Source => Ok(()),
        }
    }
    /// Files that nothing uses, each with why: who wrote them meant something that does not happen.
    pub fn unused<'a>(
        &self,
        files: &BTreeMap<String, String>,
        demanded: impl IntoIterator<Item = &'a Requirement>,
    ) -> Vec<(String, &'static str)> {
        let demanded: BTreeSet<&str> = demanded.into_iter().map(|wanted| wanted.policy.as_str()).collect();
        let of_others = self.policies.iter().filter(|(_, policy)| policy.instance.is_some());
        let policies = of_others.filter(|(name, _)| !demanded.contains(name.as_str())).map(|(name, _)| {
            (format!("verification/{name}.toml"), "is about another instance, and no profile demands it")
        });
        let named =
            |name: &String| self.policies.values().any(|policy| policy.instance.as_ref() == Some(name));
        let roots = self.instances.keys().filter(|name| !named(name));
        let roots = roots.map(|name| (format!("trust/{name}.json"), "is the `trusted_root` of no policy"));
        let levels = self.policies.values().any(|policy| policy.says.level.is_some());
        let builders = (files.contains_key(BUILDERS) && !levels)
            .then(|| (BUILDERS.to_owned(), "has levels, and no policy demands a `level`"));
        policies.chain(roots).chain(builders).collect()
    }
    /// The policies by name.
    #[must_use]
    pub const fn policies(&self) -> &BTreeMap<String, VerificationPolicy> {
        &self.policies
    }
    /// A policy.
    #[must_use]
    pub fn policy_named(&self, name: &str) -> Option<&VerificationPolicy> {
        self.policies.get(name)
    }
    /// Another instance.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        self.instances.get(name)
    }
}

fn named<'a>(path: &'a str, folder: &str, extension: &str) -> Option<&'a str> {
    let name = path.strip_prefix(folder)?.strip_suffix(extension)?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "environment = \"production\"\nformats = [\"sigstore\"]\nissuer = \"https://i\"\n\
        identity = \"https://h/*\"\npredicate = \"https://slsa.dev/provenance/v1\"\n";
    const RULES: &str = "[[builders]]\nid = \"https://h/**\"\nlevel = 2\n";

    fn load(files: &[(&str, &str)]) -> Result<Gates, InvalidGates> {
        Gates::read(&files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn wanted(about: About) -> Requirement {
        Requirement { name: "built".into(), policy: "p".into(), about }
    }

    #[test]
    fn levels_of_builders_go_into_the_policies_that_demand_one() {
        let level = format!("level = 2\n{POLICY}");
        let gates = load(&[("verification/p.toml", &level), ("builders.toml", RULES)]).unwrap();
        let says = &gates.policy_named("p").unwrap().says;
        assert_eq!(says.level.as_ref().unwrap().builders.len(), 1);
        assert!(gates.check(&wanted(About::Artifact)).is_ok());
        assert!(gates.check(&wanted(About::Source)).is_err());
        let own = format!("{level}[[builders]]\nid = \"https://x\"\nlevel = 3\n");
        let gates = load(&[("verification/p.toml", &own), ("builders.toml", RULES)]).unwrap();
        assert_eq!(gates.policy_named("p").unwrap().says.level.as_ref().unwrap().builders[0].level, 3);
    }

    #[test]
    fn what_nothing_uses_is_told() {
        let files = BTreeMap::from([("builders.toml".to_owned(), RULES.to_owned())]);
        let gates = Gates::read(&files).unwrap();
        assert_eq!(gates.unused(&files, []).len(), 1);
        let level = format!("level = 2\n{POLICY}");
        let files = BTreeMap::from([
            ("builders.toml".to_owned(), RULES.to_owned()),
            ("verification/p.toml".to_owned(), level),
        ]);
        assert_eq!(Gates::read(&files).unwrap().unused(&files, [&wanted(About::Artifact)]), []);
    }

    #[test]
    fn files_that_do_not_fit_together_are_not_loaded() {
        let level = format!("level = 2\n{POLICY}");
        let foreign = format!("trusted_root = \"other\"\n{POLICY}");
        for (name, files) in [
            ("level without builders", vec![("verification/p.toml", level.as_str())]),
            (
                "builders of level 4",
                vec![("builders.toml", "[[builders]]\nid = \"https://h/**\"\nlevel = 4\n")],
            ),
            ("any builder", vec![("builders.toml", "[[builders]]\nid = \"**\"\nlevel = 3\n")]),
            ("no root", vec![("verification/p.toml", foreign.as_str())]),
            ("bad root", vec![("trust/other.json", "{}")]),
        ] {
            assert!(load(&files).is_err(), "{name}");
        }
        let no_predicate = POLICY.replace("predicate", "# ");
        let gates = load(&[("verification/p.toml", &no_predicate)]).unwrap();
        assert!(gates.check(&wanted(About::Artifact)).is_err());
    }
}
