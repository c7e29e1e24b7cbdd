//! Options of the connections between gateway and keyguard.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;

/// A peer whose host is gone is noticed after this and three probes.
const IDLE: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

/// Small messages leave at once, and a peer that vanished without a word is noticed.
pub(crate) fn quick_and_watched(socket: &impl AsFd) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, IDLE)?;
    sockopt::set_tcp_keepintvl(socket, BETWEEN)?;
    sockopt::set_tcp_keepcnt(socket, PROBES)?;
    Ok(())
}
