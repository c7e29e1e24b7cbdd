//! The line between gateway and keyguard: frames, descriptor passing, reconnection, mutual TLS between two hosts.
//!
//! The supervisor gives each process one end of a Unix socket pair as its standard input (descriptor 0), so no path,
//! no listener and no `unsafe` are needed. The gateway's end carries only descriptors: one for every keyguard that the
//! supervisor starts. The keyguard's end carries frames:
//!
//! ```text
//! 00 00 00 1d  {"id":1,"call":{"hello":{"protocol":1}}}
//! ```

pub mod client;
pub mod descriptor;
pub mod frame;
pub mod mutual;
pub mod pipe;
pub mod server;
