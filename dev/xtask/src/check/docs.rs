//! Documentation: rustdoc without a warning, and the book where mdBook is installed.

use anyhow::Result;

use crate::process;

/// Builds both.
pub(super) fn run() -> Result<()> {
    let mut rustdoc = process::cargo(&["doc", "--workspace", "--no-deps", "--locked", "--quiet"]);
    // Links to private items are fine: these pages are for engineers, who read the source beside them.
    let flags = "-D warnings -A rustdoc::private_intra_doc_links";
    process::run(rustdoc.env("RUSTDOCFLAGS", flags))?;
    if !process::is_installed("mdbook") {
        println!("not built: mdbook is absent (tidy has checked the links of the book)");
        return Ok(());
    }
    let to = process::root().join("target/book");
    process::run(process::command("mdbook", &["build", "docs", "--dest-dir"]).arg(to))
}
