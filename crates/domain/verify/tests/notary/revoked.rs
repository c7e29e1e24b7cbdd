//! A certificate that names a revocation list: notation fetches it, and our verifier takes the word of the trust document.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_x509::crl::{self, Revocation, RevocationReason};
use chancery_x509::profile::draft::Issuer;
use chancery_x509::validity::Validity;

use crate::maker::{MANIFEST, Maker, Wish};
use crate::notation::{IDENTITY, Notation, tool};
use crate::stamper::clock;
use crate::world::new_year;

/// Hands the list out as long as the test program lives.
fn serve(listener: TcpListener, list: Vec<u8>) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", list.len());
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&list).unwrap();
        }
    });
}

fn list(maker: &Maker, revoked: &[Revocation]) -> Vec<u8> {
    let issuer = Issuer::of(&maker.world.issuing.certificate).unwrap();
    let in_force = Validity::new(clock().plus_seconds(-60), clock().plus_seconds(3600)).unwrap();
    let tbs = crl::tbs(&issuer, in_force, 1, revoked).unwrap();
    let signature = maker.world.issuing.key.sign(&tbs);
    crl::assemble(&tbs, KeyAlgorithm::EcdsaP256, &signature).unwrap().as_der().to_vec()
}

#[test]
fn notation_looks_the_certificate_up_and_refuses_a_revoked_one() {
    let Some(program) = tool() else { return };
    for is_revoked in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/issuing.crl", listener.local_addr().unwrap());
        let maker = Maker::new(KeyAlgorithm::EcdsaP256).with_list(&url);
        let (serial, since) = (maker.leaf.serial().clone(), new_year());
        let revocation = Revocation { serial, since, reason: RevocationReason::KeyCompromise };
        serve(listener, list(&maker, if is_revoked { std::slice::from_ref(&revocation) } else { &[] }));
        let notation = Notation::new(program.clone(), &maker, IDENTITY);
        let said = notation.verify(&maker.sign(MANIFEST, &Wish::image("jws")));
        assert_eq!(said.is_err(), is_revoked, "{said:?}");
        assert!(said.is_ok() || said.unwrap_err().contains("revoked"));
    }
    println!("compared: notation with a revocation list");
}
