//! How much may be under way at once: exchanges, and bytes of bodies in memory. What is too much is told so at once.

use std::sync::Arc;

use chancery_api::code::Code;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::fault::Fault;

/// Exchanges that are worked on at the same time.
pub(crate) const BUSY: u32 = 256;
/// KiB of request bodies in memory at the same time.
const BODY_KIB: u32 = 64 * 1024;

/// The right to be worked on; kept by work that outlives its connection.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// Counts what is under way.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
}

impl Default for Admission {
    fn default() -> Self {
        let semaphore = |permits: u32| Arc::new(Semaphore::new(usize::try_from(permits).unwrap_or(1)));
        Self { places: semaphore(BUSY), bodies: semaphore(BODY_KIB) }
    }
}

impl Admission {
    /// Takes a place.
    pub(crate) fn enter(&self) -> Result<Place, Fault> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        permit.map(Arc::new).map_err(|_| busy("too many requests are under way"))
    }
    /// Reserves memory for a body.
    pub(crate) fn body(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Fault> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.bodies).try_acquire_many_owned(kib);
        permit.map_err(|_| busy("too many large bodies are under way"))
    }
    /// Places that are taken.
    pub(crate) fn busy(&self) -> usize {
        usize::try_from(BUSY).unwrap_or(0).saturating_sub(self.places.available_permits())
    }
    /// Waits until nothing is under way.
    pub(crate) async fn drained(&self) {
        drop(self.places.acquire_many(BUSY).await);
    }
}

fn busy(what: &str) -> Fault {
    Fault::new(Code::Busy, what).hint("try again in a moment")
}
