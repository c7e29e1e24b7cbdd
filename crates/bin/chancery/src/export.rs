//! What a running service leaves in its data directory for verifiers and clients, and the line that says it is ready.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use chancery_cli::host::READY_SCHEMA;
use chancery_gateway::gateway::Gateway;
use chancery_gateway::trust;

use crate::client_env;
use crate::config::Config;
use crate::dev;

/// Writes trust material and `client.env`, then says that the service is ready: JSON on stdout, words on stderr.
pub(crate) async fn write(config: &Config, gateway: &Gateway, address: SocketAddr) -> anyhow::Result<()> {
    let directory = &config.data_dir;
    let material = gateway.trust()?;
    replace(&directory.join("trust.json"), trust::trust_json(gateway).await?.as_bytes())?;
    replace(&directory.join("trusted_root.json"), material.trusted_root_json().as_bytes())?;
    replace(&directory.join("roots.pem"), material.roots_pem().as_bytes())?;
    let server = format!("https://{address}");
    let env = directory.join("client.env");
    let request_token = if config.dev { dev::request_token(directory)? } else { String::new() };
    let trust_key = &material.authorities.trust_vkey;
    replace(&env, client_env::text(config, &server, trust_key, &request_token).as_bytes())?;
    ready(config, &server, &env)
}

fn ready(config: &Config, server: &str, env: &Path) -> anyhow::Result<()> {
    let line = serde_json::json!({"schema": READY_SCHEMA, "server": server, "env": env});
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    let mut words = std::io::stderr().lock();
    writeln!(words, "chancery is ready at {server}")?;
    if config.dev {
        writeln!(
            words,
            "  data     {}   (development: nothing signed here may be trusted)",
            config.data_dir.display()
        )?;
        writeln!(words, "  sign     . {} && chancery sign FILE --profile dev", env.display())?;
        writeln!(words, "  verify   . {} && chancery verify FILE --policy dev", env.display())?;
    }
    Ok(())
}

/// New file, synced, renamed: a reader never sees half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path).with_context(|| format!("cannot write `{}`", path.display()))
}
