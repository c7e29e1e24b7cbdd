//! The socket between gateway and keyguard: frames, descriptor passing, reconnection.
