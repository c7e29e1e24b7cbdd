//! What the keyguard must not forget, as two-slot files: the keyguard has no database.
//!
//! A piece is one file of two slots of [`slot::SLOT`] bytes. A write goes to the older slot and is made durable with
//! one `fdatasync`; a torn write damages only that slot, and the reader takes the newest slot whose digest holds:
//!
//! ```text
//! 0000  magic "CHMEM001"   8 bytes
//! 0008  generation         8 bytes, big-endian
//! 0010  length             4 bytes, big-endian
//! 0014  SHA-256            32 bytes over generation, length and content
//! 0034  content
//! ```

pub mod file;
pub mod founding;
pub mod restored;
pub mod slot;
