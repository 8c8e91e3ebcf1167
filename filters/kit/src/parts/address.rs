//! Addresses of clients.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Headers, Properties};

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or one address. `None` for anything else, also where bits behind the prefix are set: one of
    /// the two is a typing mistake.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().ok()?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        let cidr = Self { network, prefix };
        // Addresses of clients are never of this form.
        let is_mapped = matches!(network, IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
        (prefix <= longest && cidr.masked(network) == network && !is_mapped).then_some(cidr)
    }

    /// Whether an address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.network.is_ipv4() == address.is_ipv4() && self.masked(address) == self.network
    }

    fn masked(&self, address: IpAddr) -> IpAddr {
        masked(address, self.prefix, self.prefix)
    }
}

/// An address without the bits behind its prefix.
pub fn masked(address: IpAddr, v4_prefix: u8, v6_prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(v4_prefix.into())).unwrap_or_default();
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(v6_prefix.into())).unwrap_or_default();
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// Where the address of a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSource {
    /// Whom Envoy takes for the client.
    Envoy,
    /// In `x-forwarded-for`, after so many trusted proxies have added theirs behind it.
    Forwarded {
        /// How many.
        trusted_hops: u8,
    },
}

impl AddressSource {
    /// The address. An IPv4 address in the form of an IPv6 address is the IPv4 address.
    pub fn find(self, request: &Headers, host: &mut dyn Properties) -> Option<IpAddr> {
        let address = match self {
            Self::Envoy => of_socket(std::str::from_utf8(&host.property(&["source", "address"])?).ok()?),
            Self::Forwarded { trusted_hops } => {
                let lines: Vec<_> = request.all("x-forwarded-for").collect();
                let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
                let hop = hops.nth(trusted_hops.into())?;
                of_socket(std::str::from_utf8(hop.trim_ascii()).ok()?)
            }
        };
        address.map(|address| address.to_canonical())
    }
}

/// `192.0.2.1:4711`, `[2001:db8::1]:4711`, or an address alone.
fn of_socket(text: &str) -> Option<IpAddr> {
    text.parse::<std::net::SocketAddr>().map(|it| it.ip()).or_else(|_| text.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_contain_their_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
        ] {
            let network = Cidr::parse(network).unwrap();
            assert!(network.contains(address(inside)) && !network.contains(address(outside)), "{network:?}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "2001:db8::/129",
            "::ffff:10.0.0.0/104",
            "a",
            "1/1/1",
        ] {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_come_from_where_they_can_be_trusted() {
        let mut host = TestHost::default();
        host.properties.insert("source.address".into(), b"[::ffff:192.0.2.1]:4711".to_vec());
        let request = Headers::from_iter([
            ("x-forwarded-for", "1.1.1.1, 2.2.2.2"),
            ("x-forwarded-for", "3.3.3.3:99,x"),
        ]);
        let mut find = |source: AddressSource| source.find(&request, &mut host);
        assert_eq!(find(AddressSource::Envoy), Some(address("192.0.2.1")));
        let forwarded = [None, Some("3.3.3.3"), Some("2.2.2.2"), Some("1.1.1.1"), None];
        for (hops, expected) in forwarded.into_iter().enumerate() {
            let source = AddressSource::Forwarded { trusted_hops: u8::try_from(hops).unwrap() };
            assert_eq!(find(source), expected.map(address), "{hops}");
        }
    }

    #[test]
    fn prefixes_cut_addresses() {
        let cut = |text: &str| masked(address(text), 24, 64).to_string();
        assert_eq!(cut("192.0.2.99"), "192.0.2.0");
        assert_eq!(cut("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(masked(address("192.0.2.99"), 0, 0).to_string(), "0.0.0.0");
    }
}
