//! What there is to be told about. The names are frozen: configuration files hold them, receivers branch on them.

use chancery_ledger::act::Verdict;
use chancery_ledger::event::Body;

/// A kind of notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A certificate of the service or of a key ends soon. Comes from no leaf.
    CertificateExpiring,
    /// A permission to deviate came into force.
    ExceptionOpened,
    /// A signature is made under a permission to deviate.
    ExceptionUsed,
    /// A stop was lifted.
    FreezeLifted,
    /// Something was stopped.
    FreezeSet,
    /// An intent ended without a signature.
    IntentAbandoned,
    /// A key was made or stopped.
    KeyChanged,
    /// A restored ledger goes on.
    LedgerReanchored,
    /// A root document or a policy version takes effect.
    PolicyChanged,
    /// Somebody approved a request.
    RequestApproved,
    /// A request was refused, or refusals were counted.
    RequestDenied,
    /// A request waits for people, other builders or time.
    RequestPending,
    /// Somebody rejected a request.
    RequestRejected,
    /// A signature did not survive the last check; nothing left the service.
    ResultWithdrawn,
    /// An exception was reviewed.
    ReviewDone,
    /// The review of an exception is due within a day. Comes from no leaf.
    ReviewDue,
    /// The review of an exception is overdue. Comes from no leaf.
    ReviewOverdue,
    /// A signature was made and released.
    SignatureReleased,
    /// Verifiers are told to believe other authorities.
    TrustChanged,
}

impl Kind {
    /// Every kind with its name.
    pub const ALL: [(Self, &'static str); 19] = [
        (Self::CertificateExpiring, "certificate.expiring"),
        (Self::ExceptionOpened, "exception.opened"),
        (Self::ExceptionUsed, "exception.used"),
        (Self::FreezeLifted, "freeze.lifted"),
        (Self::FreezeSet, "freeze.set"),
        (Self::IntentAbandoned, "intent.abandoned"),
        (Self::KeyChanged, "key.changed"),
        (Self::LedgerReanchored, "ledger.reanchored"),
        (Self::PolicyChanged, "policy.changed"),
        (Self::RequestApproved, "request.approved"),
        (Self::RequestDenied, "request.denied"),
        (Self::RequestPending, "request.pending"),
        (Self::RequestRejected, "request.rejected"),
        (Self::ResultWithdrawn, "result.withdrawn"),
        (Self::ReviewDone, "review.done"),
        (Self::ReviewDue, "review.due"),
        (Self::ReviewOverdue, "review.overdue"),
        (Self::SignatureReleased, "signature.released"),
        (Self::TrustChanged, "trust.changed"),
    ];
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(kind, _)| kind)
    }
    /// The kind that tells of an event, and what the event is about. Some events are steps that nobody outside waits for.
    #[must_use]
    pub fn of(body: &Body) -> Option<(Self, String)> {
        Some(match body {
            Body::Abandoned(closed) => (Self::IntentAbandoned, closed.request.to_string()),
            Body::Approval(approval) => {
                let kind = match approval.verdict {
                    Verdict::Approve => Self::RequestApproved,
                    Verdict::Cancel | Verdict::Reject => Self::RequestRejected,
                };
                (kind, approval.request.to_string())
            }
            Body::Denied(denied) => {
                (Self::RequestDenied, denied.request.map_or_else(String::new, |request| request.to_string()))
            }
            Body::DeniedCount(count) => (Self::RequestDenied, count.issuer.clone()),
            Body::Exception(exception) => (Self::ExceptionOpened, exception.act.to_string()),
            Body::Freeze(freeze) => (Self::FreezeSet, freeze.act.to_string()),
            Body::Key(key) => (Self::KeyChanged, key.key.to_string()),
            Body::Pending(pending) => (Self::RequestPending, pending.request.to_string()),
            Body::Policy(policy) => (Self::PolicyChanged, policy.version.to_string()),
            Body::Reanchor(reanchor) => (Self::LedgerReanchored, reanchor.act.to_string()),
            Body::Result(outcome) => (Self::SignatureReleased, outcome.request.to_string()),
            Body::Review(review) => (Self::ReviewDone, review.exception.to_string()),
            Body::Root(root) => (Self::PolicyChanged, root.sha256.to_string()),
            Body::Trust(trust) => (Self::TrustChanged, trust.act.to_string()),
            Body::Unfreeze(unfreeze) => (Self::FreezeLifted, unfreeze.freeze.to_string()),
            Body::Withdrawn(closed) => (Self::ResultWithdrawn, closed.request.to_string()),
            Body::Intent(intent) => (Self::ExceptionUsed, intent.exception?.to_string()),
            Body::Certificate(_) | Body::Entry(_) | Body::IssuerKeys(_) | Body::Session(_) => return None,
        })
    }
}
