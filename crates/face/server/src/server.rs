//! The running server: two doors, one end.

use std::future::Future;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use chancery_gateway::gateway::Gateway;
use chancery_gateway::webhook::Webhooks;
use tokio::sync::watch;

use crate::connection::{Door, GRACE};
use crate::dev_issuer::DevIssuer;
use crate::measures::Measures;
use crate::patience::Patience;
use crate::route;
use crate::service::Service;
use crate::tls::{Tls, TlsError};

/// What the server is made of.
#[derive(Debug)]
pub struct Parts {
    /// The use cases.
    pub gateway: Arc<Gateway>,
    /// Receivers of notices; telling them is somebody else's work.
    pub webhooks: Arc<Webhooks>,
    /// Callers and verifiers come here.
    pub listener: std::net::TcpListener,
    /// How callers are spoken to.
    pub tls: Tls,
    /// Operators come here; the permission of the socket's file is the authority.
    pub admin: UnixListener,
    /// The development issuer; none in production.
    pub dev: Option<DevIssuer>,
    /// Who else has something to say at `/metrics`.
    pub measures: Vec<Arc<dyn Measures>>,
}

/// A server that cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A listener that cannot be used.
    #[error("cannot listen")]
    Listen(#[source] std::io::Error),
    /// TLS cannot be set up.
    #[error("tls cannot be set up")]
    Tls(#[source] TlsError),
}

/// Serves with the usual patience, see [`run_with`].
pub async fn run(parts: Parts, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServerError> {
    run_with(parts, Patience::default(), shutdown).await
}

/// Serves until `shutdown` resolves; then takes nothing new, finishes what is under way within 30 seconds, and returns.
pub async fn run_with(
    parts: Parts,
    patience: Patience,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServerError> {
    let address = parts.listener.local_addr().map_err(ServerError::Listen)?;
    let tls = parts.tls.acceptor(address).map_err(ServerError::Tls)?;
    parts.listener.set_nonblocking(true).map_err(ServerError::Listen)?;
    parts.admin.set_nonblocking(true).map_err(ServerError::Listen)?;
    let listener = tokio::net::TcpListener::from_std(parts.listener).map_err(ServerError::Listen)?;
    let admin = tokio::net::UnixListener::from_std(parts.admin).map_err(ServerError::Listen)?;
    let service = Service::new((parts.gateway, parts.webhooks), parts.dev, parts.measures, patience);
    let (stop, stopping) = watch::channel(false);
    let callers = Door::public(route::public(&service), patience, stopping.clone());
    let operators = Door::admin(route::admin(&service), patience, stopping);
    let callers = tokio::spawn(callers.accept_tcp(listener, tls));
    let operators = tokio::spawn(operators.accept_unix(admin));
    shutdown.await;
    stop.send_replace(true);
    let ending = async {
        // A door that panicked has nothing left to wait for.
        let _ended = tokio::join!(callers, operators);
        service.admission.drained().await;
    };
    if tokio::time::timeout(GRACE, ending).await.is_err() {
        tracing::warn!("work was under way at the end; what was signed is taken up at the next start");
    }
    Ok(())
}
