//! Refusals: values with stable codes. The code decides HTTP status and exit status.

use std::fmt;

use crate::decision::Trace;

/// Why a request was refused. Codes are frozen: CH3xxx identity, CH4xxx policy, CH5xxx order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum RefusalCode {
    /// The token is not a well-formed, well-signed JWS of a registered issuer.
    #[serde(rename = "CH3001")]
    TokenInvalid,
    /// `iss` names no registered issuer.
    #[serde(rename = "CH3002")]
    IssuerUnknown,
    /// The audience is not ours.
    #[serde(rename = "CH3003")]
    AudienceWrong,
    /// The audience binds the token to another request.
    #[serde(rename = "CH3004")]
    TokenBoundElsewhere,
    /// Expired, not yet valid, too old, or too long-lived.
    #[serde(rename = "CH3005")]
    TokenExpired,
    /// The token was used for another request.
    #[serde(rename = "CH3006")]
    TokenReplayed,
    /// The kind of caller may not do this.
    #[serde(rename = "CH3007")]
    CallerKind,
    /// No token was sent.
    #[serde(rename = "CH3008")]
    TokenMissing,
    /// No such profile.
    #[serde(rename = "CH4001")]
    ProfileUnknown,
    /// No grant names this caller at all.
    #[serde(rename = "CH4002")]
    CallerUnknown,
    /// A grant is meant for this caller, but a matcher does not hold.
    #[serde(rename = "CH4012")]
    GrantMismatch,
    /// A guardrail forbids it.
    #[serde(rename = "CH4013")]
    GuardrailForbids,
    /// The profile does not allow this format.
    #[serde(rename = "CH4014")]
    FormatNotAllowed,
    /// The profile demands more depth.
    #[serde(rename = "CH4015")]
    DepthTooShallow,
    /// The profile's limit for this window is spent.
    #[serde(rename = "CH4016")]
    LimitSpent,
    /// The profile demands a request-bound audience.
    #[serde(rename = "CH4017")]
    BindingTooWeak,
    /// The key is disabled, absent, or of another family or environment.
    #[serde(rename = "CH4018")]
    KeyUnusable,
    /// A freeze is in force.
    #[serde(rename = "CH4021")]
    Frozen,
    /// An exception of the profile was not reviewed in time.
    #[serde(rename = "CH4022")]
    ReviewOverdue,
    /// An approver rejected the request.
    #[serde(rename = "CH4023")]
    Rejected,
    /// An approval does not count.
    #[serde(rename = "CH4024")]
    ApprovalInvalid,
    /// An act is not done: not signed by those who may, stale, or about nothing.
    #[serde(rename = "CH4025")]
    ActRefused,
    /// The root's people have not signed whom verifiers shall believe.
    #[serde(rename = "CH4026")]
    TrustUnsigned,
    /// The event that started the job is not one that the profile takes.
    #[serde(rename = "CH4040")]
    TriggerDenied,
    /// Builders of one artifact came to different bytes.
    #[serde(rename = "CH4041")]
    BuildersDisagree,
    /// The job ran on a class of runner that the profile does not take.
    #[serde(rename = "CH4042")]
    RunnerDenied,
    /// The session is unknown, over, or its key did not sign this request.
    #[serde(rename = "CH4043")]
    SessionInvalid,
    /// The profile demands an attestation, and none of its type about this came.
    #[serde(rename = "CH4044")]
    AttestationMissing,
    /// A demanded attestation does not verify, or is not by whom the policy expects.
    #[serde(rename = "CH4045")]
    AttestationUntrusted,
    /// A demanded attestation says too little: level, verifier, result, resource.
    #[serde(rename = "CH4046")]
    AttestationInsufficient,
    /// A demanded attestation is older than the policy takes.
    #[serde(rename = "CH4047")]
    AttestationStale,
    /// A material is denied, or not among those that are allowed.
    #[serde(rename = "CH4048")]
    MaterialDenied,
    /// A material is younger than the policy takes.
    #[serde(rename = "CH4049")]
    MaterialYoung,
    /// A material has no digest or no date of publication, or no materials are named.
    #[serde(rename = "CH4050")]
    MaterialUnknown,
    /// More attestations came than a request may bring, or larger ones.
    #[serde(rename = "CH4051")]
    AttestationsTooMany,
    /// More than one profile would issue a certificate to this caller.
    #[serde(rename = "CH4060")]
    ProfileAmbiguous,
    /// The certificate is not a live one that this service issued to a Sigstore client.
    #[serde(rename = "CH4061")]
    LeafForeign,
    /// The order does not carry what the keyguard needs, or not in agreement with the ledger.
    #[serde(rename = "CH5001")]
    OrderInvalid,
    /// The intent is not in the ledger, is too old, or was used.
    #[serde(rename = "CH5002")]
    IntentInvalid,
    /// The policy version is not the one that the ledger names.
    #[serde(rename = "CH5003")]
    PolicyVersionWrong,
    /// The statement is not what it claims to be.
    #[serde(rename = "CH5004")]
    StatementInvalid,
    /// The policy version does not carry the signatures of the root's people.
    #[serde(rename = "CH5005")]
    PolicyUnsigned,
    /// The issuer's keys are not those that the keyguard fetched itself or that the policy pins.
    #[serde(rename = "CH5010")]
    IssuerKeysForeign,
}

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    /// The caller could not be authenticated: HTTP 401, exit 3.
    Unauthenticated,
    /// Policy said no: HTTP 403, exit 4.
    Denied,
    /// A limit is spent: HTTP 429, exit 4.
    Limited,
    /// The request is not what it claims to be: HTTP 422, exit 2.
    Invalid,
}

impl RefusalCode {
    /// The frozen code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TokenInvalid => "CH3001",
            Self::IssuerUnknown => "CH3002",
            Self::AudienceWrong => "CH3003",
            Self::TokenBoundElsewhere => "CH3004",
            Self::TokenExpired => "CH3005",
            Self::TokenReplayed => "CH3006",
            Self::CallerKind => "CH3007",
            Self::TokenMissing => "CH3008",
            Self::ProfileUnknown => "CH4001",
            Self::CallerUnknown => "CH4002",
            Self::GrantMismatch => "CH4012",
            Self::GuardrailForbids => "CH4013",
            Self::FormatNotAllowed => "CH4014",
            Self::DepthTooShallow => "CH4015",
            Self::LimitSpent => "CH4016",
            Self::BindingTooWeak => "CH4017",
            Self::KeyUnusable => "CH4018",
            Self::Frozen => "CH4021",
            Self::ReviewOverdue => "CH4022",
            Self::Rejected => "CH4023",
            Self::ApprovalInvalid => "CH4024",
            Self::ActRefused => "CH4025",
            Self::TrustUnsigned => "CH4026",
            Self::TriggerDenied => "CH4040",
            Self::BuildersDisagree => "CH4041",
            Self::RunnerDenied => "CH4042",
            Self::SessionInvalid => "CH4043",
            Self::AttestationMissing => "CH4044",
            Self::AttestationUntrusted => "CH4045",
            Self::AttestationInsufficient => "CH4046",
            Self::AttestationStale => "CH4047",
            Self::MaterialDenied => "CH4048",
            Self::MaterialYoung => "CH4049",
            Self::MaterialUnknown => "CH4050",
            Self::AttestationsTooMany => "CH4051",
            Self::ProfileAmbiguous => "CH4060",
            Self::LeafForeign => "CH4061",
            Self::OrderInvalid => "CH5001",
            Self::IntentInvalid => "CH5002",
            Self::PolicyVersionWrong => "CH5003",
            Self::StatementInvalid => "CH5004",
            Self::PolicyUnsigned => "CH5005",
            Self::IssuerKeysForeign => "CH5010",
        }
    }
    /// Every code with its meaning in one line, for the reference page and `chancery help CODE`.
    pub const ALL: [(Self, &'static str); 43] = [
        (Self::TokenInvalid, "the token is malformed, unsigned, or signed by a key that is not the issuer's"),
        (Self::IssuerUnknown, "the token's issuer is not registered"),
        (Self::AudienceWrong, "the token was made for another audience"),
        (Self::TokenBoundElsewhere, "the token is bound to another request"),
        (Self::TokenExpired, "the token is expired, not yet valid, too old, or lives too long"),
        (Self::TokenReplayed, "the token was used for another request"),
        (Self::CallerKind, "this kind of caller may not ask for signatures"),
        (Self::TokenMissing, "no identity token was sent"),
        (Self::ProfileUnknown, "no such profile"),
        (Self::CallerUnknown, "no grant names this caller"),
        (Self::GrantMismatch, "a grant is meant for this caller, but a matcher does not hold"),
        (Self::GuardrailForbids, "a guardrail forbids it"),
        (Self::FormatNotAllowed, "the profile does not allow this format"),
        (Self::DepthTooShallow, "the profile demands that more of the artifact is seen"),
        (Self::LimitSpent, "the profile's limit for this window is spent"),
        (Self::BindingTooWeak, "the profile demands a token that is bound to the request"),
        (Self::KeyUnusable, "the key is disabled, absent, or belongs to another family or environment"),
        (Self::Frozen, "a freeze is in force"),
        (Self::ReviewOverdue, "an exception of the profile was not reviewed in time"),
        (Self::Rejected, "an approver rejected the request"),
        (Self::ApprovalInvalid, "an approval does not count: the signature, the person, or what it is about"),
        (Self::ActRefused, "an act is not signed by those who may do it, is stale, or is about nothing"),
        (Self::TrustUnsigned, "the root's people have not signed whom verifiers shall believe"),
        (Self::TriggerDenied, "the profile does not take jobs that this event started"),
        (Self::BuildersDisagree, "independent builders came to different bytes for the same artifact"),
        (Self::RunnerDenied, "the profile does not take jobs of this class of runner"),
        (Self::SessionInvalid, "the session is unknown or over, or its key did not sign this request"),
        (
            Self::AttestationMissing,
            "the profile demands an attestation, and none of its type about this artifact or commit came",
        ),
        (
            Self::AttestationUntrusted,
            "a demanded attestation does not verify, or is not by whom the policy expects",
        ),
        (
            Self::AttestationInsufficient,
            "a demanded attestation says too little: level, verifier, result or resource",
        ),
        (Self::AttestationStale, "a demanded attestation is older than the policy takes"),
        (Self::MaterialDenied, "a material of the build is denied, or not among those that are allowed"),
        (Self::MaterialYoung, "a material of the build was published too short a time ago"),
        (
            Self::MaterialUnknown,
            "a material of the build has no digest or no date of publication, or none is named",
        ),
        (Self::AttestationsTooMany, "more attestations came than a request may bring, or larger ones"),
        (Self::ProfileAmbiguous, "more than one profile would issue a certificate to this caller"),
        (
            Self::LeafForeign,
            "the certificate is not a live one that this service issued to a Sigstore client",
        ),
        (Self::OrderInvalid, "the order to the keyguard is incomplete or contradicts the ledger"),
        (Self::IntentInvalid, "the intent is not in the ledger, too old, or used"),
        (Self::PolicyVersionWrong, "the policy version is not the one that the ledger names"),
        (Self::StatementInvalid, "the statement is not what it claims to be"),
        (Self::PolicyUnsigned, "the policy is not signed by enough people of the root, or not in its place"),
        (
            Self::IssuerKeysForeign,
            "the issuer's keys are not those that the keyguard fetched or the policy pins",
        ),
    ];
    /// Who has to act.
    #[must_use]
    pub const fn class(self) -> RefusalClass {
        match self {
            Self::TokenInvalid
            | Self::IssuerUnknown
            | Self::AudienceWrong
            | Self::TokenBoundElsewhere
            | Self::TokenExpired
            | Self::TokenReplayed
            | Self::TokenMissing => RefusalClass::Unauthenticated,
            Self::CallerKind
            | Self::ProfileUnknown
            | Self::CallerUnknown
            | Self::GrantMismatch
            | Self::GuardrailForbids
            | Self::FormatNotAllowed
            | Self::DepthTooShallow
            | Self::BindingTooWeak
            | Self::KeyUnusable
            | Self::Frozen
            | Self::ReviewOverdue
            | Self::Rejected
            | Self::ApprovalInvalid
            | Self::ActRefused
            | Self::TrustUnsigned => RefusalClass::Denied,
            Self::TriggerDenied
            | Self::BuildersDisagree
            | Self::RunnerDenied
            | Self::SessionInvalid
            | Self::AttestationMissing
            | Self::AttestationUntrusted
            | Self::AttestationInsufficient
            | Self::AttestationStale
            | Self::MaterialDenied
            | Self::MaterialYoung
            | Self::MaterialUnknown
            | Self::ProfileAmbiguous
            | Self::LeafForeign => RefusalClass::Denied,
            Self::LimitSpent => RefusalClass::Limited,
            Self::AttestationsTooMany
            | Self::OrderInvalid
            | Self::IntentInvalid
            | Self::PolicyVersionWrong
            | Self::StatementInvalid
            | Self::PolicyUnsigned
            | Self::IssuerKeysForeign => RefusalClass::Invalid,
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A refusal as a value: code, what, actual, expected, what to do. Holds no secret and no token.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    /// The frozen code.
    pub code: RefusalCode,
    /// One line, lower case, no full stop.
    pub what: String,
    /// What was found; may be empty.
    pub actual: String,
    /// What was expected; may be empty.
    pub expected: String,
    /// What to do; may be empty. Never advises to weaken a rule.
    pub hint: String,
    /// What policy evaluated, when it got that far.
    pub trace: Trace,
}

impl Refusal {
    /// A refusal with a code and one line.
    #[must_use]
    pub fn new(code: RefusalCode, what: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            actual: String::new(),
            expected: String::new(),
            hint: String::new(),
            trace: Vec::new(),
        }
    }
    /// Adds what was found and what was expected.
    #[must_use]
    pub fn because(mut self, actual: impl Into<String>, expected: impl Into<String>) -> Self {
        self.actual = actual.into();
        self.expected = expected.into();
        self
    }
    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
    /// Adds what policy evaluated.
    #[must_use]
    pub fn with_trace(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.what)
    }
}
