//! Connections to others, as bytes: the gateway carries them for the keyguard and understands none.

use super::Boxed;
use crate::tunnel::Peer;

/// Which addresses may be contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This machine; the only reach within which plain HTTP may be spoken.
    Loopback,
    /// Private addresses too (`allow_private = true`): an issuer inside the company.
    Private,
    /// Public addresses only.
    Public,
}

/// A connection that could not be made, or broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DialError(pub String);

/// A connection.
pub trait Wire: Send {
    /// Sends all of the bytes.
    fn send<'a>(&'a mut self, bytes: &'a [u8]) -> Boxed<'a, Result<(), DialError>>;
    /// Waits for bytes of the peer, at most [`crate::tunnel::MAX_PIPED`]; none when it closed the connection.
    fn receive(&mut self) -> Boxed<'_, Result<Vec<u8>, DialError>>;
}

/// Makes connections.
pub trait Dialer: Send + Sync + std::fmt::Debug {
    /// Connects to a peer at an address within reach; whatever else its name resolves to is never contacted.
    fn dial<'a>(&'a self, peer: &'a Peer, reach: Reach) -> Boxed<'a, Result<Box<dyn Wire>, DialError>>;
}
