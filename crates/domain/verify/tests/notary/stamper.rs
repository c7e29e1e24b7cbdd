//! A time stamping authority over HTTP for notation: the world's key, the machine's clock, one thread.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use chancery_core::digest::DigestAlgorithm;
use chancery_core::time::Time;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tsp::request::{CertificateWish, TimestampRequest};
use chancery_x509::tsp::tst_info::{Accuracy, TstInfo};
use chancery_x509::tsp::{response, token};

use crate::world::World;

/// The moment, in whole seconds.
#[expect(clippy::disallowed_methods, reason = "notation has no other clock")]
pub(crate) fn clock() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_seconds(i64::try_from(since.as_secs()).unwrap())
}

/// Answers `count` requests; the address is a URL.
pub(crate) fn serve<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    world: &'scope World,
    count: usize,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    scope.spawn(move || {
        for stream in listener.incoming().take(count) {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = answer(world, &body);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                answer.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    address
}

fn answer(world: &World, request: &[u8]) -> Vec<u8> {
    let request = TimestampRequest::parse(request).unwrap();
    let info = TstInfo {
        policy: der::oid::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2"),
        imprint: request.imprint,
        serial: world.serial(),
        gen_time: clock(),
        accuracy: Some(Accuracy { seconds: 1, ..Accuracy::default() }),
        nonce: request.nonce,
    };
    let info = info.to_der().unwrap();
    let scheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);
    let authority = token::Authority { certificate: &world.tsa.certificate, issuers: &[], scheme };
    let attributes = token::attributes(&info, &authority).unwrap();
    let value = world.tsa.key.sign(attributes.to_be_signed());
    response::granted(&token::assemble(&info, &authority, CertificateWish::Include, &value).unwrap())
}
