//! Internet addresses as keys and in sets.
//!
//! An IPv4 address mapped into IPv6 is that IPv4 address everywhere, or a dual-stack listener would count a client
//! twice and let it past a set.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

/// How many leading bits of an IPv4 address make a client: all of them.
pub const CLIENT_BITS_V4: u8 = 32;
/// How many leading bits of an IPv6 address make a client: the subnet in which a host may choose its own address.
pub const CLIENT_BITS_V6: u8 = 64;

/// The address itself, or the IPv4 address that is mapped into it.
#[must_use]
pub fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// The network that an address counts under as a key: /32 for IPv4, /64 for IPv6.
#[must_use]
pub fn client_network(ip: IpAddr) -> NetworkKey {
    prefix(ip, CLIENT_BITS_V4, CLIENT_BITS_V6)
}

/// The network of the first `v4_bits` or `v6_bits` of an address, as a key. More bits than there are mean all.
#[must_use]
pub fn prefix(ip: IpAddr, v4_bits: u8, v6_bits: u8) -> NetworkKey {
    NetworkKey(match canonical(ip) {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(v4_bits.into())).unwrap_or(0);
            Bytes::V4(tagged(4, Ipv4Addr::from_bits(ip.to_bits() & mask).octets()))
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(v6_bits.into())).unwrap_or(0);
            Bytes::V6(tagged(6, Ipv6Addr::from_bits(ip.to_bits() & mask).octets()))
        }
    })
}

/// A network as the bytes of a key, tagged by version so that no IPv4 network equals an IPv6 one.
///
/// Keys made with different numbers of bits are not told apart: a limit always uses the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NetworkKey(Bytes);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Bytes {
    V4([u8; 5]),
    V6([u8; 17]),
}

impl NetworkKey {
    /// The version, 4 or 6, then the address with the bits of the host zero.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::V4(bytes) => bytes,
            Bytes::V6(bytes) => bytes,
        }
    }

    /// The first address of the network.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        match self.0 {
            Bytes::V4([_, address @ ..]) => IpAddr::from(address),
            Bytes::V6([_, address @ ..]) => IpAddr::from(address),
        }
    }
}

fn tagged<const N: usize, const M: usize>(version: u8, address: [u8; N]) -> [u8; M] {
    let mut bytes = [0; M];
    if let Some((tag, rest)) = bytes.split_first_mut() {
        *tag = version;
        for (to, from) in rest.iter_mut().zip(address) {
            *to = from;
        }
    }
    bytes
}

/// A set of addresses, given as networks: sorted ranges without overlap, so that asking takes logarithmic time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetSet {
    v4: Box<[Range<u32>]>,
    v6: Box<[Range<u128>]>,
}

/// From the first address to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range<T> {
    first: T,
    last: T,
}

impl NetSet {
    /// Whether an address is in one of the networks.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match canonical(ip) {
            IpAddr::V4(ip) => holds(&self.v4, ip.to_bits()),
            IpAddr::V6(ip) => holds(&self.v6, ip.to_bits()),
        }
    }

    /// Whether no address is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The fewest networks that hold the same addresses, those of IPv4 first, in ascending order.
    pub fn networks(&self) -> impl Iterator<Item = IpNet> {
        let v4 = self.v4.iter().flat_map(|range| Ipv4Subnets::new(range.first.into(), range.last.into(), 0));
        let v6 = self.v6.iter().flat_map(|range| Ipv6Subnets::new(range.first.into(), range.last.into(), 0));
        v4.map(IpNet::V4).chain(v6.map(IpNet::V6))
    }
}

impl FromIterator<IpNet> for NetSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(nets: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for net in nets {
            match (canonical(net.network()), canonical(net.broadcast())) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.push(Range { first: first.to_bits(), last: last.to_bits() });
                }
                // A wider IPv6 network around the mapped addresses holds no IPv4 address: those are never looked
                // up as IPv6.
                (first, last) => v6.push(Range { first: bits(first), last: bits(last) }),
            }
        }
        Self {
            v4: merged(v4, |last, first| first <= last.saturating_add(1)),
            v6: merged(v6, |last, first| first <= last.saturating_add(1)),
        }
    }
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

fn holds<T: Ord + Copy>(ranges: &[Range<T>], address: T) -> bool {
    let after = ranges.partition_point(|range| range.first <= address);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|range| address <= range.last)
}

/// The ranges in order, joined where one `touches` the next.
fn merged<T: Ord + Copy>(mut ranges: Vec<Range<T>>, touches: impl Fn(T, T) -> bool) -> Box<[Range<T>]> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, range| {
        let joined = touches(range.last, next.first);
        if joined {
            range.last = range.last.max(next.last);
        }
        joined
    });
    ranges.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn set(nets: &[&str]) -> NetSet {
        nets.iter().map(|net| net.parse::<IpNet>().expect("a network")).collect()
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_address() {
        assert_eq!(canonical(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
        assert_eq!(client_network(ip("::ffff:192.0.2.1")), client_network(ip("192.0.2.1")));
        assert!(set(&["192.0.2.0/24"]).contains(ip("::ffff:192.0.2.1")));
        assert!(set(&["::ffff:192.0.2.0/120"]).contains(ip("192.0.2.1")));
        assert!(!set(&["::/0"]).contains(ip("192.0.2.1")), "IPv6 networks hold no IPv4 address");
        assert!(set(&["::/0"]).contains(ip("2001:db8::1")));
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_subnet() {
        assert_eq!(client_network(ip("192.0.2.1")).as_bytes(), [4, 192, 0, 2, 1]);
        assert_ne!(client_network(ip("192.0.2.1")), client_network(ip("192.0.2.2")));
        assert_eq!(client_network(ip("2001:db8:1:2::1")), client_network(ip("2001:db8:1:2:ffff::")));
        assert_ne!(client_network(ip("2001:db8:1:2::")), client_network(ip("2001:db8:1:3::")));
        assert_eq!(client_network(ip("2001:db8:1:2::1")).address(), ip("2001:db8:1:2::"));
    }

    #[test]
    fn a_prefix_keeps_as_many_bits_as_asked() {
        assert_eq!(prefix(ip("192.0.2.77"), 24, 56).address(), ip("192.0.2.0"));
        assert_eq!(prefix(ip("2001:db8:1:2ff::1"), 24, 56).address(), ip("2001:db8:1:200::"));
        assert_eq!(prefix(ip("192.0.2.77"), 0, 0).address(), ip("0.0.0.0"));
        assert_eq!(prefix(ip("192.0.2.77"), 255, 255).address(), ip("192.0.2.77"));
        assert_ne!(prefix(ip("0.0.0.0"), 0, 0), prefix(ip("::"), 0, 0));
    }

    #[test]
    fn networks_that_overlap_or_touch_become_one_range() {
        let nets = set(&["10.0.1.0/24", "10.0.0.0/24", "10.0.0.7/32", "10.0.3.0/24", "255.255.255.255/32"]);
        assert_eq!(nets.v4.len(), 3);
        assert!(nets.contains(ip("10.0.1.255")) && !nets.contains(ip("10.0.2.0")));
        assert!(nets.contains(ip("255.255.255.255")) && !nets.contains(ip("::1")));
        assert!(!set(&[]).contains(ip("10.0.0.1")) && set(&[]).is_empty());
    }

    #[test]
    fn a_set_gives_the_fewest_networks_that_it_is_made_of() {
        let nets = set(&["10.0.1.0/24", "10.0.0.0/24", "10.0.2.0/31", "::/0", "255.255.255.255/32"]);
        let networks: Vec<String> = nets.networks().map(|net| net.to_string()).collect();
        assert_eq!(networks, ["10.0.0.0/23", "10.0.2.0/31", "255.255.255.255/32", "::/0"]);
        assert_eq!(set(&["0.0.0.0/1", "128.0.0.0/1"]).networks().count(), 1);
        assert_eq!(nets.networks().collect::<NetSet>(), nets);
    }

    proptest! {
        #[test]
        fn a_set_holds_what_one_of_its_networks_holds(
            nets in prop::collection::vec((0..1024_u32, 22..=32_u8), 0..12),
            asked in 0..1024_u32,
        ) {
            let nets: Vec<IpNet> = nets
                .into_iter()
                .map(|(bits, len)| IpNet::new(IpAddr::V4(Ipv4Addr::from_bits(bits)), len).expect("a network"))
                .collect();
            let asked = IpAddr::V4(Ipv4Addr::from_bits(asked));
            let expected = nets.iter().any(|net| net.contains(&asked));
            prop_assert_eq!(nets.into_iter().collect::<NetSet>().contains(asked), expected);
        }
    }
}
