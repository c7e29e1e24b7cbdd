//! Backup and restore of a whole service: under load, interrupted anywhere, damaged in any file, and never a way back to an
//! older ledger.
#![expect(clippy::unwrap_used, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use world::{CHANCERY, Said, World, until};

fn backup(world: &World, to: &Path, more: &[&str]) -> Said {
    let mut command = world.command(&["backup", "--json", "--data-dir"]);
    command.arg(world.data()).arg("--to").arg(to).args(more).output().unwrap().into()
}

fn verify(directory: &Path) -> Said {
    Command::new(CHANCERY).args(["backup", "verify", "--json"]).arg(directory).output().unwrap().into()
}

fn restore(from: &Path, to: &Path) -> Said {
    let mut command = Command::new(CHANCERY);
    command.args(["restore", "--json", "--from"]).arg(from).arg("--data-dir").arg(to).output().unwrap().into()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn sign(world: &World, names: impl IntoIterator<Item = String>) {
    for name in names {
        world.write(&name, name.as_bytes());
        world.run(&["sign", &name]).expect(0);
    }
}

#[test]
fn a_backup_under_load_is_whole_and_holds_no_secret() {
    let world = World::start();
    sign(&world, ["first".to_owned()]);
    let before = world.size();
    let names: Vec<String> = (0..60).map(|n| format!("load{n}")).collect();
    names.iter().for_each(|name| drop(world.write(name, name.as_bytes())));
    let mut load = world.command(&["sign"]);
    let mut load = load.args(&names).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("signatures are under way", || world.size() > before);
    let to = world.path("backup");
    let report = backup(&world, &to, &[]).expect(0).json();
    assert!(load.wait().unwrap().success(), "the service went on");
    let size = report["size"].as_u64().unwrap();
    assert!((before..=world.size()).contains(&size), "{report}");
    assert_eq!(verify(&to).expect(0).json(), report);
    // Anybody can check the manifest, and the manifest names every file.
    let sums = Command::new("sha256sum").args(["-c", "manifest.sha256"]).current_dir(&to).output().unwrap();
    assert!(sums.status.success());
    let kek = std::fs::read(world.data().join("keyguard/kek")).unwrap();
    for file in files(&to) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(kek.len()).any(|window| window == kek), "{} holds the key", file.display());
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
        assert_eq!(mode & 0o077, 0, "{} is readable for others", file.display());
    }
    assert!(report["left_out"][0].as_str().unwrap().ends_with("keyguard/kek"), "{report}");
    assert!(
        !to.join("data/keyguard/memory/ledger.slots").exists(),
        "how far it was followed is no part of it"
    );

    let said = backup(&world, &to, &[]).expect(2);
    assert_eq!(said.json()["code"], "CH7051", "a backup is never overwritten");
    let said = backup(&world, &world.path("x"), &["--config", "nowhere.toml"]);
    assert_eq!(said.code, 2);
}

#[test]
fn every_damaged_file_is_found_and_nothing_is_restored_from_it() {
    let mut world = World::start();
    sign(&world, ["first".to_owned()]);
    assert_eq!(world.stop(), 0);
    let to = world.path("backup");
    backup(&world, &to, &[]).expect(0);
    let place = world.path("restored");
    for file in files(&to) {
        let whole = std::fs::read(&file).unwrap();
        // One bit in the middle, a byte less, a byte more, all of it.
        let mut flipped = whole.clone();
        if let Some(byte) = flipped.get_mut(whole.len() / 2) {
            *byte ^= 1;
        }
        let longer = [whole.as_slice(), b"x"].concat();
        let shorter = whole.get(..whole.len().saturating_sub(1)).unwrap_or_default().to_vec();
        for bad in [flipped, longer, shorter] {
            if bad == whole {
                continue;
            }
            std::fs::write(&file, bad).unwrap();
            let said = verify(&to);
            assert_eq!((said.code, said.json()["code"].as_str()), (11, Some("CH7050")), "{}", file.display());
            assert_eq!(restore(&to, &place).code, 11);
            assert!(!place.exists(), "nothing is restored");
        }
        std::fs::write(&file, whole).unwrap();
        let aside = world.path("aside");
        std::fs::rename(&file, &aside).unwrap();
        assert_eq!(verify(&to).code, 11, "{} is missing", file.display());
        std::fs::rename(&aside, &file).unwrap();
    }
    std::fs::write(to.join("data/extra"), b"x").unwrap();
    assert_eq!(verify(&to).code, 11, "a file that nobody named");
    std::fs::remove_file(to.join("data/extra")).unwrap();
    verify(&to).expect(0);
    restore(&to, &place).expect(0);
    let said = restore(&to, &place).expect(2);
    assert_eq!(said.json()["code"], "CH7051", "what is there is not overwritten");
    for file in files(&to.join("data")) {
        let inside = file.strip_prefix(to.join("data")).unwrap();
        assert_eq!(
            std::fs::read(place.join(inside)).unwrap(),
            std::fs::read(&file).unwrap(),
            "{}",
            inside.display()
        );
    }
}

/// A manifest that was made to fit cannot hide what the ledger's own tree says.
#[test]
fn a_forged_manifest_does_not_help() {
    let mut world = World::start();
    sign(&world, ["first".to_owned()]);
    assert_eq!(world.stop(), 0);
    let to = world.path("backup");
    backup(&world, &to, &[]).expect(0);
    let manifest = to.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let honest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let size = honest["size"].as_u64().unwrap();
    let forge = |from: String, with: String| {
        assert!(text.contains(&from), "{from}");
        std::fs::write(&manifest, text.replacen(&from, &with, 1)).unwrap();
        let sum = Command::new("sha256sum").arg("manifest.json").current_dir(&to).output().unwrap().stdout;
        std::fs::write(to.join("manifest.sha256"), sum).unwrap();
        verify(&to)
    };
    assert_eq!(forge(format!("\"size\":{size}}}"), format!("\"size\":{}}}", size + 1)).code, 11);
    assert_eq!(forge(honest["root"].as_str().unwrap().to_owned(), "0".repeat(64)).code, 11);
    assert_eq!(forge("\"path\":\"data/chancery.toml\"".into(), "\"path\":\"data/../../x\"".into()).code, 11);
    let note = honest["checkpoint"].as_str().unwrap();
    let root = note.lines().nth(2).unwrap();
    let other = format!("{}=", "A".repeat(root.len() - 1));
    assert_eq!(forge(root.to_owned(), other).code, 11, "the checkpoint's signature");
    assert_eq!(forge(String::new(), String::new()).code, 0, "and the honest one is whole");
}

#[test]
fn an_interrupted_backup_goes_on_and_an_interrupted_restore_leaves_nothing() {
    let mut world = World::start();
    sign(&world, (0..3).map(|n| format!("f{n}")));
    let (to, place) = (world.path("backup"), world.path("restored"));
    // Killed at many moments: whatever it left is no backup, and it goes on.
    let mut whole = false;
    for millis in (0..400).step_by(8) {
        let mut command = world.command(&["backup", "--data-dir"]);
        command
            .arg(world.data())
            .arg("--to")
            .arg(&to)
            .arg("--resume")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        let _ended = child.kill().is_err();
        child.wait().unwrap();
        let said = if to.exists() { verify(&to) } else { continue };
        whole |= said.code == 0;
        assert!(matches!(said.code, 0 | 11), "after {millis} ms: {}", said.out);
        if said.code == 0 {
            break;
        }
    }
    if !whole {
        assert_eq!(verify(&to).json()["code"], "CH7050");
        let said = backup(&world, &to, &[]);
        assert!(said.code == 2 && said.out.contains("--resume"), "{}", said.out);
    }
    let report = backup(&world, &to, &["--resume"]).expect(0).json();
    assert_eq!(verify(&to).expect(0).json(), report);
    assert_eq!(world.stop(), 0);
    restore_with_interruptions(&to, &place);
}

fn restore_with_interruptions(to: &Path, place: &Path) {
    for millis in (0..400).step_by(8) {
        let mut command = Command::new(CHANCERY);
        command.args(["restore", "--from"]).arg(to).arg("--data-dir").arg(place);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        let _ended = child.kill().is_err();
        child.wait().unwrap();
        if place.exists() {
            break;
        }
    }
    if !place.exists() {
        restore(to, place).expect(0);
    }
    for file in files(&to.join("data")) {
        let inside = file.strip_prefix(to.join("data")).unwrap();
        assert_eq!(
            std::fs::read(place.join(inside)).unwrap(),
            std::fs::read(&file).unwrap(),
            "{}",
            inside.display()
        );
    }
}

/// An older copy of the database, put under a keyguard that saw more: the keyguard refuses, whatever the copy is.
#[test]
fn a_restored_ledger_does_not_go_on_by_itself() {
    let mut world = World::start();
    sign(&world, ["first".to_owned()]);
    let to = world.path("backup");
    backup(&world, &to, &[]).expect(0);
    sign(&world, ["second".to_owned()]);
    assert_eq!(world.stop(), 0);
    let data = world.data();

    // In the same place, the keyguard's memory untouched.
    let gateway = data.join("gateway");
    std::fs::rename(&gateway, world.path("newer")).unwrap();
    let restored = world.path("restored");
    restore(&to, &restored).expect(0);
    std::fs::rename(restored.join("gateway"), &gateway).unwrap();
    let said: Said = world.service().output().unwrap().into();
    assert_ne!(said.code, 0);
    assert!(said.err.contains("ledger shrank"), "{}", said.err);
    std::fs::remove_dir_all(&gateway).unwrap();
    std::fs::rename(world.path("newer"), &gateway).unwrap();

    // In a new place: keys, authorities and ledger are there, but not how far it was followed.
    std::fs::remove_dir_all(&restored).unwrap();
    restore(&to, &restored).expect(0);
    std::fs::copy(data.join("keyguard/kek"), restored.join("keyguard/kek")).unwrap();
    std::fs::rename(&data, world.path("old")).unwrap();
    std::fs::rename(&restored, &data).unwrap();
    let said: Said = world.service().output().unwrap().into();
    assert_ne!(said.code, 0);
    assert!(said.err.contains("ledger.slots` is missing"), "{}", said.err);
}

/// The people of the root say where a restored ledger goes on; nobody else, nowhere else, and the audit sees it.
#[test]
fn a_restored_ledger_goes_on_where_the_root_says() {
    let mut world = World::start();
    sign(&world, ["first".to_owned()]);
    let to = world.path("backup");
    let size = backup(&world, &to, &[]).expect(0).json()["size"].as_u64().unwrap();
    sign(&world, ["lost".to_owned()]);
    let other = world.path("later");
    backup(&world, &other, &[]).expect(0);
    assert_eq!(world.stop(), 0);
    let (data, old) = (world.data(), world.path("old"));
    std::fs::rename(&data, &old).unwrap();
    let act = |key: &str, backup: &Path, name: &str| {
        let (key, out) = (old.join(key), world.path(name));
        let mut command =
            world.command(&["act", "reanchor", "--gap", "what came later", "--reason", "disk lost"]);
        let said: Said = command
            .arg("--backup")
            .arg(backup)
            .arg("--key")
            .arg(key)
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap()
            .into();
        said.expect(0);
        out
    };
    let good = act("dev-root.key", &to, "good.act");
    let restore_under = |act: &Path| -> Said {
        let mut command = Command::new(CHANCERY);
        command.args(["restore", "--json", "--from"]).arg(&to).arg("--data-dir").arg(&data);
        command.arg("--act").arg(act).output().unwrap().into()
    };
    let elsewhere = act("dev-root.key", &other, "elsewhere.act");
    restore_under(&elsewhere).expect(2);
    assert!(!data.exists(), "nothing is restored under an act about something else");
    let start = || -> Said {
        std::fs::copy(old.join("keyguard/kek"), data.join("keyguard/kek")).unwrap();
        world.service().output().unwrap().into()
    };
    restore_under(&act("people/alice.key", &to, "alice.act")).expect(0);
    assert!(start().err.contains("re-anchor"), "one who is not of the root says nothing");
    let place = data.join("keyguard/memory/reanchor.act");
    std::fs::copy(&elsewhere, &place).unwrap();
    assert!(start().err.contains("the act lets the ledger go on at size"), "the root, but elsewhere");
    std::fs::remove_dir_all(&data).unwrap();
    restore_under(&good).expect(0);
    std::fs::copy(old.join("keyguard/kek"), data.join("keyguard/kek")).unwrap();
    world.serve(&[]);
    assert_eq!(world.leaves(size)[0]["kind"], "reanchor");
    sign(&world, ["after".to_owned()]);
    world.run(&["verify", "--offline", "first"]).expect(0);
    let audit = ["audit", "--json", "--data-dir", "data", "--root", "data/governance/root.toml"];
    world.run(&audit).expect(0);
    assert_eq!(world.stop(), 0);
    world.serve(&[]);
    sign(&world, ["again".to_owned()]);
}
