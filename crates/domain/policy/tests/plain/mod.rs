//! A profile with nothing but what every profile has.

pub(crate) const PROFILE: &str = r#"environment = "staging"
owner = "me"
purpose = "test"
timestamp = "none"
[keys]
message = "k"
[formats.sigstore]
families = ["message"]
[[limits]]
count = 10
window = "10m"
[[grants]]
name = "g"
issuer = "dev"
[grants.claims]
source_repository_identifier = "42"
source_repository_ref = "refs/heads/main"
"#;
