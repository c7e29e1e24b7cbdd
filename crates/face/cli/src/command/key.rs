//! `chancery key`: reading is public, making and stopping go through the administrator's socket.

use std::path::PathBuf;

use chancery_api::admin::{CertificateChain, CertificateWish, KeyWish};
use chancery_api::key::{Key, Keys};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use serde_json::json;

use super::Context;
use super::whoami::json_word;
use crate::catalogue::Code;
use crate::client::Server;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Shape, printable};

/// The administrator's socket, where the permission of the file is the authority.
#[derive(Debug, clap::Args)]
pub(crate) struct Admin {
    /// The service's administration socket.
    #[arg(long, env = "CHANCERY_ADMIN_SOCKET", hide_env_values = true, value_name = "PATH")]
    socket: PathBuf,
}

impl Admin {
    /// A connection to it; nothing is sent before the first request.
    pub(crate) fn connect(&self, context: &Context<'_, '_>) -> Result<Server, Failure> {
        Server::admin(context.globals, &self.socket)
    }
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Make a key; its private half never leaves its custodian.
    Create(Create),
    /// List all keys.
    List,
    /// Show one key.
    Show {
        /// Its name.
        id: String,
    },
    /// Stop a key; what it signed stays valid.
    Disable {
        /// Its name.
        id: String,
        /// Where to ask.
        #[command(flatten)]
        admin: Admin,
    },
    /// Issue a long-lived certificate of the built-in authority for a key of family `cms` or `notary`.
    Certify {
        /// The key's name.
        id: String,
        /// Common name in the certificate.
        #[arg(long)]
        common_name: String,
        /// Country, two capital letters; needed for family `notary`.
        #[arg(long, value_name = "CC")]
        country: Option<String>,
        /// State or province; needed for family `notary`.
        #[arg(long, value_name = "NAME")]
        state: Option<String>,
        /// Where the authority's revocation list is published; notation reads `http:` only.
        #[arg(long, value_name = "URL")]
        crl: Option<String>,
        /// Life in days, at most 460.
        #[arg(long, default_value_t = 365)]
        days: u32,
        /// Where to ask.
        #[command(flatten)]
        admin: Admin,
    },
}

/// What a new key shall be.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// Its name.
    id: String,
    /// ecdsa-p256, ecdsa-p384, ed25519, rsa-3072 or rsa-4096.
    #[arg(long)]
    algorithm: String,
    /// The one family of bytes that it will sign: provenance-dsse, message, claimed-dsse, cms, notary …
    #[arg(long)]
    family: String,
    /// development, preview, staging or production.
    #[arg(long)]
    environment: String,
    /// Who answers for it.
    #[arg(long)]
    owner: String,
    /// What it is for.
    #[arg(long)]
    purpose: String,
    /// Where to ask.
    #[command(flatten)]
    admin: Admin,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let (schema, value, text) = match verb {
        Verb::List => {
            let keys: Keys = context.server()?.get("/v1/keys")?.json()?;
            let text = keys.keys.iter().map(line).collect();
            ("chancery.keys/1", json!(keys), text)
        }
        Verb::Show { id } => {
            let key: Key = context.server()?.get(&format!("/v1/keys/{}", name(id)?))?.json()?;
            ("chancery.key/1", json!(key), details(&key))
        }
        Verb::Create(wanted) => {
            let key = create(wanted, context)?;
            ("chancery.key/1", json!(key), details(&key))
        }
        Verb::Disable { id, admin } => {
            let path = format!("/admin/keys/{}/disable", name(id)?);
            let key: Key = admin.connect(context)?.post(&path, String::new(), None)?.json()?;
            ("chancery.key/1", json!(key), details(&key))
        }
        Verb::Certify { id, common_name, country, state, crl, days, admin } => {
            let wish = CertificateWish {
                common_name: common_name.clone(),
                country: country.clone(),
                state: state.clone(),
                crl: crl.clone(),
                days: *days,
            };
            let wish = json!(wish).to_string();
            let path = format!("/admin/keys/{}/certificate", name(id)?);
            let chain: CertificateChain = admin.connect(context)?.post(&path, wish, None)?.json()?;
            ("chancery.certificate/1", json!(chain), chain.pem)
        }
    };
    match context.terminal.shape() {
        Shape::Text => context.terminal.result(&text),
        Shape::Json => context.terminal.document(schema, value),
    }
    Ok(Exit::Ok)
}

fn create(wanted: &Create, context: &Context<'_, '_>) -> Result<Key, Failure> {
    let environments =
        [Environment::Development, Environment::Preview, Environment::Staging, Environment::Production];
    let environment = environments.into_iter().find(|known| known.name() == wanted.environment);
    let wish = KeyWish {
        id: name(&wanted.id)?,
        algorithm: KeyAlgorithm::from_name(&wanted.algorithm).ok_or_else(|| {
            unknown("algorithm", &wanted.algorithm, &KeyAlgorithm::ALL.map(KeyAlgorithm::name))
        })?,
        family: Family::from_name(&wanted.family)
            .ok_or_else(|| unknown("family", &wanted.family, &Family::ALL.map(Family::name)))?,
        environment: environment.ok_or_else(|| {
            unknown("environment", &wanted.environment, &environments.map(Environment::name))
        })?,
        owner: wanted.owner.clone(),
        purpose: wanted.purpose.clone(),
    };
    wanted.admin.connect(context)?.post("/admin/keys", json!(wish).to_string(), None)?.json()
}

fn name(text: &str) -> Result<KeyId, Failure> {
    KeyId::parse(text).map_err(|error| Failure::new(Code::Usage, error.to_string()))
}

fn unknown(what: &str, actual: &str, known: &[&str]) -> Failure {
    Failure::new(Code::Usage, format!("no {what} `{actual}`")).because(actual, known.join(", "))
}

fn line(key: &Key) -> String {
    format!(
        "{}  {}  {}  {}  {}  {}\n",
        key.id,
        key.algorithm,
        key.family,
        key.environment,
        json_word(&key.custody),
        json_word(&key.state)
    )
}

fn details(key: &Key) -> String {
    let mut text = line(key);
    for (name, value) in [("owner", &key.owner), ("purpose", &key.purpose), ("created", &key.created)] {
        text.push_str(&format!("  {name:<8} {}\n", printable(value)));
    }
    text.push_str(&format!("  {:<8} {}\n", "sha256", key.spki_sha256));
    for attribute in &key.attributes {
        text.push_str(&format!("  {}\n", printable(attribute)));
    }
    text
}
