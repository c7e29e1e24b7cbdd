//! What to do about each stable code. Never advises to weaken a rule.

/// Code and way out, sorted.
const REMEDIES: &[(&str, &str)] = &[
    ("CH1001", "report it, with the request id and the service's log"),
    ("CH1002", "look whether a proxy answers in the service's place; else report it"),
    ("CH1003", "let the build finish writing, then sign again"),
    ("CH2001", "chancery help COMMAND shows what it takes"),
    ("CH2002", "check the path, its permissions and the room on the disk"),
    ("CH2003", "say --replace to replace the signature, or --output DIR to write elsewhere"),
    ("CH2004", "set CHANCERY_SERVER or give --server https://sign.example"),
    ("CH2005", "fetch trust.json again from the service and give it with --trust"),
    ("CH2006", "chancery policy check names file and line of each"),
    ("CH2007", "name the right --format, or sign the file with --detached"),
    ("CH2008", "check the name; chancery whoami and chancery key list show what there is"),
    ("CH2009", "correct the configuration file where the message points to"),
    ("CH2010", "name the private key file, or the .pub of a key that the agent or a security key holds"),
    (
        "CH2030",
        "log in with docker login, and let the service's operator name the registry in [[registries]]",
    ),
    ("CH2060", "the message says what the plugin was given, and which command signs it"),
    ("CH2070", "take what the message names out of the directory, or release it in parts"),
    ("CH2071", "correct release.toml where the message points to; how-to/releases shows one"),
    ("CH2072", "build the variant, or change the declaration; nothing was signed"),
    ("CH2073", "sign what is inside, pack it, then sign the release; nothing was signed"),
    ("CH2074", "name the profile whose file has `[vouch]`; chancery whoami shows which name this job"),
    ("CH2101", "send what the OpenAPI document at /openapi.json describes; update an old client"),
    ("CH2102", "send what the OpenAPI document at /openapi.json describes; update an old client"),
    ("CH2103", "ask for fewer statements at a time, or send a smaller body"),
    ("CH2104", "send the body as the media type that the OpenAPI document at /openapi.json names"),
    ("CH2105", "run the command on the machine of the development service"),
    ("CH3001", "let the CI issue the token, and pass it on unchanged"),
    ("CH3002", "ask the owners of the governance repository to register the issuer in issuers.toml"),
    ("CH3003", "request the token with audience chancery:<host>:sha256:<request id>"),
    ("CH3004", "request a token for each request; one token is good for one"),
    ("CH3005", "request the token right before it is used, and check the machine's clock"),
    ("CH3006", "request a fresh token for each request"),
    ("CH3007", "run chancery sign in a pipeline; people approve"),
    ("CH3008", "run inside a CI job that may ask for a token (GitHub: permissions: id-token: write)"),
    ("CH4001", "chancery whoami shows the profiles that name this job"),
    (
        "CH4002",
        "use a profile that chancery whoami lists, or ask the owners of the governance repository for a grant",
    ),
    ("CH4012", "run the job from where the grant says: the answer names what was found and what is expected"),
    ("CH4013", "change what the guardrail forbids: the answer names the rule"),
    ("CH4014", "ask for a format that the profile allows; the answer lists them"),
    ("CH4015", "let the client make the statement from the artifact itself"),
    ("CH4016", "wait until the window has room"),
    ("CH4017", "request the token with audience chancery:<host>:sha256:<request id>"),
    ("CH4018", "the service's operator looks with chancery key list, and makes or certifies the key"),
    ("CH4020", "continue later with chancery request wait ID"),
    ("CH4021", "chancery freeze list shows it; the people of the root lift it: chancery freeze lift"),
    ("CH4022", "an auditor reviews the exception: chancery exception review"),
    ("CH4023", "chancery request show says who rejected it and why; ask for another build"),
    ("CH4024", "sign the document that chancery request show prints, with a key that is in roster.toml"),
    ("CH4025", "the message says what is wanting; chancery act show FILE shows the act"),
    ("CH4026", "the root's people sign whom verifiers believe: chancery trust publish"),
    (
        "CH4040",
        "sign in a job that runs after the change was merged: push, release, schedule or workflow_dispatch",
    ),
    (
        "CH4041",
        "build again from the same commit on clean machines and compare; one builder may be compromised",
    ),
    ("CH4042", "run the job on a class of runner that the profile names; the answer lists them"),
    ("CH4043", "sign with chancery sign, which begins a session for each job, in the same job"),
    (
        "CH4044",
        "bring it along: chancery sign … --attestation FILE; the answer names the policy that says what it must be",
    ),
    (
        "CH4045",
        "bring the attestation of whom the policy expects, as it was published; chancery verify FILE --bundle shows why",
    ),
    (
        "CH4046",
        "build where the level is reached, or let the verifier that the policy names look at it again",
    ),
    ("CH4047", "let the verifier that the policy names look at it again, and bring what it says now"),
    ("CH4048", "build again without the material that the answer names"),
    ("CH4049", "wait until the material is old enough, or build again with an older version of it"),
    (
        "CH4050",
        "let the build name each material with digest and, where an age is demanded, annotation published",
    ),
    ("CH4051", "bring only what the profile demands, at most 16 attestations of 1 MiB together"),
    ("CH4060", "ask who governs the service to let one profile alone issue certificates to this job"),
    (
        "CH4061",
        "let the client that signs get its certificate from this service, and send its entry within ten minutes",
    ),
    ("CH5001", "sign again; if it stays, the service's operator runs chancery doctor"),
    ("CH5002", "sign again; if it stays, the service's operator runs chancery doctor"),
    ("CH5003", "sign again; if it stays, the service's operator runs chancery doctor"),
    ("CH5004", "build the artifact again, and sign what the build made"),
    (
        "CH5005",
        "let the people of root.toml sign exactly this version: chancery policy sign DIR --key SSH_KEY",
    ),
    (
        "CH5010",
        "sign again; if it stays, the service's operator treats the gateway as suspect and runs chancery doctor",
    ),
    ("CH6001", "get the signed artifact, or its .sigstore.json, from where it was published"),
    ("CH6002", "do not use the file; fetch it again from where it was published"),
    ("CH6003", "do not use the file; fetch it again from where it was published"),
    ("CH6004", "do not use the file; fetch it again from where it was published"),
    ("CH6005", "do not use the file; fetch it again from where it was published"),
    ("CH6006", "do not use the file; check that --trust is of the service that signed it"),
    ("CH6007", "do not use the file; ask who publishes it"),
    ("CH6008", "do not use the file; a current release should be there"),
    ("CH6009", "do not use the file; ask who publishes it for one with a timestamp"),
    ("CH6010", "do not use the file; a current release should be there"),
    ("CH6011", "do not use the file; ask who publishes it which signer is right"),
    ("CH6012", "give --policy NAME, a policy of the trust document; chancery inspect shows without judging"),
    ("CH6013", "do not use the file; report it: a signature outside the ledger is an alarm"),
    ("CH6014", "verify it with the tool of its format"),
    ("CH6015", "fetch trust.json again from the service, and check which key must have signed it"),
    ("CH6016", "try again"),
    ("CH6070", "name the directory that holds release.json; sign a release with chancery sign --release"),
    ("CH6071", "do not use the release; fetch it again from where it was published"),
    ("CH6072", "do not promote the release; fetch it again, or ask who publishes it for the missing file"),
    ("CH6073", "do not use the file; sign the release again with it, or take it away"),
    ("CH6074", "do not use the file; fetch the release again from where it was published"),
    ("CH6075", "do not promote the release; it is not complete"),
    ("CH6076", "ask who publishes the release to sign what is inside before it is packed"),
    ("CH6077", "do not use the file; take out only what the release names"),
    ("CH6078", "look into it with the tool of its format, or ask for one that can be looked into"),
    ("CH6079", "do not use the file; sign as the last step, after every other tool"),
    ("CH6080", "name the release that is expected, and ask who publishes it which one this is"),
    (
        "CH7001",
        "look at the receiver; chancery webhook dead NAME shows what it missed, webhook redeliver sends it again",
    ),
    ("CH7050", "use another backup; one that was interrupted goes on with chancery backup … --resume"),
    ("CH7051", "name the data directory of the service, and a directory that is absent or empty to write to"),
    ("CH7501", "try again: the same request gets the same result once it is released"),
    ("CH7502", "check address and network; chancery doctor looks closer"),
    ("CH7503", "try again in a moment, with fewer jobs at a time"),
    ("CH7504", "try again; look whether the network or a proxy holds the body back"),
    (
        "CH9001",
        "fetch checkpoint and trust.json again; if it stays, the ledger was forked or its keys replaced: keep a copy",
    ),
    ("CH9002", "keep a copy of the ledger as it is: what it shows was never cosigned"),
    ("CH9003", "compare with another copy of the ledger; tiles are rebuilt from the leaves"),
    ("CH9004", "keep both copies: history was changed, and the earlier checkpoint proves it"),
    ("CH9005", "ask who made the installation which root document is right"),
    ("CH9006", "compare with another copy of the ledger, and keep this one"),
    ("CH9007", "restore the governance documents of that version from git, and ask who applied another"),
    ("CH9008", "treat what the key signed as an incident: it was used outside of the ledger's word"),
    ("CH9009", "treat the certificate as misissued: revoke it, and look for what it signed"),
    ("CH9010", "treat it as an incident: a signature without an intent, or an intent that ended twice"),
    ("CH9011", "restore the evidence from a backup: chancery evidence export copies it"),
    ("CH9012", "restore the evidence from a backup, and ask who changed it"),
    ("CH9013", "treat the signature as not authorised, and ask who runs the gateway"),
    ("CH9014", "treat the signature as not authorised, and ask the issuer about the token"),
    ("CH9015", "treat the second signature as made with a stolen token"),
    ("CH9016", "treat the signature as not authorised: revoke what it signed"),
    ("CH9017", "look at what was signed in that window: the limit should have stopped it"),
    ("CH9018", "treat the signature as not approved: revoke what it signed"),
    ("CH9019", "treat it as a signature over something else than was decided: revoke it"),
    ("CH9020", "treat the certificate as misissued: revoke it"),
    ("CH9021", "do not use the artifact; ask who runs the service what made the signature"),
    ("CH9022", "compare the result with the artifact's own signature: one of them was changed"),
    ("CH9023", "look at the clock of the gateway's host at that time"),
    ("CH9024", "stop the service, keep its data, and restore from a backup"),
    ("CH9025", "treat it as an incident: look at who signed the act, and at what was signed under it"),
    ("CH9026", "treat the signature as not authorised: its token was checked with other keys"),
    ("CH9060", "treat the entry as not authorised: find out which certificate it was taken for"),
    (
        "CH9070",
        "treat the signature as made without what the profile demanded: the finding names what is lacking",
    ),
    ("CH9090", "check the path and its permissions; try again"),
];

/// What to do about a code; nothing for what is none.
pub(super) fn of(code: &str) -> &'static str {
    REMEDIES.iter().find(|(known, _)| *known == code).map_or("", |(_, remedy)| remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_and_every_one_a_code() {
        let listed: Vec<&str> = REMEDIES.iter().map(|(code, _)| *code).collect();
        let signed: Vec<&str> = crate::catalogue::signed::SIGNED.iter().map(|(code, ..)| *code).collect();
        let lines = crate::catalogue::lines();
        let known = lines.iter().map(|line| line.code).filter(|code| !signed.contains(code));
        assert_eq!(listed, known.collect::<Vec<_>>());
        assert!(REMEDIES.iter().all(|(_, remedy)| !remedy.is_empty()));
    }
}
