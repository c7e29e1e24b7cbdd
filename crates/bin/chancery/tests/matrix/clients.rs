//! Who verifies, with the words that each of them wants.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Cell;
use crate::rows::{By, Kind, Place, Row, Shown};
use crate::world::containers::{podman_pulls, signature_policy, skopeo_copies};
use crate::world::{IDENTITY, ISSUER, notation, tool};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../dev/testkit/foreign");

/// Whether a client takes what it is shown, and what it said; `None` where it has no such verification.
type Verify = fn(&Place<'_>, &Path, &Row, &Shown) -> Option<(bool, String)>;

/// A column.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    program: &'static str,
    verify: Verify,
}

/// All of them.
pub(crate) const CLIENTS: [Client; 7] = [
    Client { name: "cosign", program: "bin/cosign", verify: cosign },
    Client { name: "sigstore-python", program: "venv/bin/python", verify: python },
    Client { name: "@sigstore/verify", program: "node/node_modules/@sigstore/verify", verify: node },
    Client { name: "sigstore-rust", program: "bin/sigstore-rust-verify", verify: rust },
    Client { name: "notation", program: "bin/notation", verify: notation },
    Client { name: "skopeo", program: "bin/skopeo", verify: skopeo },
    Client { name: "podman", program: "bin/podman", verify: podman },
];

impl Client {
    /// Where it is; where it is not, that is said.
    pub(crate) fn program(&self) -> Option<PathBuf> {
        if self.name == "podman" && !is_root() {
            println!("not compared: podman is absent for whoever is not root, without user namespaces");
            return None;
        }
        tool(self.program)
    }
    /// Shows it everything of a row.
    pub(crate) fn judge(&self, place: &Place<'_>, row: &Row, wrong: &mut Vec<String>) -> Cell {
        let Some(program) = self.program() else { return Cell::Absent };
        let Some((taken, said)) = (self.verify)(place, &program, row, &row.good) else { return Cell::Not };
        if !taken {
            wrong.push(format!("{} refuses {}: {said}", self.name, row.name));
        }
        for (what, shown) in &row.bad {
            let found = (self.verify)(place, &program, row, shown);
            if found.is_none_or(|(taken, _)| taken) {
                wrong.push(format!("{} takes {} with {what}", self.name, row.name));
            }
        }
        Cell::Good
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

fn said(mut command: Command) -> Option<(bool, String)> {
    let output = command.output().unwrap();
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// `FILE` alone for clients that verify files alone.
fn of_file(shown: &Shown) -> Option<(&str, &str)> {
    match shown {
        Shown::File { bundle, file } => Some((bundle, file)),
        Shown::Image(_) => None,
    }
}

fn cosign(place: &Place<'_>, program: &Path, row: &Row, shown: &Shown) -> Option<(bool, String)> {
    let root = place.world.data().join("trusted_root.json");
    let key = match row.by {
        By::Key(family) => format!("{family}.pem"),
        By::Certificate => String::new(),
    };
    let mut words = match row.kind {
        Kind::Message => vec!["verify-blob"],
        Kind::Statement(kind) => vec!["verify-blob-attestation", "--type", kind],
        Kind::Image => vec!["verify"],
        Kind::Attestation(kind) => vec!["verify-attestation", "--type", kind],
        Kind::Simple => vec!["verify", "--new-bundle-format=false"],
        Kind::Envelope => return None,
    };
    match row.by {
        By::Certificate => {
            words.extend(["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]);
        }
        By::Key(_) => words.extend(["--key", &key, "--insecure-ignore-tlog"]),
    }
    if row.kind != Kind::Simple {
        words.extend(["--use-signed-timestamps", "--trusted-root", root.to_str().unwrap()]);
    }
    match shown {
        Shown::File { bundle, file } => words.extend(["--bundle", bundle, file]),
        Shown::Image(image) => words.extend(["--allow-insecure-registry", image.as_str()]),
    }
    Some(place.cosign(&program.to_path_buf(), &words))
}

/// A program that takes a trusted root, a bundle, a file and who signed.
fn four(place: &Place<'_>, mut command: Command, row: &Row, shown: &Shown) -> Option<(bool, String)> {
    let (bundle, file) = of_file(shown)?;
    command.current_dir(place.world.directory.path()).env("HOME", place.world.directory.path());
    command.arg(place.world.data().join("trusted_root.json")).args([bundle, file]);
    match row.by {
        By::Certificate => command.args([IDENTITY, ISSUER]),
        By::Key(family) => command.arg(format!("{family}.pem")),
    };
    said(command)
}

/// sigstore-python knows no bare keys.
fn python(place: &Place<'_>, program: &Path, row: &Row, shown: &Shown) -> Option<(bool, String)> {
    if row.by != By::Certificate {
        return None;
    }
    let mut command = Command::new(program);
    command.arg(Path::new(SCRIPTS).join("verify_python.py"));
    four(place, command, row, shown)
}

fn node(place: &Place<'_>, program: &Path, row: &Row, shown: &Shown) -> Option<(bool, String)> {
    let mut command = Command::new("node");
    let modules = program.parent().unwrap().parent().unwrap();
    command.arg(Path::new(SCRIPTS).join("verify.mjs")).arg(modules);
    four(place, command, row, shown)
}

fn rust(place: &Place<'_>, program: &Path, row: &Row, shown: &Shown) -> Option<(bool, String)> {
    four(place, Command::new(program), row, shown)
}

fn notation(place: &Place<'_>, program: &Path, row: &Row, shown: &Shown) -> Option<(bool, String)> {
    let (Kind::Envelope, Shown::Image(image)) = (row.kind, shown) else { return None };
    let home = place.world.path("notation");
    notation::trust(place.world, &home.join("notation"), "always");
    let mut command = Command::new(program);
    command.args(["verify", "--insecure-registry", image]).env("HOME", &home);
    command.env("XDG_CONFIG_HOME", &home).env("XDG_CACHE_HOME", home.join("cache"));
    said(command)
}

/// The policy that wants our signatures for the image's repository.
fn policy(place: &Place<'_>, row: &Row, shown: &Shown) -> Option<(PathBuf, String)> {
    let (Kind::Simple, Shown::Image(image)) = (row.kind, shown) else { return None };
    let repository = image.split_once('@').unwrap().0;
    Some((signature_policy(place.world, "dev-simple-signing", repository), image.clone()))
}

fn skopeo(place: &Place<'_>, program: &Path, row: &Row, shown: &Shown) -> Option<(bool, String)> {
    let (policy, image) = policy(place, row, shown)?;
    let to = format!("copied-{}", image.rsplit_once(':').unwrap().1);
    Some((skopeo_copies(place.world, program, &policy, (&image, &to)), String::new()))
}

fn podman(place: &Place<'_>, program: &Path, row: &Row, shown: &Shown) -> Option<(bool, String)> {
    let (policy, image) = policy(place, row, shown)?;
    Some(podman_pulls(place.world, program, &policy, &image))
}
