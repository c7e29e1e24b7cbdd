//! What an audit finds wrong: a code, the index of the leaf, what was found and what should have been.

/// Why something does not hold. Codes are frozen: CH90xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Code {
    /// CH9001
    Checkpoint,
    /// CH9002
    Root,
    /// CH9003
    Tile,
    /// CH9004
    Earlier,
    /// CH9005
    Beginning,
    /// CH9006
    Leaf,
    /// CH9007
    Policy,
    /// CH9008
    Key,
    /// CH9009
    Certificate,
    /// CH9010
    Closing,
    /// CH9011
    EvidenceMissing,
    /// CH9012
    EvidenceAltered,
    /// CH9013
    Intent,
    /// CH9014
    Token,
    /// CH9015
    TokenReplayed,
    /// CH9016
    Decision,
    /// CH9017
    Limit,
    /// CH9018
    Approval,
    /// CH9019
    Statement,
    /// CH9020
    Precertificate,
    /// CH9021
    Signature,
    /// CH9022
    Outcome,
    /// CH9023
    Clock,
    /// CH9024
    Row,
    /// CH9025
    Act,
    /// CH9026
    IssuerKeys,
    /// CH9060
    Entry,
    /// CH9070
    Attestation,
}

impl Code {
    /// Every code with its meaning in one line.
    pub const ALL: [(Self, &'static str); 28] = [
        (Self::Checkpoint, "the checkpoint is not signed by the ledger and cosigned by the keyguard"),
        (Self::Root, "the leaves do not give the root that the checkpoint names"),
        (Self::Tile, "a stored tile is not what the leaves give"),
        (Self::Earlier, "the ledger does not extend a checkpoint that was seen before"),
        (Self::Beginning, "the ledger does not begin with the root document and the first policy"),
        (Self::Leaf, "a leaf is missing, or is neither an event nor the entry of a result"),
        (
            Self::Policy,
            "a policy version does not follow the one before, or its documents are not those named",
        ),
        (Self::Key, "a key event contradicts another, or a key was used that the ledger does not allow"),
        (Self::Certificate, "a certificate is not in the ledger, or not of the authorities"),
        (Self::Closing, "a result names no open intent, or another request or statement"),
        (Self::EvidenceMissing, "evidence that the ledger names is not kept"),
        (Self::EvidenceAltered, "evidence is not what the ledger names"),
        (Self::Intent, "an intent says something else than its evidence"),
        (Self::Token, "the token does not hold at the time of its intent"),
        (Self::TokenReplayed, "a token was used for two requests"),
        (Self::Decision, "the policy in force would not have allowed it"),
        (Self::Limit, "the limit of the profile was spent"),
        (Self::Approval, "approvals are missing or do not hold"),
        (Self::Statement, "the bytes to be signed are not those of the statement"),
        (Self::Precertificate, "the planned certificate is not the one that the intent names"),
        (Self::Signature, "the signature, its chain or its timestamp does not hold"),
        (Self::Outcome, "a result says something else than its evidence"),
        (Self::Clock, "the time of an event is before that of events long before it"),
        (Self::Row, "a row of the service's database contradicts the ledger"),
        (
            Self::Act,
            "a freeze, exception or review is not signed as it has to be, or was used beyond what it says",
        ),
        (Self::IssuerKeys, "the archived keys of an issuer are not those that the keyguard had logged"),
        (
            Self::Entry,
            "an entry of a Sigstore client is not under a live certificate of this service, or not signed with it",
        ),
        (Self::Attestation, "a demanded attestation is not in the evidence, or does not hold"),
    ];
    /// The frozen code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Checkpoint => "CH9001",
            Self::Root => "CH9002",
            Self::Tile => "CH9003",
            Self::Earlier => "CH9004",
            Self::Beginning => "CH9005",
            Self::Leaf => "CH9006",
            Self::Policy => "CH9007",
            Self::Key => "CH9008",
            Self::Certificate => "CH9009",
            Self::Closing => "CH9010",
            Self::EvidenceMissing => "CH9011",
            Self::EvidenceAltered => "CH9012",
            Self::Intent => "CH9013",
            Self::Token => "CH9014",
            Self::TokenReplayed => "CH9015",
            Self::Decision => "CH9016",
            Self::Limit => "CH9017",
            Self::Approval => "CH9018",
            Self::Statement => "CH9019",
            Self::Precertificate => "CH9020",
            Self::Signature => "CH9021",
            Self::Outcome => "CH9022",
            Self::Clock => "CH9023",
            Self::Row => "CH9024",
            Self::Act => "CH9025",
            Self::IssuerKeys => "CH9026",
            Self::Entry => "CH9060",
            Self::Attestation => "CH9070",
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// One thing that does not hold. Holds no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Index of the leaf that it concerns.
    pub index: u64,
    /// The frozen code.
    pub code: Code,
    /// One line, lower case, no full stop.
    pub what: String,
    /// What was found; may be empty.
    pub actual: String,
    /// What should have been; may be empty.
    pub expected: String,
}

/// Longest text that a finding repeats, in characters.
const MAX_TEXT: usize = 200;

impl Finding {
    /// A finding with one line.
    pub fn new(index: u64, code: Code, what: impl Into<String>) -> Self {
        Self { index, code, what: what.into(), actual: String::new(), expected: String::new() }
    }
    /// Adds what was found and what should have been.
    #[must_use]
    pub fn because(mut self, actual: impl ToString, expected: impl ToString) -> Self {
        self.actual = short(&actual.to_string());
        self.expected = short(&expected.to_string());
        self
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
