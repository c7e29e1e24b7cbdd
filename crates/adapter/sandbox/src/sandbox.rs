//! The sandbox of the keyguard, applied item by item, with a report of what this kernel enforces.

use std::path::PathBuf;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::set_no_new_privs;

use crate::{deny, landlocked};

/// Which network a sandboxed process may still use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// Socket pairs and what it was given; nothing else.
    #[default]
    None,
    /// It may connect to anything: for PKCS#11 modules whose HSM is on the network. It still accepts no connections.
    Outbound,
}

/// What a sandboxed process may still reach. Directories are meant with everything below them; a file may be named too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// What it may read.
    pub read: Vec<PathBuf>,
    /// Where it may read, write, make and remove files.
    pub write: Vec<PathBuf>,
    /// What it may read and execute: workers, and the libraries that they load. Empty: it may start no
    /// process, nor connect to local sockets.
    pub execute: Vec<PathBuf>,
    /// Which network it may use; what it starts may use no more.
    pub network: Network,
}

impl Profile {
    /// Whether processes may be started.
    #[must_use]
    pub const fn may_spawn(&self) -> bool {
        !self.execute.is_empty()
    }
}

/// One item of the sandbox, for `doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What: `core-dumps`, `dumpable`, `no-new-privileges`, `landlock`, `seccomp`.
    pub item: &'static str,
    /// Whether it is enforced now, for the whole process.
    pub active: bool,
    /// How, or why not.
    pub detail: String,
}

impl Report {
    /// From the outcome of one step; the text is the detail either way.
    fn new<E: std::fmt::Display>(item: &'static str, outcome: Result<String, E>) -> Self {
        match outcome {
            Ok(detail) => Self { item, active: true, detail },
            Err(e) => Self { item, active: false, detail: e.to_string() },
        }
    }
}

/// The sandbox of one kind of process.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox;

impl Sandbox {
    /// Applies the keyguard's sandbox to this process, for good. To be called before any other thread is started, for
    /// older kernels restrict only the calling thread's files. An item that fails is reported and the others are still
    /// applied: whether to go on is the caller's decision.
    #[must_use]
    pub fn keyguard(profile: &Profile) -> Vec<Report> {
        let nothing = Rlimit { current: Some(0), maximum: Some(0) };
        vec![
            Report::new("core-dumps", setrlimit(Resource::Core, nothing).map(|()| "limit is 0".to_owned())),
            Report::new(
                "dumpable",
                set_dumpable_behavior(DumpableBehavior::NotDumpable)
                    .map(|()| "no core dumps, no attaching by the same user".to_owned()),
            ),
            Report::new(
                "no-new-privileges",
                set_no_new_privs(true).map(|()| "no privileges by execution".to_owned()),
            ),
            Report::new("landlock", landlocked::restrict(profile)),
            Report::new("seccomp", deny::install(profile)),
        ]
    }
}
