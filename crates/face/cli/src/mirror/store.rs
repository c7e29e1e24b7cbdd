//! What was trusted last, by name, in the user's data directory.

use std::path::PathBuf;

use crate::catalogue::Code;
use crate::command::Context;
use crate::failure::Failure;
use crate::file::replacement::Replacement;
use crate::host::Host;
use crate::trust::read_bounded;

/// Longest name, in bytes.
const MAX_NAME: usize = 64;
/// Largest file that is read back.
const MAX_FILE: usize = 8 << 20;

/// One repository's place.
#[derive(Debug)]
pub(crate) struct Store {
    name: String,
    directory: PathBuf,
}

impl Store {
    /// The place of a name, whether anything is there or not.
    pub(crate) fn of(name: &str, host: &dyn Host) -> Result<Self, Failure> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_plain) || name.starts_with('-') {
            return Err(Failure::new(Code::Usage, format!("`{name}` cannot name kept trust"))
                .because(name, "lower-case letters, digits, hyphens"));
        }
        Ok(Self { name: name.to_owned(), directory: base(host)?.join(name) })
    }
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
    /// Where a file of it lies.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }
    /// Whether something is kept.
    pub(crate) fn exists(&self) -> bool {
        self.path("root.json").is_file()
    }
    /// A file, if it is there.
    pub(crate) fn read(&self, file: &str) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.path(file);
        if path.is_file() { read_bounded(&path, MAX_FILE).map(Some) } else { Ok(None) }
    }
    /// Keeps a file, whole or not at all.
    pub(crate) fn keep(&self, file: &str, bytes: &[u8]) -> Result<(), Failure> {
        let made = std::fs::create_dir_all(&self.directory);
        made.map_err(|error| Failure::file("make", &self.directory, &error))?;
        Replacement::whole(&self.path(file), bytes)
    }
    /// Where it comes from.
    pub(crate) fn mirror(&self) -> Result<Option<String>, Failure> {
        let text = self.read("mirror")?.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        Ok(text.filter(|text| !text.is_empty()))
    }
}

/// The names that something is kept under.
pub(crate) fn names(context: &Context<'_, '_>) -> Result<Vec<String>, Failure> {
    let base = base(context.host)?;
    let Ok(entries) = std::fs::read_dir(base) else { return Ok(Vec::new()) };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Store::of(name, context.host).is_ok_and(|store| store.exists()))
        .collect();
    names.sort();
    Ok(names)
}

/// XDG base directories: `$XDG_DATA_HOME/chancery/trust`, else below `~/.local/share`.
fn base(host: &dyn Host) -> Result<PathBuf, Failure> {
    let named = |name: &str| host.variable(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    let data = named("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let data = data.or_else(|| named("HOME").map(|home| home.join(".local/share")));
    let data = data.ok_or_else(|| {
        Failure::new(Code::Usage, "no place for trust: neither XDG_DATA_HOME nor HOME is set")
            .hint("set HOME, or XDG_DATA_HOME to an absolute path")
    })?;
    Ok(data.join("chancery").join("trust"))
}
