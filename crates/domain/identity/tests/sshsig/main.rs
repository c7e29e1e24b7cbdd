//! SSHSIG: what is accepted, what is refused and why, and what OpenSSH says about the same bytes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

mod foreign;
mod keys;
mod refused;

use chancery_identity::sshsig::key::SshPublicKey;
use chancery_identity::sshsig::signature::{InvalidSshSignature, SshSignature, VerifiedSignature};

const NAMESPACE: &str = chancery_identity::sshsig::GOVERNANCE;
const MESSAGE: &[u8] = b"{\"sequence\":7}";

fn verify(line: &str, binary: &[u8]) -> Result<VerifiedSignature, InvalidSshSignature> {
    let key = SshPublicKey::parse_line(line).unwrap();
    SshSignature::parse(binary)?.verify(&key, NAMESPACE, MESSAGE)
}
