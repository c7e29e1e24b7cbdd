//! SSHSIG: signatures that people make with their SSH keys (OpenSSH `PROTOCOL.sshsig`), strictly read and verified.
//!
//! ```text
//! -----BEGIN SSH SIGNATURE-----                          what `ssh-keygen -Y sign -n governance@chancery` writes
//! U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg…
//! -----END SSH SIGNATURE-----
//!
//! 53 53 48 53 49 47                                      "SSHSIG"
//! 00 00 00 01                                            version 1
//! 00 00 00 33  00 00 00 0b "ssh-ed25519" 00 00 00 20 …   public key
//! 00 00 00 13  "governance@chancery"                     namespace
//! 00 00 00 00                                            reserved, empty
//! 00 00 00 06  "sha512"                                  hash of the message: sha256 or sha512
//! 00 00 00 53  00 00 00 0b "ssh-ed25519" 00 00 00 40 …   signature
//! ```
//! The key signs `"SSHSIG" ‖ string namespace ‖ string reserved ‖ string hash ‖ string H(message)`. A security key
//! (`sk-…`) signs `SHA-256(application) ‖ flags ‖ counter ‖ SHA-256(that)`, and shows in `flags` that somebody touched it.
//!
//! Everything has one spelling: numbers are minimal, lengths exact, nothing follows. DSA, SHA-1 RSA, RSA under 3072 bits,
//! certificates and WebAuthn's wrapping are unknown here. [`signature::SshSignature::verify`] alone gives
//! [`signature::VerifiedSignature`].

mod armour;
pub mod key;
pub mod secret;
pub mod signature;
pub mod wire;

/// Namespace of signatures over governance documents.
pub const GOVERNANCE: &str = "governance@chancery";
/// Namespace of signatures over canonical requests.
pub const APPROVAL: &str = "approval@chancery";
/// Namespace of signatures over acts: freezes, exceptions, reviews.
pub const ACT: &str = "act@chancery";
