//! How long the server waits for a client that is slow, or does not speak at all.

use std::time::Duration;

/// Deadlines of what a client has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The TLS handshake.
    pub handshake: Duration,
    /// The head of a request; also the rest between two requests of an HTTP/1.1 connection.
    pub head: Duration,
    /// The body, counted from the head.
    pub body: Duration,
}

impl Default for Patience {
    /// 10 seconds for the handshake, 30 for heads and for bodies.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { handshake: seconds(10), head: seconds(30), body: seconds(30) }
    }
}
