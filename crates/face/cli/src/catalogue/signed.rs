//! Codes of what people sign: versions of governance, approvals, acts. They stand in the text of CH5005, CH4024 and CH4025.

/// Code, meaning, way out; sorted. The refusals themselves are values of the policy crate.
pub(super) const SIGNED: [(&str, &str, &str); 29] = [
    ("CH8001", "what is signed about a version is not well formed", "sign with chancery policy sign"),
    (
        "CH8002",
        "the version is signed for another ledger",
        "sign it for this one: chancery policy sign DIR --ledger ORIGIN",
    ),
    (
        "CH8003",
        "the version's number is not above the one in force",
        "sign it again: chancery policy sign asks for the number in force",
    ),
    (
        "CH8004",
        "the version leaves numbers out",
        "sign it again: chancery policy sign asks for the number in force",
    ),
    (
        "CH8005",
        "the version follows another one than is in force",
        "compare with what is in force (chancery policy diff), then sign again",
    ),
    ("CH8006", "the signatures are over other documents", "sign these documents: chancery policy sign DIR"),
    (
        "CH8007",
        "too few people of the root signed the version",
        "let more of them sign: chancery policy sign DIR --key SSH_KEY",
    ),
    ("CH8008", "a signature over the version is not valid", "remove the file of signatures and sign again"),
    (
        "CH8009",
        "the version is signed by a key that is nobody's in the root",
        "let the people of root.toml sign; chancery root show lists their keys",
    ),
    (
        "CH8010",
        "the root document does not follow the one in force",
        "make its successor with chancery root rotate",
    ),
    ("CH8011", "the root document cannot be read", "chancery policy check names file and line"),
    ("CH8012", "one key is two people's in the old and the new root", "give every person keys of their own"),
    (
        "CH8020",
        "what an approver signed is not one of the documents",
        "sign what chancery request approve --print shows, without a newline more",
    ),
    ("CH8021", "the approval is about something else", "look at what waits now: chancery request show ID"),
    ("CH8022", "the approval's time is over", "ask for the signature again, and approve that"),
    (
        "CH8023",
        "the approval is by a key that is nobody's in the roster",
        "sign with a key that roster.toml lists",
    ),
    (
        "CH8024",
        "the person may not approve this profile",
        "let somebody approve who has the role `approve` for it in roster.toml",
    ),
    ("CH8025", "who asks for the signature cannot approve it", "let somebody else approve"),
    (
        "CH8026",
        "the approval's signature is not valid",
        "sign in the namespace approval@chancery, over the document as it is",
    ),
    ("CH8027", "too many signatures over one request", "approve a request once per person"),
    ("CH8030", "the act is not well formed", "write acts with chancery freeze, exception or act"),
    ("CH8031", "who signed may not do this", "the table in how-to/freeze says who may"),
    ("CH8032", "the act is for another ledger", "write it against this service"),
    (
        "CH8033",
        "the act is signed by a key that is nobody's",
        "sign with a key that root.toml or roster.toml lists",
    ),
    ("CH8034", "a signature under the act is not valid", "sign with chancery act sign FILE"),
    (
        "CH8035",
        "the act was written more than a day ago, or in the future",
        "write it again, and check the clock",
    ),
    ("CH8036", "no further exception for this profile", "review the ones before: chancery exception list"),
    ("CH8037", "too few people signed the act", "let more people sign: chancery act sign FILE --key SSH_KEY"),
    (
        "CH8038",
        "what the act is about is not there, or over",
        "chancery freeze list and chancery exception list show what is in force",
    ),
];

#[cfg(test)]
mod tests {
    use super::SIGNED;
    use chancery_policy::act::refused::ActRefused;
    use chancery_policy::approval::refused::ApprovalRefused;
    use chancery_policy::governance::refused::GovernanceRefused;

    #[test]
    fn refusals_of_signed_documents_are_explained() {
        let codes = [
            GovernanceRefused::Malformed("x").code(),
            GovernanceRefused::TooFewPeople { actual: 1, expected: 2 }.code(),
            ApprovalRefused::Malformed("x").code(),
            ApprovalRefused::TooMany(65).code(),
            ActRefused::Malformed("x").code(),
            ActRefused::Unknown("x".into()).code(),
        ];
        for code in codes {
            assert!(SIGNED.iter().any(|(known, ..)| *known == code), "{code}");
        }
        assert!(SIGNED.is_sorted_by(|a, b| a.0 < b.0));
    }
}
