//! Every stable code with its meaning: those of refusals and verdicts, and the command line's own.

use chancery_core::refusal::RefusalCode;
use chancery_core::verdict::Reason;

use crate::exit::Exit;

/// What the command line itself reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// CH1001: something broke that should not.
    Unexpected,
    /// CH1002: the server's answer is not what the protocol says, or not what was asked for.
    Answer,
    /// CH1003: the artifact changed while it was being signed.
    Changed,
    /// CH2001: the command line is not well formed.
    Usage,
    /// CH2002: a file cannot be read or written.
    File,
    /// CH2003: the artifact is signed already.
    AlreadySigned,
    /// CH2004: no server was named, or its address is not one.
    Server,
    /// CH2005: the trust document cannot be used.
    Trust,
    /// CH2006: governance documents hold errors, or a policy test did not come out as expected.
    Governance,
    /// CH2007: the artifact is not something that can be signed like this.
    Artifact,
    /// CH2008: nothing of that name.
    Unknown,
    /// CH4020: waits for approvals.
    Pending,
    /// CH7501: something that is needed does not answer now.
    Temporary,
    /// CH7502: the server cannot be reached.
    Unreachable,
}

impl Code {
    /// Every code with its meaning in one line.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::Unexpected, "something broke that should not"),
        (Self::Answer, "the server's answer is not what the protocol says, or not what was asked for"),
        (Self::Changed, "the artifact changed while it was being signed"),
        (Self::Usage, "the command line is not well formed"),
        (Self::File, "a file cannot be read or written"),
        (Self::AlreadySigned, "the artifact is signed already"),
        (Self::Server, "no server was named, or its address is not one"),
        (Self::Trust, "the trust document cannot be used"),
        (Self::Governance, "governance documents hold errors, or a policy test came out differently"),
        (Self::Artifact, "the artifact cannot be signed like this"),
        (Self::Unknown, "nothing of that name"),
        (Self::Pending, "the request waits for approvals"),
        (Self::Temporary, "something that is needed does not answer now"),
        (Self::Unreachable, "the server cannot be reached"),
    ];
    /// The frozen code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unexpected => "CH1001",
            Self::Answer => "CH1002",
            Self::Changed => "CH1003",
            Self::Usage => "CH2001",
            Self::File => "CH2002",
            Self::AlreadySigned => "CH2003",
            Self::Server => "CH2004",
            Self::Trust => "CH2005",
            Self::Governance => "CH2006",
            Self::Artifact => "CH2007",
            Self::Unknown => "CH2008",
            Self::Pending => "CH4020",
            Self::Temporary => "CH7501",
            Self::Unreachable => "CH7502",
        }
    }
    /// The exit code that goes with it.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Unexpected | Self::Answer | Self::Changed => Exit::Error,
            Self::Usage
            | Self::File
            | Self::AlreadySigned
            | Self::Server
            | Self::Trust
            | Self::Governance
            | Self::Artifact
            | Self::Unknown => Exit::Usage,
            Self::Pending => Exit::Pending,
            Self::Temporary | Self::Unreachable => Exit::Temporary,
        }
    }
}

/// One line of the reference: a code, its meaning, and the exit code that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// `CH4012`.
    pub code: &'static str,
    /// In one line.
    pub meaning: &'static str,
    /// How a command ends with it.
    pub exit: Exit,
}

/// Every stable code, sorted.
#[must_use]
pub fn lines() -> Vec<Line> {
    let own = Code::ALL.map(|(code, meaning)| Line { code: code.code(), meaning, exit: code.exit() });
    let refusals = RefusalCode::ALL.map(|(code, meaning)| Line {
        code: code.code(),
        meaning,
        exit: Exit::of_refusal(code.class()),
    });
    let reasons = Reason::ALL.map(|(reason, meaning)| Line {
        code: reason.code(),
        meaning,
        exit: Exit::of_outcome(reason.outcome()),
    });
    let mut lines: Vec<Line> = own.into_iter().chain(refusals).chain(reasons).collect();
    lines.sort_by_key(|line| line.code);
    lines
}

/// Looks a code up.
#[must_use]
pub fn find(code: &str) -> Option<Line> {
    lines().into_iter().find(|line| line.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<&str> = lines().into_iter().map(|line| line.code).collect();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert_eq!(find("ch4012").unwrap().exit, Exit::Denied);
        assert!(find("CH9999").is_none());
    }
}
