//! Where a repository is: on a web server, or in a directory that was carried here.

use std::path::{Path, PathBuf};

use crate::catalogue::Code;
use crate::client::Server;
use crate::command::Context;
use crate::failure::Failure;
use crate::trust::read_bounded;

/// A repository's files.
#[derive(Debug)]
pub(crate) enum Mirror {
    /// A directory on this machine.
    Directory(PathBuf),
    /// An address and the path below it, without slashes at its ends.
    Web(Box<Server>, String),
}

impl Mirror {
    /// Opens a repository; nothing is fetched yet.
    pub(crate) fn open(text: &str, context: &Context<'_, '_>) -> Result<Self, Failure> {
        if !text.contains("://") {
            let directory = Path::new(text);
            return match directory.is_dir() {
                true => Ok(Self::Directory(directory.to_owned())),
                false => Err(Failure::file("read", directory, &"no such directory")),
            };
        }
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        let origin = text.strip_suffix(path).unwrap_or(text);
        if path.contains(['?', '#']) {
            return Err(Failure::new(Code::Usage, format!("`{text}` is not the address of a repository")));
        }
        let server = Server::at(origin, context.globals, context.host)?;
        Ok(Self::Web(Box::new(server), path.trim_matches('/').to_owned()))
    }
    /// A file of at most `limit` bytes; `None` where there is none.
    pub(crate) fn fetch(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Directory(directory) => {
                let path = directory.join(name);
                if path.is_file() { read_bounded(&path, limit).map(Some) } else { Ok(None) }
            }
            Self::Web(server, prefix) if prefix.is_empty() => server.fetch(&format!("/{name}"), limit),
            Self::Web(server, prefix) => server.fetch(&format!("/{prefix}/{name}"), limit),
        }
    }
    /// A file that must be there.
    pub(crate) fn demand(&self, name: &str, limit: usize) -> Result<Vec<u8>, Failure> {
        self.fetch(name, limit)?.ok_or_else(|| {
            Failure::new(Code::Answer, format!("the repository has no file `{name}`"))
                .hint("is the address that of a TUF repository? A service of ours has it below /tuf")
        })
    }
}
