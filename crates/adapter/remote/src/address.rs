//! Which addresses may be contacted (T10: SSRF, DNS rebinding, cloud metadata services).
//!
//! The check is made on the addresses that a name resolved to, and exactly these are then connected to, so a name
//! that answers differently the second time gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use chancery_core::port::dialer::Reach;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Whether an address may be contacted within `reach`. Link-local addresses, where metadata services live, never may.
#[must_use]
pub fn is_allowed(address: IpAddr, reach: Reach) -> bool {
    let kind = match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    };
    match (kind, reach) {
        (Kind::Loopback, Reach::Loopback) | (Kind::Private, Reach::Private) => true,
        (Kind::Public, Reach::Private | Reach::Public) => true,
        (Kind::Loopback | Kind::Private | Kind::Public | Kind::Special, _) => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Loopback,
    Private,
    Public,
    Special,
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        [127, ..] => Kind::Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Kind::Private,
        // This network, link-local, protocol assignments, documentation, 6to4 relays, benchmarks, multicast, reserved
        // (RFC 6890).
        [0, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => Kind::Special,
        _ => Kind::Public,
    }
}

/// An IPv4 address inside an IPv6 one counts as what it is.
fn kind_v6(address: Ipv6Addr) -> Kind {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let [[w, x], [y, z]] = [high.to_be_bytes(), low.to_be_bytes()];
        match kind_v4(Ipv4Addr::new(w, x, y, z)) {
            Kind::Public => Kind::Public,
            Kind::Loopback | Kind::Private | Kind::Special => Kind::Special,
        }
    };
    match [a, b, c, d, e, f, g, h] {
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        // AWS's metadata service has an address among the unique local ones.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, _] => Kind::Special,
        [0xfc00..=0xfdff, ..] => Kind::Private,
        // Mapped, compatible, translated (RFC 6052), 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => embedded(high, low),
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, ORCHID, documentation.
        [0x2001, 0x0000..=0x01ff | 0x0db8, ..] => Kind::Special,
        [0x2000..=0x3ffe, ..] => Kind::Public,
        _ => Kind::Special,
    }
}

/// A resolver that forgets every address out of reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolver {
    pub(crate) reach: Reach,
}

/// A name that has no address within reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` has no address that may be contacted")]
pub(crate) struct OutOfReach(pub(crate) String);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| is_allowed(address.ip(), reach)).collect();
            if allowed.is_empty() {
                return Err(Box::from(OutOfReach(name.as_str().to_owned())));
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_special_addresses_are_out_of_reach() {
        let check = |text: &str| {
            let address: IpAddr = text.parse().unwrap();
            [Reach::Public, Reach::Private, Reach::Loopback].map(|reach| is_allowed(address, reach))
        };
        for public in ["8.8.8.8", "140.82.121.4", "2606:50c0:8000::153", "64:ff9b::808:808", "::ffff:8.8.8.8"]
        {
            assert_eq!(check(public), [true, true, false], "{public}");
        }
        for private in ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1"] {
            assert_eq!(check(private), [false, true, false], "{private}");
        }
        for loopback in ["127.0.0.1", "127.9.9.9", "::1"] {
            assert_eq!(check(loopback), [false, false, true], "{loopback}");
        }
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::",
            "fd00:ec2::254",
            "100::1",
            "64:ff9b:1::1",
            "5f00::1",
            "4000::1",
            "192.88.99.1",
        ] {
            assert_eq!(check(special), [false; 3], "{special}");
        }
    }
}
