//! The HTTP server with what this installation gives it.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use chancery_gateway::gateway::Gateway;
use chancery_gateway::webhook::Webhooks;
use chancery_server::Parts;
use chancery_server::dev_certificate::DevCertificate;
use chancery_server::dev_issuer::DevIssuer;
use chancery_server::measures::Measures;
use chancery_server::tls::Tls;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::dev;
use crate::export;

/// How callers are spoken to. The development certificate is left where `client.env` says.
pub(crate) fn tls(config: &Config, gateway: &Gateway) -> anyhow::Result<Tls> {
    if let Some(section) = &config.tls {
        return Ok(Tls::Files { certificate: section.certificate.clone(), key: section.key.clone() });
    }
    let now = gateway.parts().clock.now();
    let certificate = DevCertificate::generate(now)?;
    export::replace(&config.data_dir.join("tls-ca.pem"), certificate.pem().as_bytes())?;
    Ok(Tls::Dev(certificate))
}

/// Serves until a signal asks for the end, then finishes what is under way.
pub(crate) async fn run(
    config: &Config,
    (gateway, webhooks): (Arc<Gateway>, Arc<Webhooks>),
    tls: Tls,
    (listener, admin, end): (TcpListener, UnixListener, End),
    measures: Vec<Arc<dyn Measures>>,
) -> anyhow::Result<()> {
    let dev = config.dev.then(|| dev_issuer(config)).transpose()?;
    chancery_server::run(Parts { gateway, webhooks, listener, tls, admin, dev, measures }, end.asked())
        .await?;
    Ok(())
}

fn dev_issuer(config: &Config) -> anyhow::Result<DevIssuer> {
    Ok(DevIssuer {
        key: dev::issuer_key(&config.data_dir)?,
        url: dev::ISSUER.to_owned(),
        request_token: dev::request_token(&config.data_dir)?,
    })
}

/// The signals that ask for the end. Made before anybody is told that the service is ready: from then on a signal must
/// find somebody who finishes what is under way.
#[derive(Debug)]
pub(crate) struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    /// Takes the signals over from their default action.
    pub(crate) fn new() -> std::io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt })
    }
    async fn asked(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
