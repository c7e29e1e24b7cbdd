//! What is inside archives: every layer and every program in it, found with bounds on depth, entries, bytes and memory.
//!
//! ```text
//! app.zip                        50 4b 03 04   the file itself, which a signature covers as a whole
//!   tools/inner.jar              50 4b 03 04   a layer: kind "zip"
//!     native/helper.dll          4d 5a …       a program: kind "pe", signature "none", "embedded" or "changed"
//!   notes.tar.gz                 1f 8b 08      a layer: kind "tar.gz"
//!   driver.7z                    37 7a bc af   unread: "opaque"
//! ```
//!
//! Nothing is unpacked to disk and no entry's name is used as a path. Of entries that are neither archive nor program only
//! the first bytes are expanded. What could not be looked into is said ([`Unread`]), never left out.

mod budget;
mod inside;
mod kind;
mod look;
mod tar;
mod zip;

pub use budget::Limits;
pub use inside::{Inside, Layer, Marked, Unread, Why};
pub use kind::Kind;
pub use look::look;
