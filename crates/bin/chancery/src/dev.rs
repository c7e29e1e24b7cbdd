//! `serve --dev`: a data directory that has everything, made on first use. Loopback only, DO NOT TRUST in every name.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use chancery_core::instance::{Instance, InstanceKind, TrustList};
use chancery_core::port::entropy::Entropy as _;
use chancery_core::time::Time;
use chancery_gateway::act;
use chancery_gateway::gateway::Gateway;
use chancery_identity::dev_issuer::DevKey;
use chancery_identity::sshsig::secret::SecretKey;
use chancery_identity::sshsig::{ACT as ACT_NAMESPACE, GOVERNANCE as GOVERNANCE_NAMESPACE};
use chancery_policy::act::document::{Act, Deed, SignedAct};
use chancery_policy::documents::Documents;
use chancery_policy::governance::header::Header;
use chancery_policy::governance::signed::SignatureSet;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::ports::SystemEntropy;

/// The development issuer's `iss`. Its key is pinned in `issuers.toml`, so nothing is ever fetched from there.
pub(crate) const ISSUER: &str = "https://issuer.dev.localhost";
/// Where it listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8484);

/// The governance of a development installation, as files.
const GOVERNANCE: [(&str, &str); 7] = [
    ("profiles/release.toml", include_str!("../templates/dev/release.toml")),
    ("profiles/dev.toml", include_str!("../../../../testdata/governance/dev/profiles/dev.toml")),
    ("guardrails/events.cedar", include_str!("../../../../testdata/governance/dev/guardrails/events.cedar")),
    ("tests/dev.toml", include_str!("../../../../testdata/governance/dev/tests/dev.toml")),
    (
        "verification/dev-notary.toml",
        include_str!("../../../../testdata/governance/dev/verification/dev-notary.toml"),
    ),
    (
        "verification/dev-sbom.toml",
        include_str!("../../../../testdata/governance/dev/verification/dev-sbom.toml"),
    ),
    ("verification/dev.toml", include_str!("../../../../testdata/governance/dev/verification/dev.toml")),
];

/// Makes what is missing in `directory` and answers with the configuration file. What exists is left as it is, but for
/// the address to listen on.
pub(crate) fn prepare(directory: &Path, listen: Option<SocketAddr>) -> anyhow::Result<PathBuf> {
    make_private(directory)?;
    let directory = directory.canonicalize()?;
    let address = listen.unwrap_or(LISTEN);
    // INVARIANT: never on an address that others reach; the caller of this tells people what to do instead.
    anyhow::ensure!(address.ip().is_loopback(), "`--dev` serves loopback only; {address} is not");
    let issuer = issuer_key(&directory)?;
    let governance = directory.join("governance");
    for (name, text) in GOVERNANCE {
        write_once(&governance.join(name), text.as_bytes())?;
    }
    let root = root_key(&directory)?;
    write_once(&governance.join("root.toml"), root_document(&root).as_bytes())?;
    write_once(&governance.join("roster.toml"), roster(&directory)?.as_bytes())?;
    write_once(&governance.join("issuers.toml"), issuer.registration(ISSUER).as_bytes())?;
    write_once(&directory.join("keyguard").join("kek"), crate::init::kek().as_bytes())?;
    write_once(&directory.join("dev-issuer.token"), secret().as_bytes())?;
    let config = directory.join("chancery.toml");
    write_once(&config, template(address).as_bytes())?;
    if listen.is_some() {
        relisten(&config, address)?;
    }
    Ok(config)
}

/// The development issuer's key.
pub(crate) fn issuer_key(directory: &Path) -> anyhow::Result<DevKey> {
    let path = directory.join("dev-issuer.key");
    if !path.exists() {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        write_once(&path, key.as_ref())?;
    }
    Ok(DevKey::from_pkcs8(&std::fs::read(&path)?)?)
}

/// The key of the one person in the root document of a development installation.
fn root_key(directory: &Path) -> anyhow::Result<SecretKey> {
    ssh_key(&directory.join("dev-root.key"), "dev-root")
}

/// People of a development installation, with what they may do.
const PEOPLE: [(&str, &str); 3] = [("alice", "approve"), ("bob", "approve"), ("carol", "audit")];

/// The roster of a development installation: people whose keys lie beside it.
fn roster(directory: &Path) -> anyhow::Result<String> {
    let mut text =
        "# People of a development installation. Their keys are in ../people: whoever has them, is them.\n\
                    schema = \"chancery.roster/1\"\n"
            .to_owned();
    for (id, role) in PEOPLE {
        let key = ssh_key(&directory.join("people").join(format!("{id}.key")), id)?;
        let scope = if role == "audit" { "" } else { "profiles = [\"dev\", \"release\"]\n" };
        text.push_str(&format!(
            "\n[[people]]\nid = \"{id}\"\nname = \"{id}\"\nkeys = [\"{} {id}\"]\n\
             [[people.roles]]\nrole = \"{role}\"\n{scope}",
            key.public_line()
        ));
    }
    Ok(text)
}

/// An SSH key of a development installation, made on first use.
fn ssh_key(path: &Path, comment: &str) -> anyhow::Result<SecretKey> {
    if !path.exists() {
        let mut seed = Zeroizing::new([0_u8; 32]);
        SystemRandom::new().fill(seed.as_mut_slice())?;
        let key = SecretKey::from_seed(*seed).context("an ssh key cannot be made")?;
        write_once(path, key.to_openssh(comment).as_bytes())?;
        let public = format!("{} {comment}\n", key.public_line());
        write_once(&path.with_extension("key.pub"), public.as_bytes())?;
    }
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    SecretKey::parse(&text).with_context(|| format!("cannot use `{}`", path.display()))
}

fn root_document(key: &SecretKey) -> String {
    format!(
        "# The root document: entry 0 of the ledger is its hash. Its key is dev-root.key: whoever has it, rules.\n\
         schema = \"chancery.root/1\"\n\
         kind = \"development\"\n\
         version = 1\n\
         threshold = 1\n\
         [[people]]\n\
         id = \"dev\"\n\
         name = \"Whoever develops\"\n\
         keys = [\"{} dev-root\"]\n",
        key.public_line()
    )
}

/// Signs the first version of a development installation.
pub(crate) fn sign_first(
    directory: &Path,
    documents: &Documents,
    ledger: &str,
) -> anyhow::Result<SignatureSet> {
    let version = documents.version();
    let header = Header { ledger: ledger.to_owned(), previous: None, sequence: 1, version }.canonical()?;
    let signature = root_key(directory)?.sign(GOVERNANCE_NAMESPACE, header.as_bytes());
    Ok(SignatureSet::new(header, vec![signature])?)
}

/// In development whoever runs the service has the root's key, so the list that verifiers are told is signed at once:
/// at the first start, and whenever address or instances are others than those that stand in it.
pub(crate) async fn publish(config: &Config, gateway: &Gateway, address: SocketAddr) -> anyhow::Result<()> {
    let trust = gateway.trust()?;
    let lineage = &trust.lineage;
    let start = Time::from_seconds(gateway.parts().clock.now().seconds());
    let remote = lineage.unlisted_stampers().into_iter();
    let remote = remote.map(|id| Instance { kind: InstanceKind::Tsa, id, start, end: None });
    let instances = lineage.list().instances.iter().copied().chain(remote).collect();
    // A port that is another one after every start is no address to be told.
    let is_kept = lineage.is_signed() && config.listen.port() == 0;
    let url = if is_kept { lineage.list().url.clone() } else { format!("https://{address}") };
    let list = TrustList::new(instances, url)?;
    if lineage.is_signed() && *lineage.list() == list {
        return Ok(());
    }
    let reason = "development: signed by the service itself".to_owned();
    let nonce = secret();
    let deed = Deed::Trust { list, reason };
    let act = Act { deed, at: gateway.parts().clock.now(), ledger: config.ledger.origin.clone(), nonce };
    let document = act.canonical()?;
    let signature = root_key(&config.data_dir)?.sign(ACT_NAMESPACE, document.as_bytes());
    act::perform(gateway, &SignedAct::new(document, vec![signature])?).await?;
    Ok(())
}

/// What stands for the runner's own credential in a development installation.
pub(crate) fn request_token(directory: &Path) -> anyhow::Result<String> {
    let path = directory.join("dev-issuer.token");
    std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// 128 random bits as text.
fn secret() -> String {
    SystemEntropy.sixteen().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn template(listen: SocketAddr) -> String {
    format!(
        "# A development installation, made by `chancery serve --dev`. Nothing that it signs may be trusted.\n\
         dev = true\n\
         host = \"dev.localhost\"\n\
         organisation = \"Development\"\n\
         listen = \"{listen}\"\n\
         data_dir = \".\"\n\
         governance_dir = \"governance\"\n\n\
         [ledger]\n\
         origin = \"log2026.dev.localhost\"\n\
         reserve = 67108864\n\n\
         [keyguard]\n\
         credential_file = \"keyguard/kek\"\n"
    )
}

fn relisten(config: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(config)?;
    let line = |line: &str| {
        if line.starts_with("listen = ") { format!("listen = \"{address}\"") } else { line.to_owned() }
    };
    let changed: Vec<String> = text.lines().map(line).collect();
    std::fs::write(config, changed.join("\n") + "\n")?;
    Ok(())
}

fn make_private(directory: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make `{}`", directory.display()))
}

/// Writes a file of mode 0600 that does not exist yet.
fn write_once(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_private(parent)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}
