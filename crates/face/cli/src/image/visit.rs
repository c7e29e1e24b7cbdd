//! Visits to registries: what a reference names is fetched, and where it is an index, what that names too.

use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::port::Boxed;
use chancery_core::port::registry::{Attach, Manifest, Place, Referrer, Registry, RegistryError};
use chancery_format::oci::manifest::{self, Parsed};
use chancery_format::oci::prepare;
use chancery_format::oci::reference::{At, Reference, Repository};
use chancery_format::oci::statement::Subject;
use tokio::runtime::{Builder, Runtime};

use crate::catalogue::Code;
use crate::command::Context;
use crate::failure::Failure;

/// Most manifests below one index.
const MAX_NODES: usize = 256;
/// Deepest index in an index.
const MAX_DEPTH: usize = 3;

/// How far an image is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walk {
    /// An index, and everything that it names.
    Whole,
    /// What the reference names, alone.
    Only,
}

/// A manifest on the way, or why it could not be had.
#[derive(Debug)]
pub(crate) struct Node {
    /// `registry.example/app@sha256:…`.
    pub(crate) name: String,
    /// Its digest, as the index says.
    pub(crate) digest: Sha256,
    /// `linux/arm64`, where the index says so.
    pub(crate) platform: Option<String>,
    /// What it is.
    pub(crate) subject: Result<Subject, RegistryError>,
}

impl Node {
    /// Its name, with its platform for people.
    pub(crate) fn shown(&self) -> String {
        match &self.platform {
            Some(platform) => format!("{} ({platform})", self.name),
            None => self.name.clone(),
        }
    }
}

/// A registry, visited with the credentials of whoever runs the command.
#[derive(Debug)]
pub(crate) struct Visitor {
    registry: Arc<dyn Registry>,
    runtime: Runtime,
}

impl Visitor {
    /// Nothing is sent yet.
    pub(crate) fn new(context: &Context<'_, '_>) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::error(format!("no runtime: {error}")))?;
        Ok(Self { registry: context.host.registry(), runtime })
    }

    /// What a reference names: the root first, then what is below it, each manifest once.
    pub(crate) fn walk(&self, reference: &Reference, walk: Walk) -> Result<Vec<Node>, RegistryError> {
        let repository = &reference.repository;
        let root = self.manifest(repository, &reference.at)?;
        let mut nodes = Vec::new();
        let mut waiting = vec![(root.digest, None, Ok(root), 0_usize)];
        while let Some((digest, platform, fetched, depth)) = waiting.pop() {
            let name = format!("{repository}@sha256:{digest}");
            let subject = fetched.and_then(|manifest| {
                let subject = prepare::read(&manifest.bytes, repository.clone(), &manifest.media_type);
                let subject = subject.map_err(|error| RegistryError::Invalid(error.to_string()))?;
                Ok((subject, manifest))
            });
            let children = match (&subject, walk) {
                (Ok((_, manifest)), Walk::Whole) => children(manifest),
                (Ok(_), Walk::Only) | (Err(_), _) => Vec::new(),
            };
            nodes.push(Node { name, digest, platform, subject: subject.map(|(subject, _)| subject) });
            let known = |child: &Sha256| {
                nodes.iter().any(|node: &Node| node.digest == *child)
                    || waiting.iter().any(|(one, ..)| one == child)
            };
            let fresh: Vec<_> = children.into_iter().filter(|(child, _)| !known(child)).collect();
            if depth == MAX_DEPTH && !fresh.is_empty()
                || nodes.len().saturating_add(waiting.len()).saturating_add(fresh.len()) > MAX_NODES
            {
                let what = format!("an index of more than {MAX_NODES} manifests, or {MAX_DEPTH} deep");
                return Err(RegistryError::Invalid(what));
            }
            // The last one is taken first.
            for (child, platform) in fresh.into_iter().rev() {
                let fetched = match self.manifest(repository, &At::Digest(child)) {
                    Err(error @ (RegistryError::Unavailable(_) | RegistryError::Denied(_))) => {
                        return Err(error);
                    }
                    other => other,
                };
                waiting.push((child, platform, fetched, depth.saturating_add(1)));
            }
        }
        Ok(nodes)
    }

    fn manifest(&self, repository: &Repository, at: &At) -> Result<Manifest, RegistryError> {
        let name = repository.to_string();
        self.wait(self.registry.manifest(&name, &at.to_string()))
    }
    /// Everything that refers to a subject.
    pub(crate) fn referrers(&self, subject: &Subject) -> Result<Vec<Referrer>, RegistryError> {
        let name = subject.repository.to_string();
        self.wait(self.registry.referrers(&name, subject.digest))
    }
    /// Puts signatures beside their subject.
    pub(crate) fn attach(&self, attach: &Attach) -> Result<Vec<Place>, RegistryError> {
        self.wait(self.registry.attach(attach))
    }
    fn wait<T>(&self, work: Boxed<'_, T>) -> T {
        self.runtime.block_on(work)
    }
}

fn children(manifest: &Manifest) -> Vec<(Sha256, Option<String>)> {
    match manifest::parse(&manifest.bytes, &manifest.media_type) {
        Ok(Parsed::Index { manifests }) => {
            manifests.into_iter().map(|child| (child.digest, child.platform)).collect()
        }
        Ok(Parsed::Image { .. }) | Err(_) => Vec::new(),
    }
}

/// A registry that did not do it, as people see it.
pub(crate) fn failure(name: &str, error: &RegistryError) -> Failure {
    let what = format!("`{name}`: {error}");
    match error {
        RegistryError::Unavailable(_) => Failure::new(Code::Temporary, what),
        RegistryError::NotFound(_) => Failure::new(Code::Unknown, what),
        RegistryError::Denied(_) => Failure::new(Code::Registry, what)
            .hint("log in with docker login, podman login or a credential helper, and try again"),
        RegistryError::Another { .. } | RegistryError::Invalid(_) | RegistryError::NotAllowed(_) => {
            Failure::new(Code::Registry, what)
        }
    }
}
