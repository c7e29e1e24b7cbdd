//! The end: nothing new, everything under way finished.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::keyguard::Mood;
use crate::raw;
use crate::world::{Answer, World, request};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_finished_and_nothing_new_is_taken() {
    let mut world = World::start().await;
    let idle = raw::connect(&world).await;
    world.keyguard.set(Mood::Waits);
    let request = request(&["a.bin"]);
    let asking = tokio::spawn(Answer::of(world.signing(&request, &world.token(&request))));
    world.keyguard.orders.acquire().await.unwrap().forget();
    world.stop.take().unwrap().send(()).unwrap();
    while TcpStream::connect(world.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!world.server.is_finished(), "a signature is under way");
    world.keyguard.gate.add_permits(1);
    let answer = asking.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.server.await.unwrap().unwrap();
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_connections_end_with_the_service() {
    let mut world = World::start().await;
    let mut kept = raw::connect(&world).await;
    kept.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    raw::until(&mut kept, "ok\n").await;
    world.stop.take().unwrap().send(()).unwrap();
    assert_eq!(raw::until_closed(&mut kept).await, "");
    world.server.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn work_without_a_caller_is_finished_too() {
    let mut world = World::start().await;
    world.keyguard.set(Mood::Waits);
    let request = request(&["a.bin"]);
    let asking = tokio::spawn(world.signing(&request, &world.token(&request)).send());
    world.keyguard.orders.acquire().await.unwrap().forget();
    asking.abort();
    drop(asking.await);
    world.stop.take().unwrap().send(()).unwrap();
    world.keyguard.gate.add_permits(1);
    world.server.await.unwrap().unwrap();
    let results =
        world.ledger.leaves().into_iter().filter(|leaf| leaf.contains("\"kind\":\"result\"")).count();
    assert_eq!(results, 1, "the signature was released before the end");
}
