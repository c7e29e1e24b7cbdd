//! The workspace as cargo sees it: packages, layers and edges.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::process;

/// What `cargo metadata` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    target_directory: String,
    resolve: Resolve,
}

/// A package, of the workspace or of others.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) manifest_path: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// An edge as written in a manifest.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or nothing for one that is always there.
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDependency>,
}

#[derive(Debug, Deserialize)]
struct NodeDependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

impl Metadata {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self> {
        let text = process::read(&mut process::cargo(&["metadata", "--format-version", "1", "--locked"]))?;
        serde_json::from_str(&text).context("cargo metadata is not understood")
    }

    /// The binary as `cargo build` leaves it.
    pub(crate) fn program(&self, profile: &str) -> std::path::PathBuf {
        Path::new(&self.target_directory).join(profile).join("chancery")
    }

    /// The members with their folders relative to the root, such as `crates/domain/core`.
    pub(crate) fn members(&self) -> BTreeMap<String, &Package> {
        let root = process::root();
        let folder = |package: &Package| {
            let folder = Path::new(&package.manifest_path).parent()?.strip_prefix(&root).ok()?;
            Some(folder.to_string_lossy().into_owned())
        };
        let is_member = |package: &&Package| self.workspace_members.contains(&package.id);
        let members = self.packages.iter().filter(is_member);
        members.filter_map(|package| Some((folder(package)?, package))).collect()
    }

    /// The names of everything that a package is built from, without what only its tests need.
    pub(crate) fn closure(&self, package: &Package) -> Vec<&str> {
        let nodes: BTreeMap<&str, &Node> =
            self.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![package.id.as_str()];
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let edges = nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
            let is_built = |edge: &&NodeDependency| {
                edge.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"))
            };
            open.extend(edges.iter().filter(is_built).map(|edge| edge.pkg.as_str()));
        }
        self.packages
            .iter()
            .filter(|package| seen.contains(package.id.as_str()))
            .map(|p| p.name.as_str())
            .collect()
    }
}
