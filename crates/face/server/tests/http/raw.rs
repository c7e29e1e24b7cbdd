//! Bytes on a socket, for clients that no library would be.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::World;

/// Longest wait for a server that should close or answer at once; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.address).await.unwrap()
}

/// Sends bytes and reads until the server closes.
pub(crate) async fn exchange(world: &World, bytes: &[u8]) -> String {
    let mut stream = connect(world).await;
    // A server that has seen enough closes before the last byte.
    let _closed = stream.write_all(bytes).await;
    until_closed(&mut stream).await
}

pub(crate) async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let shown = || String::from_utf8_lossy(&answer).into_owned();
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut chunk)).await;
        match read.unwrap_or_else(|_| panic!("server keeps the connection after `{}`", shown())) {
            // A reset after the answer is as good as a close.
            Ok(0) | Err(_) => return shown(),
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Reads until `end` has come.
pub(crate) async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains(end) {
        let mut chunk = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
