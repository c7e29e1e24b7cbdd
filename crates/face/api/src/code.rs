//! Stable codes of answers that are neither refusals by policy nor verdicts: what goes wrong at the HTTP door.

/// A code with its status. Refusals have their own, see `chancery_core::refusal::RefusalCode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Too much is under way.
    Busy,
    /// Governance documents hold errors.
    Governance,
    /// Our fault; the log has more.
    Internal,
    /// Only callers on this machine are answered here.
    NotLocal,
    /// The receiver of a webhook did not take a notice.
    NotTaken,
    /// The path exists, the method does not.
    Method,
    /// The body's media type is another.
    MediaType,
    /// Path, query, header or body is not well formed.
    Malformed,
    /// Waits for approvals.
    Pending,
    /// The body did not arrive in time.
    Slow,
    /// Something that is needed does not answer now.
    Temporary,
    /// The body or a header is too large.
    TooLarge,
    /// Nothing is there.
    Unknown,
}

impl Code {
    /// Every code with its meaning in one line.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Internal, "something broke in the service"),
        (Self::Governance, "governance documents hold errors"),
        (Self::Unknown, "nothing of that name"),
        (Self::Malformed, "the request is not well formed"),
        (Self::Method, "the path does not answer this method"),
        (Self::TooLarge, "the request is too large"),
        (Self::MediaType, "the body has another media type than the path takes"),
        (Self::NotLocal, "only callers on this machine are answered here"),
        (Self::Pending, "the request waits for approvals, builders or time"),
        (Self::NotTaken, "the receiver of a webhook did not take a notice"),
        (Self::Temporary, "something that is needed does not answer now"),
        (Self::Busy, "too much is under way"),
        (Self::Slow, "the body did not arrive in time"),
    ];
    /// The frozen code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Internal => "CH1001",
            Self::Governance => "CH2006",
            Self::Unknown => "CH2008",
            Self::Malformed => "CH2101",
            Self::Method => "CH2102",
            Self::TooLarge => "CH2103",
            Self::MediaType => "CH2104",
            Self::NotLocal => "CH2105",
            Self::Pending => "CH4020",
            Self::NotTaken => "CH7001",
            Self::Temporary => "CH7501",
            Self::Busy => "CH7503",
            Self::Slow => "CH7504",
        }
    }
    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Internal => 500,
            Self::Governance => 422,
            Self::Unknown => 404,
            Self::Malformed => 400,
            Self::Method => 405,
            Self::TooLarge => 413,
            Self::MediaType => 415,
            Self::NotLocal => 403,
            Self::Pending => 202,
            Self::NotTaken => 502,
            Self::Temporary | Self::Busy => 503,
            Self::Slow => 408,
        }
    }
    /// What it means, in one line.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        Self::ALL.into_iter().find(|(code, _)| *code == self).map_or("", |(_, meaning)| meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_and_collides_with_no_refusal() {
        let mut codes: Vec<&str> = Code::ALL.iter().map(|(code, _)| code.code()).collect();
        let refusals = chancery_core::refusal::RefusalCode::ALL;
        codes.extend(refusals.iter().map(|(code, _)| code.code()));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
        for (code, _) in Code::ALL {
            assert!(!code.meaning().is_empty());
        }
    }
}
