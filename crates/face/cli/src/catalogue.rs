//! Every stable code with its meaning and what to do: those of refusals, of verdicts and of the HTTP door, and the
//! command line's own.

mod remedy;
mod signed;

use chancery_api::code::Code as HttpCode;
use chancery_audit::finding::Code as AuditCode;
use chancery_core::refusal::RefusalCode;
use chancery_core::verdict::Reason;
use chancery_verify::release::finding::Code as ReleaseCode;

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
    /// CH2009: the service's configuration cannot be used.
    Configuration,
    /// CH2010: an SSH key cannot be used.
    SshKey,
    /// CH2030: a container registry refuses, may not be reached, or answers something else.
    Registry,
    /// CH2060: what another tool wants signed cannot be rebuilt from what it says.
    NotRebuilt,
    /// CH2070: the directory is none that can be released.
    Release,
    /// CH2071: a release's declaration is not well formed.
    Declaration,
    /// CH2072: a declared variant has no file, or a file no variant.
    Variant,
    /// CH2073: something in an archive must be signed before the archive is.
    Inside,
    /// CH2074: the profile is no verifier's.
    NoVerifier,
    /// CH4020: waits for approvals.
    Pending,
    /// CH7050: a backup is damaged or incomplete.
    BackupDamaged,
    /// CH7051: there is nothing to back up, or no room to restore to.
    BackupPlace,
    /// CH7501: something that is needed does not answer now.
    Temporary,
    /// CH7502: the server cannot be reached.
    Unreachable,
    /// CH9090: leaves or evidence cannot be read.
    Unreadable,
}

impl Code {
    /// Every code with its meaning in one line.
    pub const ALL: [(Self, &'static str); 26] = [
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
        (Self::Configuration, "the service's configuration cannot be used"),
        (Self::SshKey, "an ssh key cannot be read or cannot sign"),
        (Self::Registry, "a container registry refuses, may not be reached, or answers something else"),
        (
            Self::NotRebuilt,
            "what another tool wants signed is not signed: its bytes cannot be rebuilt from what it says",
        ),
        (Self::Release, "the directory holds something that a release cannot hold, or too much"),
        (Self::Declaration, "the declaration of a release is not well formed"),
        (Self::Variant, "a declared variant of the release has no file, or a file is of no variant"),
        (Self::Inside, "a program inside of an archive must be signed before the archive is"),
        (Self::NoVerifier, "the profile vouches for nothing: it is no verifier's"),
        (Self::Pending, "the request waits for approvals, builders or time"),
        (Self::BackupDamaged, "a backup is damaged or incomplete"),
        (Self::BackupPlace, "the directory is not one to back up, or not one to write to"),
        (Self::Temporary, "something that is needed does not answer now"),
        (Self::Unreachable, "the server cannot be reached"),
        (Self::Unreadable, "the audit cannot read leaves or evidence"),
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
            Self::Configuration => "CH2009",
            Self::SshKey => "CH2010",
            Self::Registry => "CH2030",
            Self::NotRebuilt => "CH2060",
            Self::Release => "CH2070",
            Self::Declaration => "CH2071",
            Self::Variant => "CH2072",
            Self::Inside => "CH2073",
            Self::NoVerifier => "CH2074",
            Self::Pending => "CH4020",
            Self::BackupDamaged => "CH7050",
            Self::BackupPlace => "CH7051",
            Self::Temporary => "CH7501",
            Self::Unreachable => "CH7502",
            Self::Unreadable => "CH9090",
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
            | Self::Unknown
            | Self::BackupPlace
            | Self::Configuration
            | Self::NotRebuilt
            | Self::Release
            | Self::Declaration
            | Self::Variant
            | Self::Inside
            | Self::NoVerifier
            | Self::Registry
            | Self::SshKey => Exit::Usage,
            Self::BackupDamaged => Exit::Invalid,
            Self::Pending => Exit::Pending,
            Self::Temporary | Self::Unreachable | Self::Unreadable => Exit::Temporary,
        }
    }
}

/// One line of the reference: a code, its meaning, the way out, and the exit code that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// `CH4012`.
    pub code: &'static str,
    /// In one line.
    pub meaning: &'static str,
    /// What to do, in one line.
    pub remedy: &'static str,
    /// How a command ends with it.
    pub exit: Exit,
}

impl Line {
    fn new(code: &'static str, meaning: &'static str, exit: Exit) -> Self {
        Self { code, meaning, remedy: remedy::of(code), exit }
    }
}

/// Every stable code, sorted.
#[must_use]
pub fn lines() -> Vec<Line> {
    let own = Code::ALL.map(|(code, meaning)| Line::new(code.code(), meaning, code.exit()));
    let refusals = RefusalCode::ALL
        .map(|(code, meaning)| Line::new(code.code(), meaning, Exit::of_refusal(code.class())));
    let reasons = Reason::ALL
        .map(|(reason, meaning)| Line::new(reason.code(), meaning, Exit::of_outcome(reason.outcome())));
    let releases = ReleaseCode::ALL
        .map(|(code, meaning)| Line::new(code.code(), meaning, Exit::of_outcome(code.outcome())));
    let findings = AuditCode::ALL.map(|(code, meaning)| Line::new(code.code(), meaning, Exit::Invalid));
    // What the HTTP door shares with the command line is told in the command line's words.
    let door = HttpCode::ALL
        .into_iter()
        .filter(|(code, _)| !Code::ALL.iter().any(|(own, _)| own.code() == code.code()))
        .map(|(code, meaning)| Line::new(code.code(), meaning, exit_of_status(code.status())));
    let signed =
        signed::SIGNED.map(|(code, meaning, remedy)| Line { code, meaning, remedy, exit: Exit::Usage });
    let mut lines: Vec<Line> = own.into_iter().chain(refusals).chain(reasons).chain(door).collect();
    lines.extend(findings.into_iter().chain(releases).chain(signed));
    lines.sort_by_key(|line| line.code);
    lines
}

/// The exit code of what only the HTTP door says: the request was not one, or it may be made again.
const fn exit_of_status(status: u16) -> Exit {
    match status {
        408 | 429 | 502..=504 => Exit::Temporary,
        400..=499 => Exit::Usage,
        _ => Exit::Error,
    }
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
        assert_eq!(find("CH9003").unwrap().exit, Exit::Invalid);
    }

    #[test]
    fn every_code_that_anybody_can_see_is_explained() {
        let refusals = RefusalCode::ALL.iter().map(|(code, _)| code.code());
        let reasons = Reason::ALL.iter().map(|(reason, _)| reason.code());
        let door = HttpCode::ALL.iter().map(|(code, _)| code.code());
        let own = Code::ALL.iter().map(|(code, _)| code.code());
        for code in refusals.chain(reasons).chain(door).chain(own) {
            let line = find(code).unwrap_or_else(|| panic!("{code} is not in the catalogue"));
            assert!(!line.meaning.is_empty() && !line.remedy.is_empty(), "{code}");
            assert_ne!(line.exit, Exit::Ok, "{code}");
        }
    }

    #[test]
    fn what_the_door_shares_ends_the_same_way() {
        for (code, _) in HttpCode::ALL {
            let exit = find(code.code()).unwrap().exit;
            let is_pending = code == HttpCode::Pending;
            let by_status = if is_pending { Exit::Pending } else { exit_of_status(code.status()) };
            assert_eq!(exit, by_status, "{code:?}");
        }
    }
}
