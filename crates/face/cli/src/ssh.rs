//! Signs with a person's SSH key: an unencrypted Ed25519 key file in this process, every other key (encrypted, in an agent,
//! on a security key) through the installed `ssh-keygen`, which asks for passphrase and touch itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chancery_identity::sshsig::key::SshPublicKey;
use chancery_identity::sshsig::secret::{MAX_FILE, SecretKey};
use zeroize::Zeroizing;

use crate::catalogue::Code;
use crate::failure::Failure;
use crate::trust::read_bounded;

/// Which key signs.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Key {
    /// SSH key that signs: a private key file, or the .pub of one that the agent or a security key holds.
    #[arg(long = "key", env = "CHANCERY_SSH_KEY", value_name = "FILE")]
    ssh_key: Option<PathBuf>,
}

impl Key {
    /// The file, if one was named.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.ssh_key.as_deref()
    }
    /// The file; it is a usage error not to name one.
    pub(crate) fn named(&self) -> Result<&Path, Failure> {
        self.path().ok_or_else(|| {
            Failure::new(Code::Usage, "no ssh key was named")
                .because("", "--key FILE or CHANCERY_SSH_KEY")
                .hint("--key ~/.ssh/id_ed25519")
        })
    }
}

/// An armoured signature of a key over a message in a namespace.
pub(crate) fn sign(key: &Path, namespace: &str, message: &[u8]) -> Result<String, Failure> {
    let bytes = Zeroizing::new(read_bounded(key, MAX_FILE)?);
    match std::str::from_utf8(&bytes).ok().map(SecretKey::parse) {
        Some(Ok(secret)) => Ok(secret.sign(namespace, message)),
        Some(Err(_)) | None => foreign(key, namespace, message),
    }
}

fn foreign(key: &Path, namespace: &str, message: &[u8]) -> Result<String, Failure> {
    let failed = |why: String| {
        Failure::new(Code::SshKey, format!("cannot sign with `{}`: {why}", key.display())).hint(
            "is it the right file? `ssh-keygen -l -f FILE` shows a key, `ssh-add -l` what the agent holds",
        )
    };
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-q", "-n", namespace, "-f"]).arg(key);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
    let mut child = child.map_err(|error| failed(format!("ssh-keygen does not start: {error}")))?;
    let mut input = child.stdin.take();
    let written = input.as_mut().map_or(Ok(()), |input| input.write_all(message));
    drop(input);
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    written.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("ssh-keygen ended with {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("ssh-keygen's answer is not text".to_owned()))
}

/// The public key in a `.pub` file, as it is listed in governance documents: with its comment.
pub(crate) fn public_line(path: &Path) -> Result<String, Failure> {
    let refused = |why: String| Failure::new(Code::SshKey, format!("`{}` {why}", path.display()));
    let text =
        String::from_utf8(read_bounded(path, MAX_FILE)?).map_err(|_| refused("is not text".to_owned()))?;
    let line = text.trim_end();
    SshPublicKey::parse_line(line).map_err(|error| refused(format!("is no usable public key: {error}")))?;
    Ok(line.to_owned())
}
