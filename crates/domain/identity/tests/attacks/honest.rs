//! The honest tokens of `testdata/tokens`: two of each algorithm, their issuer and its keys.

use chancery_core::caller::CallerKind;
use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::refusal::Refusal;
use chancery_core::time::Time;
use chancery_identity::audience::Audience;
use chancery_identity::authenticate::{Expectation, authenticate};
use chancery_identity::issuer::Issuers;
use chancery_identity::issuers_toml;
use chancery_identity::jwk::KeySet;

/// What the tokens need to be accepted.
pub(crate) struct Honest {
    pub(crate) tokens: Vec<String>,
    pub(crate) jwks: String,
    issuers: Issuers,
    keys: KeySet,
}

impl Honest {
    pub(crate) fn load() -> Self {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/tokens");
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let issuers = issuers_toml::load(&read("issuers.toml")).unwrap();
        let jwks = read("jwks.json");
        let keys = KeySet::parse(issuers.iter().next().unwrap(), &jwks).unwrap();
        let tokens = read("tokens.txt").lines().map(str::to_owned).collect();
        Self { tokens, jwks, issuers, keys }
    }
    pub(crate) fn check(&self, token: &str) -> Result<(), Refusal> {
        let expected = Expectation {
            audience_host: "sign.example",
            audience: Audience::Ours,
            request: Some(RequestId::new(Sha256::of(b"the request"))),
            kind: Some(CallerKind::Workload),
            now: Time::from_seconds(1_800_000_000),
        };
        authenticate(token, &self.issuers, &self.keys, &expected).map(drop)
    }
    /// The sentence that refuses a token; `None` when it is accepted.
    pub(crate) fn refusal(&self, token: &str) -> Option<String> {
        self.check(token).err().map(|refusal| format!("{} {}", refusal.code, refusal.what))
    }
}
