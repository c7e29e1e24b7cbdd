//! All keys for artifacts in a PKCS#11 token: the same commands, and nothing that can leave the token.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_testkit::pe::{Bits, image};
use world::{IDENTITY, ISSUER, Said, World, tool};

const PIN: &str = "31415926";
const KEYS: [&str; 6] =
    ["dev-claimed", "dev-cms", "dev-message", "dev-notary", "dev-provenance", "dev-simple-signing"];

/// A token of its own below the world's directory; the file that `SOFTHSM2_CONF` names.
fn token(world: &World, softhsm2_util: &Path) -> PathBuf {
    let home = world.path("hsm");
    std::fs::create_dir_all(home.join("tokens")).unwrap();
    let conf = home.join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        home.join("tokens").display()
    );
    std::fs::write(&conf, text).unwrap();
    let mut command = Command::new(softhsm2_util);
    command.args(["--init-token", "--free", "--label", "chancery", "--so-pin", PIN, "--pin", PIN]);
    Said::from(command.env("SOFTHSM2_CONF", &conf).output().unwrap()).expect(0);
    conf
}

/// A fresh installation whose configuration puts new artifact keys into the token.
fn installation(softhsm2_util: &Path, module: &Path) -> World {
    let mut world = World::start();
    assert_eq!(world.stop(), 0);
    let conf = token(&world, softhsm2_util);
    let pin = world.write("hsm/pin", PIN.as_bytes());
    std::fs::set_permissions(&pin, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = world.data().join("chancery.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = format!(
        "{text}artifact_keys = \"hsm\"\n\n[[keyguard.pkcs11]]\nname = \"hsm\"\nmodule = \"{}\"\ntoken = \"chancery\"\n\
         pin_file = \"{}\"\nenvironment = {{ SOFTHSM2_CONF = \"{}\" }}\n",
        module.display(),
        pin.display(),
        conf.display()
    );
    std::fs::write(&config, text).unwrap();
    for made in ["gateway", "keyguard/keys", "keyguard/memory"] {
        std::fs::remove_dir_all(world.data().join(made)).unwrap();
    }
    world.serve(&[]);
    world
}

fn custody_is_the_token(world: &World) {
    for key in KEYS {
        let shown = world.run(&["key", "show", key, "--json"]).expect(0).json();
        assert_eq!(shown["custody"], "pkcs11", "{shown}");
        let attributes = shown["attributes"].to_string();
        for attribute in ["CKA_EXTRACTABLE=false", "CKA_NEVER_EXTRACTABLE=true", "CKA_SENSITIVE=true"] {
            assert!(attributes.contains(attribute), "{key}: {attributes}");
        }
        assert!(!world.data().join(format!("keyguard/keys/{key}.key")).exists(), "{key} is a file too");
    }
}

/// The token's own word, through another client of PKCS#11.
fn pkcs11_tool(world: &World, module: &Path) {
    let Some(program) = tool("pkcs11-tool") else { return };
    let mut command = Command::new(program);
    command.arg("--module").arg(module).args(["--token-label", "chancery", "--login", "--pin", PIN]);
    command
        .args(["--list-objects", "--type", "privkey"])
        .env("SOFTHSM2_CONF", world.path("hsm/softhsm2.conf"));
    let listed = Said::from(command.output().unwrap()).expect(0).out;
    assert_eq!(listed.matches("never extractable").count(), KEYS.len(), "{listed}");
    assert_eq!(listed.matches("Private Key Object").count(), KEYS.len(), "{listed}");
    println!("compared: pkcs11-tool");
}

fn cosign(world: &World) {
    let Some(program) = tool("bin/cosign") else { return };
    let mut command = Command::new(program);
    command.args(["verify-blob-attestation", "--type", "slsaprovenance1"]);
    command.args(["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]);
    command.arg("--trusted-root").arg(world.data().join("trusted_root.json"));
    command.args(["--bundle", "app.bin.sigstore.json", "app.bin"]);
    command.env("HOME", world.directory.path()).current_dir(world.directory.path());
    Said::from(command.output().unwrap()).expect(0);
    println!("compared: cosign");
}

fn osslsigncode(world: &World) {
    let Some(program) = tool("osslsigncode") else { return };
    let roots = world.data().join("roots.pem");
    let mut command = Command::new(program);
    command.arg("verify").arg("-in").arg(world.path("app.exe"));
    command.arg("-CAfile").arg(&roots).arg("-TSA-CAfile").arg(&roots);
    let said = Said::from(command.output().unwrap());
    assert!(said.out.contains("Signature verification: ok"), "{}{}", said.out, said.err);
    println!("compared: osslsigncode");
}

#[test]
fn a_token_holds_every_artifact_key() {
    let (Some(util), Some(module)) = (tool("softhsm2-util"), tool("libsofthsm2.so")) else { return };
    let mut world = installation(&util, &module);
    custody_is_the_token(&world);
    world.write("app.bin", b"app");
    world.write("message.bin", b"message");
    world.write("app.exe", &image(Bits::B64, &[0x400], b""));
    world.run(&["sign", "app.bin", "app.exe"]).expect(0);
    world.run(&["sign", "message.bin", "--message"]).expect(0);
    for file in ["app.bin", "app.exe", "message.bin"] {
        world.run(&["verify", file, "--policy", "dev", "--offline"]).expect(0);
    }
    cosign(&world);
    osslsigncode(&world);
    pkcs11_tool(&world, &module);
    // The same keys after a restart.
    assert_eq!(world.stop(), 0);
    world.serve(&[]);
    custody_is_the_token(&world);
    world.write("again.bin", b"again");
    world.run(&["sign", "again.bin"]).expect(0);
    world.run(&["verify", "again.bin", "--policy", "dev", "--offline"]).expect(0);
}
