//! Connections: how many, how long, how slow; and their end when the service stops.
//!
//! A connection speaks the one protocol that TLS agreed on (HTTP/1.1 where there is no TLS), so that nobody can hold it
//! open before the first byte: HTTP/1 heads have a deadline, HTTP/2 connections are pinged.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::patience::Patience;

/// Connections at the same time on TCP.
const MAX_CONNECTIONS: u32 = 4096;
/// Connections at the same time on the operator's socket.
const MAX_OPERATORS: u32 = 16;
/// After this a connection takes no further request: clients that read slowly or not at all do not keep it.
const LONGEST: Duration = Duration::from_secs(600);
/// What is under way on a connection that ends has this long.
pub(crate) const GRACE: Duration = Duration::from_secs(30);
/// Pause after the kernel refused a connection for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);
/// Largest head of a request in bytes.
pub(crate) const MAX_HEAD: usize = 32 << 10;
const MAX_HEAD_H2: u32 = 32 << 10;
const PING: Duration = Duration::from_secs(20);
const STREAMS: u32 = 128;

/// Where a connection on TCP comes from; absent on the operator's socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A door: its routes, how many may come, when it closes.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    router: Router,
    places: Arc<Semaphore>,
    capacity: u32,
    patience: Patience,
    stop: watch::Receiver<bool>,
}

impl Door {
    /// The door for callers.
    pub(crate) fn public(router: Router, patience: Patience, stop: watch::Receiver<bool>) -> Self {
        Self::new(router, MAX_CONNECTIONS, (patience, stop))
    }
    /// The door for operators.
    pub(crate) fn admin(router: Router, patience: Patience, stop: watch::Receiver<bool>) -> Self {
        Self::new(router, MAX_OPERATORS, (patience, stop))
    }
    fn new(router: Router, capacity: u32, (patience, stop): (Patience, watch::Receiver<bool>)) -> Self {
        let places = Arc::new(Semaphore::new(usize::try_from(capacity).unwrap_or(1)));
        Self { router, places, capacity, patience, stop }
    }

    /// Accepts on TCP until told to stop; then waits for the connections that are there.
    pub(crate) async fn accept_tcp(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let mut stop = self.stop.clone();
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stopped(&mut stop) => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (door, tls) = (self.clone(), tls.clone());
                    tokio::spawn(async move {
                        // Small answers go out at once; a connection without it still works.
                        let _best_effort = stream.set_nodelay(true);
                        match tls {
                            None => door.converse(stream, Some(Peer(peer)), Protocol::Http1).await,
                            Some(tls) => door.shake_hands(tls, stream, peer).await,
                        }
                        drop(place);
                    });
                }
                Err(error) => rest(&error).await,
            }
        }
        drop(listener);
        self.closed().await;
    }

    /// Accepts on the operator's socket.
    pub(crate) async fn accept_unix(self, listener: UnixListener) {
        let mut stop = self.stop.clone();
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stopped(&mut stop) => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let door = self.clone();
                    tokio::spawn(async move {
                        door.converse(stream, None, Protocol::Http1).await;
                        drop(place);
                    });
                }
                Err(error) => rest(&error).await,
            }
        }
        drop(listener);
        self.closed().await;
    }

    async fn closed(&self) {
        if tokio::time::timeout(GRACE, self.places.acquire_many(self.capacity)).await.is_err() {
            tracing::warn!("connections were cut off at the end");
        }
    }

    async fn shake_hands(&self, tls: TlsAcceptor, stream: tokio::net::TcpStream, peer: SocketAddr) {
        match tokio::time::timeout(self.patience.handshake, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let protocol = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Protocol::Http2,
                    Some(_) | None => Protocol::Http1,
                };
                self.converse(stream, Some(Peer(peer)), protocol).await;
            }
            Ok(Err(error)) => say_ended(&format!("no tls handshake with {peer}: {error}")),
            Err(_) => say_ended(&format!("tls handshake with {peer} took too long")),
        }
    }

    async fn converse<S>(&self, stream: S, peer: Option<Peer>, protocol: Protocol)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), peer, request));
        let builder = protocol.builder(self.patience);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut stop = self.stop.clone();
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = stopped(&mut stop) => None,
            () = tokio::time::sleep(LONGEST) => None,
        };
        let ended = match ended {
            Some(ended) => Ok(ended),
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(GRACE, connection).await
            }
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => say_ended(&format!("connection ended: {error}")),
            Err(_) => say_ended("connection was cut off"),
        }
    }
}

async fn answer(
    mut router: Router,
    peer: Option<Peer>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    request.extensions_mut().extend(peer.map(extension).unwrap_or_default());
    router.call(request).await
}

fn extension(peer: Peer) -> axum::http::Extensions {
    let mut extensions = axum::http::Extensions::new();
    extensions.insert(peer);
    extensions
}

/// Resolves when the service stops, or when nobody is left who could say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

fn say_ended(how: &str) {
    tracing::debug!("{how}");
}

async fn rest(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(PAUSE).await;
}

#[derive(Debug, Clone, Copy)]
enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    fn builder(self, patience: Patience) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(MAX_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(MAX_HEAD_H2);
        match self {
            Self::Http1 => builder.http1_only(),
            Self::Http2 => builder.http2_only(),
        }
    }
}
