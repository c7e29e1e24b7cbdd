//! The client: the port of `domain/core` over the distribution protocol.

use chancery_core::digest::Sha256;
use chancery_core::port::Boxed;
use chancery_core::port::registry::{Attach, Manifest, Place, Referrer, Registry, RegistryError};
use chancery_format::oci::reference::{At, Reference, Repository};

use super::credentials::Keychain;
use super::reach::Allowed;
use super::serial::Serial;
use super::transport::Transport;

/// Reaches registries with somebody's credentials.
#[derive(Debug)]
pub struct RegistryClient {
    pub(super) transport: Transport,
    pub(super) serial: Serial,
}

impl RegistryClient {
    /// A client that reaches what is allowed, with the credentials that are found.
    #[must_use]
    pub fn new(allowed: Allowed, keychain: Keychain) -> Self {
        Self { transport: Transport::new(allowed, keychain), serial: Serial::default() }
    }
}

impl Registry for RegistryClient {
    fn manifest<'a>(
        &'a self,
        repository: &'a str,
        reference: &'a str,
    ) -> Boxed<'a, Result<Manifest, RegistryError>> {
        Box::pin(async move {
            let repository = parse(repository)?;
            // Parsed as a whole, so that no text becomes part of a path that is neither tag nor digest.
            let text = match reference.strip_prefix("sha256:") {
                Some(_) => format!("{repository}@{reference}"),
                None => format!("{repository}:{reference}"),
            };
            let at = Reference::parse(&text).map_err(|_| RegistryError::NotFound(text))?.at;
            self.manifest_at(&repository, &at).await
        })
    }
    fn referrers<'a>(
        &'a self,
        repository: &'a str,
        subject: Sha256,
    ) -> Boxed<'a, Result<Vec<Referrer>, RegistryError>> {
        Box::pin(async move { self.referrers_of(&parse(repository)?, subject).await })
    }
    fn attach<'a>(&'a self, attach: &'a Attach) -> Boxed<'a, Result<Vec<Place>, RegistryError>> {
        Box::pin(async move {
            let repository = parse(&attach.repository)?;
            let _alone = self.serial.alone(&attach.repository, attach.subject).await;
            let subject = self.manifest_at(&repository, &At::Digest(attach.subject)).await?;
            self.put_beside(&repository, attach, &subject).await
        })
    }
}

fn parse(repository: &str) -> Result<Repository, RegistryError> {
    Repository::parse(repository).map_err(|_| {
        RegistryError::NotAllowed(repository.chars().filter(|c| !c.is_control()).take(80).collect())
    })
}
