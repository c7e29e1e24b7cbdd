//! The HTTP server with what this installation gives it.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use chancery_gateway::gateway::Gateway;

use crate::config::Config;

/// Serves until a signal asks for the end, then finishes what is under way.
pub async fn run(
    config: &Config,
    gateway: Arc<Gateway>,
    (listener, admin): (TcpListener, UnixListener),
) -> anyhow::Result<()> {
    let _ = (config, gateway, listener, admin);
    terminated().await?;
    Ok(())
}

async fn terminated() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
