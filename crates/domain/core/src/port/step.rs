//! The durable steps of a signature, named, so that tests can stop a process exactly there.

/// A point between two durable steps (DESIGN section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// 5: decided, nothing logged yet.
    Decided,
    /// 6: the intent is durable and cosigned.
    IntentLogged,
    /// 6, in the keyguard: the batch is kept, not yet cosigned.
    KeyguardFollowed,
    /// 7, in the keyguard: all checks held, the intent is spent, the key not yet used.
    KeyguardWarranted,
    /// 7, in the keyguard: signed and verified, not yet answered.
    KeyguardSigned,
    /// 7: the answer is kept.
    SignedKept,
    /// 8: the timestamp is there.
    Stamped,
    /// 9: verified.
    Verified,
    /// 10: the result is durable and cosigned.
    ResultLogged,
    /// 12: all is verified, the reply has not left.
    ReadyToReply,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 10] = [
        Self::Decided,
        Self::IntentLogged,
        Self::KeyguardFollowed,
        Self::KeyguardWarranted,
        Self::KeyguardSigned,
        Self::SignedKept,
        Self::Stamped,
        Self::Verified,
        Self::ResultLogged,
        Self::ReadyToReply,
    ];
    /// The stable name: `intent-logged`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::IntentLogged => "intent-logged",
            Self::KeyguardFollowed => "keyguard-followed",
            Self::KeyguardWarranted => "keyguard-warranted",
            Self::KeyguardSigned => "keyguard-signed",
            Self::SignedKept => "signed-kept",
            Self::Stamped => "stamped",
            Self::Verified => "verified",
            Self::ResultLogged => "result-logged",
            Self::ReadyToReply => "ready-to-reply",
        }
    }
}

/// Is told when a step is reached. The product's does nothing; the test build's may end the process.
pub trait Steps: Send + Sync + std::fmt::Debug {
    /// The step is done.
    fn reached(&self, step: Step);
}

/// Does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSteps;

impl Steps for NoSteps {
    fn reached(&self, _: Step) {}
}
