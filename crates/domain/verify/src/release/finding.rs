//! What is wrong with a release set: closed, each with a frozen code.

use chancery_core::verdict::Outcome;

/// What is wrong. Codes CH6070 to CH6089 are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// There is no manifest.
    NoManifest,
    /// The manifest does not parse strictly.
    Malformed,
    /// A file of the set is not there.
    Missing,
    /// A file is there that is not in the set.
    NotInSet,
    /// A file is not the one that was signed into the set.
    Changed,
    /// A variant is not there, or not whole.
    Variant,
    /// A program without a signature is inside of something signed.
    UnsignedInside,
    /// Something signed is inside of something that is not.
    SignedInside,
    /// Something could not be looked into.
    Unread,
    /// A program inside was changed after it was signed.
    ChangedInside,
    /// Another release than the expected one.
    OtherRelease,
}

impl Code {
    /// Every code with its meaning in one line, in the order of the codes.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::NoManifest, "the directory holds no release manifest"),
        (Self::Malformed, "the release manifest does not parse strictly"),
        (Self::Missing, "a file of the signed release set is missing"),
        (Self::NotInSet, "a file is not in the signed release set"),
        (Self::Changed, "a file is not the one that was signed into the release set"),
        (Self::Variant, "a variant of the release is missing or not whole"),
        (Self::UnsignedInside, "a program without a signature is inside of something signed"),
        (Self::SignedInside, "something signed is inside of something that is not in the signed release set"),
        (Self::Unread, "something in the release could not be looked into"),
        (Self::ChangedInside, "a program inside of an archive was changed after it was signed"),
        (Self::OtherRelease, "the release is not the one that was expected"),
    ];
    /// The frozen code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoManifest => "CH6070",
            Self::Malformed => "CH6071",
            Self::Missing => "CH6072",
            Self::NotInSet => "CH6073",
            Self::Changed => "CH6074",
            Self::Variant => "CH6075",
            Self::UnsignedInside => "CH6076",
            Self::SignedInside => "CH6077",
            Self::Unread => "CH6078",
            Self::ChangedInside => "CH6079",
            Self::OtherRelease => "CH6080",
        }
    }
    /// The outcome class.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::NoManifest | Self::UnsignedInside | Self::SignedInside => Outcome::Unsigned,
            Self::Malformed
            | Self::Missing
            | Self::NotInSet
            | Self::Changed
            | Self::Variant
            | Self::ChangedInside => Outcome::Invalid,
            Self::Unread => Outcome::Unsupported,
            Self::OtherRelease => Outcome::Untrusted,
        }
    }
}

/// Whether something is refused, or only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The release is refused.
    Refused,
    /// Who signed the manifest knew of it and said so.
    Told,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// The file, or the variant's name.
    pub path: String,
    /// Names within an archive, from the outermost inwards; empty for the file itself.
    pub at: Vec<String>,
    /// What was found.
    pub actual: String,
    /// What was expected.
    pub expected: String,
    /// Whether it refuses the release.
    pub weight: Weight,
}

impl Finding {
    pub(super) fn new(
        code: Code,
        path: &str,
        actual: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        let (path, actual, expected) = (path.to_owned(), actual.into(), expected.into());
        Self { code, path, at: Vec::new(), actual, expected, weight: Weight::Refused }
    }
    pub(super) fn within(mut self, at: &[String], weight: Weight) -> Self {
        self.at = at.to_vec();
        self.weight = weight;
        self
    }
}
