//! Release sets as they lie on disk: found, looked into, recorded. What is right is judged in `chancery_verify::release`.

pub(crate) mod directory;
pub(crate) mod kept;
pub(crate) mod plan;
pub(crate) mod record;
pub(crate) mod shown;
