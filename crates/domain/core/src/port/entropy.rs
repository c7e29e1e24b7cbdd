//! The only source of randomness in the gateway: serial numbers and nonces.

/// Fills buffers from the operating system's generator.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// 16 random bytes.
    fn sixteen(&self) -> [u8; 16];
}
