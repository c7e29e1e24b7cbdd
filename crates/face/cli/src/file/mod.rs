//! Files: read in one bounded pass, replaced whole or not at all, selected by names and patterns.

pub(crate) mod governance;
pub(crate) mod reader;
pub(crate) mod replacement;
pub(crate) mod selection;
pub(crate) mod signatures;
