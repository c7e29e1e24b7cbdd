//! A peer on the loopback address that answers as badly as it is told to, and counts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the peer answers to one request; `{origin}` stands for its own address.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Status, extra header lines, body.
    Is(u16, String, String),
    /// A body of this many bytes, announced or not.
    Flood { bytes: usize, announced: bool },
    /// Headers, then a byte now and then for ever.
    Drip,
    /// The connection is closed at once.
    Hangup,
    /// The answer waits until the peer is told to go on.
    Gate(Arc<tokio::sync::Semaphore>, String),
}

pub(crate) fn ok(body: impl Into<String>) -> Answer {
    Answer::Is(200, String::new(), body.into())
}

type Route = Box<dyn Fn(&str) -> Answer + Send>;

pub(crate) struct Peer {
    pub(crate) origin: String,
    route: Arc<Mutex<Route>>,
    pub(crate) hits: Arc<AtomicUsize>,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Starts the peer; `route` maps a path with its query to an answer.
    pub(crate) async fn start(route: impl Fn(&str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let route: Arc<Mutex<Route>> = Arc::new(Mutex::new(Box::new(route)));
        let (hits, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let peer = Self {
            origin: origin.clone(),
            route: Arc::clone(&route),
            hits: Arc::clone(&hits),
            requests: Arc::clone(&requests),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (route, hits, requests, origin) =
                    (Arc::clone(&route), Arc::clone(&hits), Arc::clone(&requests), origin.clone());
                tokio::spawn(async move { serve(stream, &route, &hits, &requests, &origin).await });
            }
        });
        peer
    }
    pub(crate) fn behave(&self, route: impl Fn(&str) -> Answer + Send + 'static) {
        *self.route.lock().unwrap() = Box::new(route);
    }
    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    route: &Mutex<Route>,
    hits: &AtomicUsize,
    requests: &Mutex<Vec<String>>,
    origin: &str,
) {
    let mut head = Vec::new();
    let mut byte = [0_u8; 1];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    hits.fetch_add(1, Ordering::SeqCst);
    requests.lock().unwrap().push(head);
    let answer = (route.lock().unwrap())(&path);
    // A client that gives up closes the connection; writing on is then an error and of no interest.
    drop(reply(&mut stream, answer, origin).await);
}

async fn reply(stream: &mut TcpStream, answer: Answer, origin: &str) -> std::io::Result<()> {
    let send = |status: u16, extra: String, body: String| {
        let (extra, body) = (extra.replace("{origin}", origin), body.replace("{origin}", origin));
        format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{extra}\r\n{body}",
            body.len()
        )
    };
    match answer {
        Answer::Is(status, extra, body) => stream.write_all(send(status, extra, body).as_bytes()).await,
        Answer::Gate(gate, body) => {
            gate.acquire().await.unwrap().forget();
            stream.write_all(send(200, String::new(), body).as_bytes()).await
        }
        Answer::Flood { bytes, announced } => {
            let length = if announced { format!("content-length: {bytes}\r\n") } else { String::new() };
            stream
                .write_all(format!("HTTP/1.1 200 X\r\nconnection: close\r\n{length}\r\n").as_bytes())
                .await?;
            let block = vec![b' '; 16 * 1024];
            let mut left = bytes;
            while left > 0 {
                let now = left.min(block.len());
                stream.write_all(&block[..now]).await?;
                left -= now;
            }
            Ok(())
        }
        Answer::Drip => {
            stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 100000\r\n\r\n").await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        Answer::Hangup => Ok(()),
    }
}
