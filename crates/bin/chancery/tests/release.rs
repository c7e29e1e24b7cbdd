//! A directory is signed as one release, and whatever becomes of one of its files afterwards is found.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_testkit::archive::{tar, zip};
use chancery_testkit::pe::{Bits, image};
use serde_json::Value;
use world::{IDENTITY, ISSUER, Said, World, tool};

const DECLARATION: &str = r#"name = "app"
version = "1.4.0"
closed = true

[[variants]]
name = "windows-x64"
files = ["app-x64.exe", "app.dll"]

[[variants]]
name = "windows-arm64"
files = ["win/app-arm64.exe"]

[[variants]]
name = "linux"
files = ["*.tar", "lib/**"]

[[variants]]
name = "everywhere"
files = ["*.zip", "*.md", "*.txt", ".*", "release.toml", "empty"]
"#;

/// Twelve files of every kind, and the declaration among them.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let helper = image(Bits::B64, &[64], b"helper");
    let inner = zip(&[("native/helper.dll", &helper), ("Main.class", b"\xca\xfe")]);
    let middle = tar(&[("lib/inner.jar", &inner)]);
    vec![
        ("app-x64.exe", image(Bits::B64, &[512], b"x64")),
        ("app.dll", image(Bits::B32, &[512], b"dll")),
        ("win/app-arm64.exe", image(Bits::B64, &[512], b"arm64")),
        ("app.zip", zip(&[("a.txt", b"a"), ("middle.tar", &middle)])),
        ("plain.zip", zip(&[("a.txt", b"a")])),
        ("app.tar", tar(&[("bin/app", b"\x7fELF")])),
        ("lib/a/libapp.so", b"\x7fELF so".to_vec()),
        ("README.md", b"# app\n".to_vec()),
        ("notes.txt", b"notes".to_vec()),
        (".hidden", b"hidden".to_vec()),
        ("empty", Vec::new()),
        ("release.toml", DECLARATION.as_bytes().to_vec()),
    ]
}

fn lay(world: &World, directory: &str, files: &[(&str, Vec<u8>)]) {
    for (path, bytes) in files {
        let place = world.path(directory).join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, bytes).unwrap();
    }
}

fn sign(world: &World, directory: &str, more: &[&str]) -> Said {
    world.run(&[&["sign", "--release", directory, "--profile", "dev", "--json"], more].concat())
}

fn verify(world: &World, directory: &str, more: &[&str]) -> Said {
    world.run(&[&["verify", "--release", directory, "--policy", "dev", "--offline", "--json"], more].concat())
}

fn signed() -> World {
    let world = World::start();
    lay(&world, "dist", &files());
    let said = sign(&world, "dist", &[]).expect(0);
    assert!(said.err.is_empty(), "{}", said.err);
    world
}

/// A copy of the signed release, to be spoilt.
fn copy(world: &World, name: &str) -> PathBuf {
    let to = world.path(name);
    let copied = Command::new("cp").arg("-r").arg(world.path("dist")).arg(&to).status().unwrap();
    assert!(copied.success());
    to
}

/// Code and path of what refuses a release.
fn refusals(said: &Said) -> Vec<(String, String)> {
    let document = said.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = document["findings"].as_array().unwrap();
    let refused = findings.iter().filter(|finding| finding["refused"] == true);
    refused.map(|finding| (text(&finding["code"]), text(&finding["path"]))).collect()
}

fn manifest(world: &World) -> Value {
    serde_json::from_slice(&std::fs::read(world.path("dist/release.json")).unwrap()).unwrap()
}

#[test]
fn twelve_files_become_one_release_with_nothing_asked() {
    let world = signed();
    let written = manifest(&world);
    let listed: Vec<&str> =
        written["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    let mut expected: Vec<&str> = files().iter().map(|(path, _)| *path).collect();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    for file in written["files"].as_array().unwrap() {
        let (is_pe, before, after) = (file["format"] == "pe", &file["before"], &file["after"]);
        assert_eq!(file["signature"], if is_pe { "embedded" } else { "beside" });
        assert_eq!(before == after, !is_pe, "{file}");
        assert_eq!(file["beside"].as_array().unwrap().len(), 1, "{file}");
    }
    let accepted = verify(&world, "dist", &[]).expect(0).json();
    assert_eq!(accepted["result"], "verified");
    assert_eq!(accepted["files"].as_array().unwrap().len(), 12);
    // The helper that nobody signed is three archives deep; who signed the release knew, and a strict verifier does not mind.
    let told = &accepted["findings"][0];
    assert_eq!((&told["code"], &told["refused"]), (&"CH6076".into(), &false.into()));
    assert_eq!(told["at"], serde_json::json!(["middle.tar", "lib/inner.jar", "native/helper.dll"]));
    let strict = verify(&world, "dist", &["--strict"]).expect(10);
    assert_eq!(refusals(&strict), [("CH6076".to_owned(), "app.zip".to_owned())]);
    verify(&world, "dist", &["--declare", "dist/release.toml"]).expect(0);

    // The same command again keeps everything, byte for byte.
    let old = std::fs::read(world.path("dist/release.json.sigstore.json")).unwrap();
    let again = sign(&world, "dist", &[]).expect(0).json();
    assert!(again["files"].as_array().unwrap().iter().all(|file| file["state"] == "kept"), "{again:#}");
    assert_eq!(manifest(&world), written);
    assert_eq!(std::fs::read(world.path("dist/release.json.sigstore.json")).unwrap(), old);
}

#[test]
fn whatever_changes_after_signing_is_found() {
    let world = signed();
    let exe = std::fs::read(world.path("dist/app-x64.exe")).unwrap();
    let dll = std::fs::read(world.path("dist/app.dll")).unwrap();
    let flipped: Vec<u8> = exe.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 600)).collect();
    let signed_in_archive = zip(&[("app.exe", &exe)]);
    let changed_in_archive = zip(&[("app.exe", &flipped)]);
    type Spoil<'a> = Box<dyn Fn(&Path) + 'a>;
    let write = |path: &'static str, bytes: &[u8]| {
        let bytes = bytes.to_vec();
        Box::new(move |directory: &Path| std::fs::write(directory.join(path), &bytes).unwrap()) as Spoil<'_>
    };
    let remove = |path: &'static str| {
        Box::new(move |directory: &Path| std::fs::remove_file(directory.join(path)).unwrap()) as Spoil<'_>
    };
    let link = |directory: &Path| std::os::unix::fs::symlink("app.dll", directory.join("link.dll")).unwrap();
    let swap = |directory: &Path| {
        std::fs::write(directory.join("app-x64.exe"), &dll).unwrap();
        std::fs::write(directory.join("app.dll"), &exe).unwrap();
    };
    type Case<'a> = (Spoil<'a>, i32, Vec<(&'a str, &'a str)>);
    let cases: Vec<Case<'_>> = vec![
        (write("app-arm64.exe", &exe), 11, vec![("CH6073", "app-arm64.exe")]),
        (write("pack.zip", &signed_in_archive), 11, vec![("CH6073", "pack.zip"), ("CH6077", "pack.zip")]),
        (write("plain.zip", &changed_in_archive), 11, vec![("CH6074", "plain.zip"), ("CH6079", "plain.zip")]),
        (write("app-x64.exe", &flipped), 11, vec![("CH6074", "app-x64.exe")]),
        (write("notes.txt", b"Notes"), 11, vec![("CH6074", "notes.txt")]),
        (write("notes.txt", b"notes and more"), 11, vec![("CH6074", "notes.txt")]),
        (write("app.dll", &dll[..dll.len() - 8]), 11, vec![("CH6074", "app.dll")]),
        (write("README.md.sigstore.json", b"{}"), 11, vec![("CH6074", "README.md.sigstore.json")]),
        (write("a\u{1b}[2Jb", b"x"), 11, vec![("CH6073", "a\u{1b}[2Jb")]),
        (remove("plain.zip"), 11, vec![("CH6072", "plain.zip"), ("CH6075", "everywhere")]),
        (remove("win/app-arm64.exe"), 11, vec![("CH6072", "win/app-arm64.exe"), ("CH6075", "windows-arm64")]),
        (remove("app.zip.sigstore.json"), 11, vec![("CH6072", "app.zip.sigstore.json")]),
        (remove("release.json"), 10, vec![("CH6070", "release.json")]),
        (Box::new(link), 11, vec![("CH6073", "link.dll")]),
        (Box::new(swap), 11, vec![("CH6074", "app-x64.exe"), ("CH6074", "app.dll")]),
    ];
    for (number, (spoil, code, expected)) in cases.iter().enumerate() {
        let name = format!("spoilt-{number}");
        spoil(&copy(&world, &name));
        let said = verify(&world, &name, &[]).expect(*code);
        let found = refusals(&said);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(code, path)| (code.as_str(), path.as_str())).collect();
        assert_eq!(found, *expected, "{number}");
    }
    // What is told names the first thing that differs, and steers no terminal.
    let text = world.run(&["verify", "--release", "spoilt-5", "--policy", "dev", "--offline"]).expect(11);
    assert!(text.err.contains("actual 14 bytes  expected 5 bytes"), "{}", text.err);
    let text = world.run(&["verify", "--release", "spoilt-8", "--policy", "dev", "--offline"]).expect(11);
    assert!(!text.err.contains('\u{1b}') && text.err.contains("\\u{1b}"), "{}", text.err);
}

#[test]
fn a_manifest_counts_for_its_own_files_and_its_own_signer_alone() {
    let world = signed();
    // Another release of the same signer, whole and genuine.
    let mut other = files();
    other[0].1 = image(Bits::B64, &[512], b"other");
    other[11].1 = DECLARATION.replace("1.4.0", "1.3.0").into_bytes();
    lay(&world, "other", &other);
    sign(&world, "other", &[]).expect(0);
    verify(&world, "other", &[]).expect(0);
    let said = verify(&world, "other", &["--declare", "dist/release.toml"]).expect(12);
    assert_eq!(refusals(&said), [("CH6080".to_owned(), "version".to_owned())]);
    let mixed = copy(&world, "mixed");
    for name in ["release.json", "release.json.sigstore.json"] {
        std::fs::copy(world.path("other").join(name), mixed.join(name)).unwrap();
    }
    let found = refusals(&verify(&world, "mixed", &[]).expect(11));
    assert!(found.contains(&("CH6074".to_owned(), "app-x64.exe".to_owned())), "{found:?}");
    // One changed character of the manifest, and a manifest without a signature.
    let spoilt = copy(&world, "renamed");
    let text = std::fs::read_to_string(spoilt.join("release.json")).unwrap();
    std::fs::write(spoilt.join("release.json"), text.replace("1.4.0", "1.4.1")).unwrap();
    let said = verify(&world, "renamed", &[]).expect(11);
    assert_eq!((&said.json()["release"], refusals(&said)), (&Value::Null, vec![]));
    let unsigned = copy(&world, "unsigned");
    std::fs::remove_file(unsigned.join("release.json.sigstore.json")).unwrap();
    verify(&world, "unsigned", &[]).expect(10);
    // The same manifest, signed by another service.
    let stranger = World::start();
    stranger.write("release.json", text.as_bytes());
    stranger.run(&["sign", "release.json", "--profile", "dev"]).expect(0);
    let foreign = copy(&world, "foreign");
    let bundle = "release.json.sigstore.json";
    std::fs::copy(stranger.path(bundle), foreign.join(bundle)).unwrap();
    let said = verify(&world, "foreign", &[]);
    assert_ne!(said.code, 0);
    assert_eq!(said.json()["release"], Value::Null, "what nobody here signed is not even read");
    // What somebody claims about the manifest is no signature of it.
    let claimed = copy(&world, "claimed");
    world.write("sbom.json", b"{}");
    let about = ["attest", "claimed/release.json", "--type", "cyclonedx", "--predicate", "sbom.json"];
    world.run(&[&about[..], &["--profile", "dev"]].concat()).expect(0);
    let claim = claimed.join("release.json.cyclonedx.sigstore.json");
    std::fs::rename(claim, claimed.join("release.json.sigstore.json")).unwrap();
    verify(&world, "claimed", &[]).expect(12);
}

#[test]
fn what_cannot_be_released_is_refused_before_anything_is_signed() {
    let world = World::start();
    let untouched = |directory: &str, code: i32, expected: &str, more: &[&str]| {
        let said = sign(&world, directory, more).expect(code);
        assert_eq!(said.json()["code"], expected, "{directory}: {}", said.out);
        let left =
            Command::new("find").arg(world.path(directory)).args(["-name", "*sigstore*"]).output().unwrap();
        assert!(left.stdout.is_empty(), "{directory}");
    };
    let mut without = files();
    without.retain(|(path, _)| *path != "win/app-arm64.exe");
    lay(&world, "no-variant", &without);
    untouched("no-variant", 2, "CH2072", &[]);
    let mut more = files();
    more.push(("stranger.bin", b"x".to_vec()));
    lay(&world, "closed", &more);
    untouched("closed", 2, "CH2072", &[]);
    lay(&world, "strict", &files());
    world.write("strict.toml", DECLARATION.replace("closed = true", "strict = true").as_bytes());
    untouched("strict", 2, "CH2073", &["--declare", "strict.toml"]);
    world.write("typo.toml", DECLARATION.replace("closed", "close").as_bytes());
    untouched("strict", 2, "CH2071", &["--declare", "typo.toml"]);
    // A program that was changed after it was signed is never meant.
    world.write("app.exe", &image(Bits::B64, &[512], b"x64"));
    world.run(&["sign", "app.exe", "--profile", "dev"]).expect(0);
    let mut changed = std::fs::read(world.path("app.exe")).unwrap();
    changed[600] ^= 1;
    lay(&world, "changed", &[("app.zip", zip(&[("app.exe", &changed)]))]);
    untouched("changed", 2, "CH2073", &[]);
    lay(&world, "named", &[("a\nb", b"x".to_vec())]);
    untouched("named", 2, "CH2070", &[]);
    lay(&world, "linked", &files());
    std::os::unix::fs::symlink("/etc/hostname", world.path("linked/link")).unwrap();
    untouched("linked", 2, "CH2070", &[]);
    std::fs::create_dir(world.path("nothing")).unwrap();
    untouched("nothing", 2, "CH2070", &[]);
    let many: Vec<String> = (0..1001).map(|number| format!("f{number}")).collect();
    lay(&world, "many", &many.iter().map(|name| (name.as_str(), Vec::new())).collect::<Vec<_>>());
    untouched("many", 2, "CH2070", &[]);
}

#[test]
fn a_run_that_was_ended_goes_on_where_it_was() {
    let world = World::start();
    lay(&world, "dist", &files());
    // As if the first run had signed two files and then lost its connection.
    let by_hand = ["sign", "dist/app-x64.exe", "dist/notes.txt", "--profile", "dev"];
    world.run(&by_hand).expect(0);
    let (exe, bundle) = (world.path("dist/app-x64.exe"), world.path("dist/notes.txt.sigstore.json"));
    let before = [&exe, &bundle].map(|path| std::fs::read(path).unwrap());
    let done = sign(&world, "dist", &[]).expect(0).json();
    let states: Vec<(&str, &str)> = done["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["path"].as_str().unwrap(), file["state"].as_str().unwrap()))
        .filter(|(_, state)| *state == "kept")
        .collect();
    assert_eq!(states, [("app-x64.exe", "kept"), ("notes.txt", "kept")]);
    assert_eq!([&exe, &bundle].map(|path| std::fs::read(path).unwrap()), before);
    verify(&world, "dist", &[]).expect(0);
    // What was signed and then built anew is never taken for signed.
    std::fs::write(world.path("dist/notes.txt"), b"built anew").unwrap();
    let said = sign(&world, "dist", &[]).expect(2);
    assert_eq!(said.json()["errors"][0]["error"]["code"], "CH2003", "{}", said.out);
    sign(&world, "dist", &["--replace"]).expect(0);
    verify(&world, "dist", &[]).expect(0);
}

#[test]
fn others_verify_the_manifest_and_the_programs() {
    let world = World::start();
    lay(&world, "dist", &files());
    sign(&world, "dist", &["--message"]).expect(0);
    verify(&world, "dist", &[]).expect(0);
    if let Some(cosign) = tool("bin/cosign") {
        let says = |file: &str| {
            let mut command = Command::new(&cosign);
            command.args(["verify-blob", "--bundle", "dist/release.json.sigstore.json"]);
            command.args(["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]);
            command.arg("--trusted-root").arg(world.data().join("trusted_root.json")).arg(file);
            let home = world.directory.path();
            Said::from(command.env("HOME", home).current_dir(home).output().unwrap())
        };
        says("dist/release.json").expect(0);
        let text = std::fs::read_to_string(world.path("dist/release.json")).unwrap();
        world.write("changed.json", text.replace("1.4.0", "1.4.1").as_bytes());
        assert_ne!(says("changed.json").code, 0);
        println!("compared: cosign");
    }
    if let Some(osslsigncode) = tool("osslsigncode") {
        let roots = world.data().join("roots.pem");
        for file in ["dist/app-x64.exe", "dist/app.dll", "dist/win/app-arm64.exe"] {
            let mut command = Command::new(&osslsigncode);
            command.arg("verify").arg("-in").arg(world.path(file));
            command.arg("-CAfile").arg(&roots).arg("-TSA-CAfile").arg(&roots);
            let said = Said::from(command.output().unwrap());
            // Its exit status has been 0 for files that it found fault with: its words decide.
            let is_good = said.out.contains("Signature verification: ok");
            assert!(is_good && !said.out.contains("Signature verification: failed"), "{file}: {said:?}");
        }
        println!("compared: osslsigncode");
    }
}
