//! A way to registries that leads nowhere, for tests that are not about images.

use chancery_core::digest::Sha256;
use chancery_core::port::Boxed;
use chancery_core::port::registry::{Attach, Manifest, Place, Referrer, Registry, RegistryError};

/// Reaches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRegistry;

fn nothing<T>(repository: &str) -> Boxed<'static, Result<T, RegistryError>>
where
    T: Send + 'static,
{
    let error = RegistryError::NotAllowed(repository.to_owned());
    Box::pin(async move { Err(error) })
}

impl Registry for NoRegistry {
    fn manifest<'a>(&'a self, repository: &'a str, _: &'a str) -> Boxed<'a, Result<Manifest, RegistryError>> {
        nothing(repository)
    }
    fn referrers<'a>(
        &'a self,
        repository: &'a str,
        _: Sha256,
    ) -> Boxed<'a, Result<Vec<Referrer>, RegistryError>> {
        nothing(repository)
    }
    fn attach<'a>(&'a self, attach: &'a Attach) -> Boxed<'a, Result<Vec<Place>, RegistryError>> {
        nothing(&attach.repository)
    }
}
