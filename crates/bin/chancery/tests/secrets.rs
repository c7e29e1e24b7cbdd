//! Where private keys and tokens are not: not in the gateway's memory, not in clear on disk, not in the log.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_core::canonical;
use serde_json::{Value, json};
use world::World;

const CHUNK: usize = 64 * 1024;

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn base64(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// PKCS#8 of a key file, decrypted here by the formats' own documentation and not by the product.
fn pkcs8(world: &World, key: &str) -> Vec<u8> {
    let keys = world.data().join("keyguard/keys");
    let kek = std::fs::read_to_string(world.data().join("keyguard/kek")).unwrap();
    let digits: Vec<u32> = kek.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    let root: Vec<u8> = digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect();
    let wrap = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &root), b"chancery kek wrap/1");
    let wrap = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, wrap.as_ref()).unwrap());
    let file = read_json(&keys.join(format!("{key}.key")));
    let associated =
        json!({"description": file["description"], "kek": file["kek"], "schema": file["schema"]});
    let associated = canonical::encode(&associated).unwrap();
    let nonce = Nonce::try_assume_unique_for_key(&base64(&file["nonce"])).unwrap();
    let mut buffer = base64(&file["ciphertext"]);
    wrap.open_in_place(nonce, Aad::from(associated.as_bytes()), &mut buffer).unwrap().to_vec()
}

/// What must not be found: the scalar of a P-256 key (RFC 5915, after `02 01 01 04 20`), and the middle of an RSA key's
/// PKCS#8, as bytes and as a provider's big numbers keep them, least significant first.
fn needles(world: &World) -> Vec<Vec<u8>> {
    let mut needles = Vec::new();
    for key in ["dev-provenance", "dev-message", "chancery-issuing", "chancery-tsa"] {
        let der = pkcs8(world, key);
        let at = der.windows(5).position(|five| five == [2, 1, 1, 4, 32]).unwrap() + 5;
        needles.push(der.get(at..at + 32).unwrap().to_vec());
    }
    // Somewhere inside the private exponent, which follows modulus and public exponent.
    needles.push(pkcs8(world, "dev-cms").get(500..532).unwrap().to_vec());
    let turned: Vec<Vec<u8>> = needles.iter().map(|needle| needle.iter().rev().copied().collect()).collect();
    needles.into_iter().chain(turned).collect()
}

fn holds(haystack: &[u8], needles: &[Vec<u8>]) -> bool {
    haystack.windows(32).any(|window| needles.iter().any(|needle| window == needle.as_slice()))
}

/// Whether a needle is in any readable mapping of a process; `None` when this user may not look.
fn in_memory(pid: u32, needles: &[Vec<u8>]) -> Option<bool> {
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut bytes = vec![0u8; CHUNK + 64];
    let zeros = bytes.clone();
    let mut scanned = 0;
    for line in
        maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|flags| flags.starts_with("rw")))
    {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [mut at, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        while at < end {
            let wanted = usize::try_from(end - at).unwrap().min(bytes.len());
            let Ok(got) = memory.read_at(bytes.get_mut(..wanted).unwrap(), at) else { break };
            // What an allocator reserved and nobody wrote to is a gigabyte of zeros.
            let found = bytes.get(..got).unwrap();
            if found != zeros.get(..got).unwrap() {
                scanned += got;
                if holds(found, needles) {
                    return Some(true);
                }
            }
            at += CHUNK as u64;
        }
    }
    assert!(scanned > CHUNK, "only {scanned} bytes were looked at");
    Some(false)
}

fn files(directory: &Path, visit: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, visit);
        } else if path.is_file() {
            visit(&path, &std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn no_key_leaves_the_keyguard() {
    let world = World::start();
    world.write("app.bin", b"app");
    world.run(&["sign", "app.bin"]).expect(0);
    let needles = needles(&world);
    files(&world.data(), &mut |path, bytes| {
        assert!(!holds(bytes, &needles), "a private key is in clear in {}", path.display());
    });
    let [gateway, keyguard] =
        ["gateway", "keyguard"].map(|role| in_memory(world.role(role).unwrap(), &needles));
    let (Some(gateway), keyguard) = (gateway, keyguard) else {
        println!("not compared: this user may not read the gateway's memory");
        return;
    };
    assert!(!gateway, "a private key is in the gateway's memory");
    // Only root can still look into the keyguard, and finds that the scan can find something.
    assert_ne!(keyguard, Some(false), "the scan is blind");
    println!("compared: memory of the gateway (and of the keyguard: {keyguard:?})");
}

#[test]
fn no_token_is_written_down() {
    let mut world = World::cold();
    world.serve(&[("CHANCERY_LOG", "trace")]);
    world.write("app.bin", b"app");
    let said = world.run(&["sign", "app.bin", "--json"]).expect(0).json();
    let id = said["results"][0]["request_id"].as_str().unwrap().to_owned();
    let bound = world.token(&format!("chancery:dev.localhost:sha256:{id}"));
    world.run_with_token(&bound, &["sign", "app.bin", "--replace"]).expect(0);
    let other = world.token("sigstore");
    world.run_with_token(&other, &["sign", "app.bin", "--replace"]).expect(3);
    assert_eq!(world.stop(), 0);
    let log = world.log();
    assert!(log.contains("answered"), "the log says something");
    let request_token = &world.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
    assert!(!log.contains(request_token.as_str()), "the runner's credential is in the log");
    // A token is three parts of base64; its signature alone is what lets it be used.
    for token in [&bound, &other] {
        let signature = token.rsplit('.').next().unwrap();
        assert!(!log.contains(signature), "a token is in the log");
        files(&world.data().join("gateway"), &mut |path, bytes| {
            let found = bytes.windows(signature.len()).any(|window| window == signature.as_bytes());
            assert!(
                !found || path.file_name().is_some_and(|name| name != "server.log"),
                "{}",
                path.display()
            );
        });
    }
    assert!(!log.contains("eyJhbGciOi"), "some token is in the log");
}

/// The kernel gives `/proc/PID/mem` of a process that is not dumpable to root.
#[test]
fn the_keyguard_is_not_dumpable() {
    const NOBODY: u32 = 65534;
    let mut world = World::cold();
    let mut command = world.service();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(world.directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    world.serve_with(command);
    let user = std::fs::metadata(world.data()).unwrap().uid();
    let owner = |pid: u32| std::fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid();
    assert_ne!(user, 0);
    assert_eq!(owner(world.server.as_ref().unwrap().id()), user);
    assert_eq!(owner(world.role("keyguard").unwrap()), 0);
}
