//! Nothing outside is needed: the whole story with no network but this machine's own loopback.

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::process::Command;

use world::{CHANCERY, Said, World, tool};

const STORY: &str = r#"
set -eu
ip link set lo up
ip -o link | grep -v ': lo:' && exit 90
"$CHANCERY" demo
: >ready
"$CHANCERY" serve --dev --data-dir "$PWD/data" --listen 127.0.0.1:0 >ready 2>log &
service=$!
tail -f --pid=$service ready | head -n 1 | grep chancery.ready
. data/client.env
printf app >app.bin
"$CHANCERY" sign app.bin
"$CHANCERY" verify app.bin --policy dev --offline
kill -TERM $service
wait $service
"#;

#[test]
fn everything_works_without_a_network() {
    let (Some(unshare), Some(_)) = (tool("unshare"), tool("ip")) else { return };
    let isolates = Command::new(&unshare).args(["-n", "true"]).output().unwrap();
    if !isolates.status.success() {
        println!("not compared: this user may not make a network namespace");
        return;
    }
    let world = World::cold();
    let mut command = Command::new(unshare);
    command.args(["-n", "sh", "-c", STORY]).env("CHANCERY", CHANCERY).env_remove("GITHUB_ACTIONS");
    let said = Said::from(command.current_dir(world.directory.path()).output().unwrap()).expect(0);
    assert!(said.out.contains("all of it held"), "{}", said.out);
}
