//! Exit codes: frozen, one meaning each (DESIGN 12).

use chancery_core::refusal::RefusalClass;
use chancery_core::verdict::Outcome;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// 0
    Ok,
    /// 1
    Error,
    /// 2
    Usage,
    /// 3
    Unauthenticated,
    /// 4
    Denied,
    /// 5
    Pending,
    /// 10
    Unsigned,
    /// 11
    Invalid,
    /// 12
    Untrusted,
    /// 13
    ExpiredOrRevoked,
    /// 14
    Unlogged,
    /// 15
    Unsupported,
    /// 75 (EX_TEMPFAIL)
    Temporary,
}

impl Exit {
    /// Every code with its name, its meaning and what a pipeline should do, in the order of the codes.
    pub const ALL: [(Self, &'static str, &'static str, &'static str); 13] = [
        (Self::Ok, "ok", "done, or verified", ""),
        (Self::Error, "error", "unexpected", "report a bug"),
        (Self::Usage, "usage", "flags, configuration, missing file", "fix the job's definition"),
        (
            Self::Unauthenticated,
            "unauthenticated",
            "no token, unknown issuer, wrong audience",
            "fix permissions",
        ),
        (Self::Denied, "denied", "policy said no, or a limit is spent", "do not retry"),
        (
            Self::Pending,
            "pending",
            "waits for approvals, builders or time",
            "continue later with `request wait`",
        ),
        (Self::Unsigned, "unsigned", "there is no signature", "do not use the artifact"),
        (Self::Invalid, "invalid", "digest, structure or signature is wrong", "do not use the artifact"),
        (Self::Untrusted, "untrusted", "valid, but not the expected signer", "do not use the artifact"),
        (
            Self::ExpiredOrRevoked,
            "expired-or-revoked",
            "no trusted time, expired, or revoked",
            "do not use the artifact",
        ),
        (Self::Unlogged, "unlogged", "ledger proof missing or wrong", "do not use the artifact"),
        (Self::Unsupported, "unsupported", "the format cannot be verified here", "do not use the artifact"),
        (Self::Temporary, "temporary", "something that is needed does not answer", "safe to retry"),
    ];
    /// Several files: the first of these that occurs is the process's; a usage or unexpected error comes before all.
    const WORST_FIRST: [Self; 12] = [
        Self::Error,
        Self::Usage,
        Self::Invalid,
        Self::Untrusted,
        Self::Unlogged,
        Self::ExpiredOrRevoked,
        Self::Unsigned,
        Self::Unsupported,
        Self::Denied,
        Self::Unauthenticated,
        Self::Temporary,
        Self::Pending,
    ];

    /// The process exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Unauthenticated => 3,
            Self::Denied => 4,
            Self::Pending => 5,
            Self::Unsigned => 10,
            Self::Invalid => 11,
            Self::Untrusted => 12,
            Self::ExpiredOrRevoked => 13,
            Self::Unlogged => 14,
            Self::Unsupported => 15,
            Self::Temporary => 75,
        }
    }
    /// The exit of a verification.
    #[must_use]
    pub const fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Verified => Self::Ok,
            Outcome::Unsigned => Self::Unsigned,
            Outcome::Invalid => Self::Invalid,
            Outcome::Untrusted => Self::Untrusted,
            Outcome::ExpiredOrRevoked => Self::ExpiredOrRevoked,
            Outcome::Unlogged => Self::Unlogged,
            Outcome::Unsupported => Self::Unsupported,
            Outcome::Temporary => Self::Temporary,
        }
    }
    /// The exit of a refusal.
    #[must_use]
    pub const fn of_refusal(class: RefusalClass) -> Self {
        match class {
            RefusalClass::Unauthenticated => Self::Unauthenticated,
            RefusalClass::Denied | RefusalClass::Limited => Self::Denied,
            RefusalClass::Invalid => Self::Usage,
        }
    }
    /// The worst of several: 1 and 2 first, then 11, 12, 14, 13, 10, 15, 4, 3, 75, 5; `Ok` only when all are.
    #[must_use]
    pub fn worst(exits: impl IntoIterator<Item = Self>) -> Self {
        let found: Vec<Self> = exits.into_iter().collect();
        Self::WORST_FIRST.into_iter().find(|exit| found.contains(exit)).unwrap_or(Self::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_and_ranked() {
        let mut codes: Vec<u8> = Exit::ALL.iter().map(|(exit, ..)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 75]);
        codes.dedup();
        assert_eq!(codes.len(), Exit::ALL.len());
        for (exit, ..) in Exit::ALL {
            assert_eq!(Exit::worst([Exit::Ok, exit, Exit::Ok]), exit, "{exit:?}");
        }
    }

    #[test]
    fn the_worst_wins_in_the_frozen_order() {
        let order = [11, 12, 14, 13, 10, 15, 4, 3, 75, 5];
        let of = |code| Exit::ALL.iter().find(|(exit, ..)| exit.code() == code).unwrap().0;
        for (position, worse) in order.iter().enumerate() {
            for better in &order[position..] {
                assert_eq!(Exit::worst([of(*better), of(*worse)]), of(*worse));
            }
        }
        assert_eq!(Exit::worst([]), Exit::Ok);
    }

    #[test]
    fn outcomes_keep_their_codes() {
        use chancery_core::verdict::Reason;
        for (reason, _) in Reason::ALL {
            let outcome = reason.outcome();
            assert_eq!(Exit::of_outcome(outcome).code(), outcome.exit_code());
        }
    }
}
