//! Approvals: what people sign, whether it is about this request, and how many of them count.
//!
//! ```json
//! {"at":1795210023000,"claims":{"source_repository_ref":"refs/tags/v1"},"expires":1795296423000,"issuer":"github",
//!  "ledger":"log2026.sign.example","policy":"4c1d…","profile":"acme-release","request":"9f86…","schema":"chancery.approval/1"}
//! ```
//! `ssh-keygen -Y sign -n approval@chancery -f KEY document` signs exactly these bytes, without a newline. Who rejects
//! signs another document, so that neither can be taken for the other:
//!
//! ```json
//! {"approval":"60bf…","reason":"wrong branch","schema":"chancery.rejection/1"}
//! ```

pub mod count;
pub mod document;
pub mod refused;
