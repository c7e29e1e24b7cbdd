//! Which implementation stands behind each port: the only file with `cfg(feature)`.

use std::sync::Arc;

use chancery_core::port::step::Steps;

use crate::host::Wired;

/// What the command line needs of this binary.
pub(crate) fn host() -> Wired {
    Wired { steps: steps() }
}

/// The product takes no notice of steps.
#[cfg(not(feature = "faults"))]
fn steps() -> Arc<dyn Steps> {
    Arc::new(chancery_core::port::step::NoSteps)
}

/// The test build ends the process at the step that `CHANCERY_FAULT_STEP` names.
#[cfg(feature = "faults")]
fn steps() -> Arc<dyn Steps> {
    Arc::new(crate::faults::DieAt::from_environment())
}
