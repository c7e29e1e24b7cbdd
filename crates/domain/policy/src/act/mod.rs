//! Acts: what people do to the service beside asking and approving, each a document with their signatures.
//!
//! ```json
//! {"act":{"freeze":{"from":null,"reason":"stolen runner","scope":{"profile":"acme-release"},"until":null}},"at":1795210023000,
//!  "ledger":"log2026.sign.example","nonce":"6f1c…","schema":"chancery.act/1"}
//! ```
//! `ssh-keygen -Y sign -n act@chancery -f KEY document` signs exactly these bytes. There is no administrator's session: who
//! may do what follows from root and roster, and [`accept::accept`] decides it the same way in gateway, keyguard and audit.
//!
//! | act | who signs |
//! |---|---|
//! | freeze | one person: of the root, or with the role `approve` or `manage` |
//! | unfreeze, exception, reanchor, trust | the root's threshold |
//! | exception in an emergency | as many approvers of the profile as it asks for, at least one |
//! | review | one person with the role `audit`, who did not sign the exception |

pub mod accept;
pub mod book;
pub mod document;
pub mod refused;
