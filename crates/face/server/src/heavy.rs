//! Work that may take longer than a millisecond at a stretch: beside the runtime, so that nobody else waits for it.

use std::future::Future;

use tokio::runtime::Handle;
use tracing::Instrument as _;

use crate::fault::Fault;

/// Runs a computation on a thread of its own.
pub(crate) async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let span = tracing::Span::current();
    let outcome = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    outcome.map_err(|error| Fault::internal(&format!("computing task: {error}")))
}

/// Runs a use case that computes much between its waits on a thread of its own. It goes on when its caller goes away.
pub(crate) async fn drive<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Fault> {
    let work = work.in_current_span();
    let outcome = tokio::task::spawn_blocking(move || Handle::current().block_on(work)).await;
    outcome.map_err(|error| Fault::internal(&format!("driving task: {error}")))
}
