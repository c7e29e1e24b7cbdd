//! `client.env`: a shell file that makes every client command work without flags.

use crate::config::Config;

/// The text. In development it also stands in for a CI runner: the client asks for tokens as in a GitHub job.
#[must_use]
pub(crate) fn text(config: &Config, server: &str, trust_key: &str, request_token: &str) -> String {
    let directory = config.data_dir.display();
    let mut lines = vec![
        ("CHANCERY_SERVER", server.to_owned()),
        ("CHANCERY_TRUST", format!("{directory}/trust.json")),
        ("CHANCERY_TRUST_KEY", trust_key.to_owned()),
        ("CHANCERY_ADMIN_SOCKET", config.admin_socket().display().to_string()),
    ];
    if config.dev {
        lines.extend([
            ("CHANCERY_CA", format!("{directory}/tls-ca.pem")),
            ("CHANCERY_PROFILE", "dev".to_owned()),
            ("CHANCERY_POLICY", "dev".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{server}/dev/actions/token?dev=1")),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", request_token.to_owned()),
        ]);
    }
    lines
        .into_iter()
        .map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', "'\\''")))
        .collect()
}
