//! Private keys as files encrypted under a key-encryption key.
