//! Test build only: ends the process at a named step, so that a test can look at what a crash leaves.

use chancery_core::port::step::{Step, Steps};

/// Kills this process with SIGKILL when `CHANCERY_FAULT_STEP` is reached and `CHANCERY_FAULT_FILE` can be removed: the
/// file arms the fault once, so that the restarted process runs through.
#[derive(Debug)]
pub(crate) struct DieAt {
    step: Option<String>,
    file: Option<std::path::PathBuf>,
}

impl DieAt {
    /// From the environment.
    #[must_use]
    pub(crate) fn from_environment() -> Self {
        Self {
            step: std::env::var("CHANCERY_FAULT_STEP").ok(),
            file: std::env::var_os("CHANCERY_FAULT_FILE").map(Into::into),
        }
    }
}

impl Steps for DieAt {
    fn reached(&self, step: Step) {
        let (Some(wanted), Some(file)) = (&self.step, &self.file) else { return };
        if wanted == step.name() && std::fs::remove_file(file).is_ok() {
            let _sent =
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}
