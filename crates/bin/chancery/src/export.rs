//! What a running service leaves in its data directory for verifiers and clients, and the line that says it is ready.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chancery_cli::host::READY_SCHEMA;
use chancery_gateway::gateway::Gateway;
use chancery_gateway::trust;

use crate::client_env;
use crate::config::Config;
use crate::dev;

/// How often it is looked whether verifiers are to be told something else.
const LOOK: Duration = Duration::from_secs(1);
/// How often trust material is written anew in any case: it ends after 30 days.
const RENEW: Duration = Duration::from_secs(86_400);

/// Writes trust material and `client.env`, then says that the service is ready: JSON on stdout, words on stderr.
pub(crate) async fn write(config: &Config, gateway: &Gateway, address: SocketAddr) -> anyhow::Result<()> {
    let directory = &config.data_dir;
    let material = gateway.trust()?;
    material_to(directory, gateway).await?;
    let server = format!("https://{address}");
    let env = directory.join("client.env");
    let request_token = if config.dev { dev::request_token(directory)? } else { String::new() };
    let trust_key = &material.authorities.trust_vkey;
    replace(&env, client_env::text(config, &server, trust_key, &request_token).as_bytes())?;
    ready(config, &server, &env)
}

async fn material_to(directory: &Path, gateway: &Gateway) -> anyhow::Result<()> {
    let material = gateway.trust()?;
    replace(&directory.join("trust.json"), trust::trust_json(gateway).await?.as_bytes())?;
    replace(&directory.join("trusted_root.json"), material.trusted_root_json().as_bytes())?;
    replace(&directory.join("roots.pem"), material.roots_pem().as_bytes())
}

/// Writes trust material again whenever people signed another list, and every day.
pub(crate) async fn keep(directory: PathBuf, gateway: Arc<Gateway>) {
    let listed =
        || gateway.trust().ok().and_then(|trust| trust.authorities.listed.as_ref().map(|one| one.act));
    let (mut written, mut at) = (listed(), tokio::time::Instant::now());
    loop {
        tokio::time::sleep(LOOK).await;
        if listed() == written && at.elapsed() < RENEW {
            continue;
        }
        let now = listed();
        match material_to(&directory, &gateway).await {
            Ok(()) => (written, at) = (now, tokio::time::Instant::now()),
            Err(error) => tracing::warn!(%error, "trust material could not be written"),
        }
    }
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
