//! Finds the sets of networks that hold an address, in one search.
//!
//! Networks lie in each other or apart, never across. So each stretch of addresses belongs to one innermost network,
//! and the others that hold it are those around that one.

use std::net::IpAddr;

use ipnet::IpNet;
use limitrate_core::net::{NetSet, canonical};

use super::lists::Lists;
use crate::ir::SlotId;

/// The sets of networks that an address is looked for in.
#[derive(Debug)]
pub(super) struct Nets {
    v4: Table<u32>,
    v6: Table<u128>,
}

/// The networks of one version.
#[derive(Debug)]
struct Table<T> {
    /// The first address of each stretch, ascending.
    starts: Box<[T]>,
    /// The innermost network of each stretch.
    innermost: Box<[Option<usize>]>,
    /// Of each network, the one around it.
    outer: Box<[Option<usize>]>,
    /// Of each network, the sets that it is part of.
    sets: Lists<SlotId>,
}

/// A network from its first address to its last, as a part of a set.
type Part<T> = (T, T, SlotId);

impl Nets {
    pub(super) fn new<'s>(sets: impl IntoIterator<Item = (SlotId, &'s NetSet)>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (slot, set) in sets {
            for net in set.networks() {
                match net {
                    IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits(), slot)),
                    IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits(), slot)),
                }
            }
        }
        Self {
            v4: Table::new(v4, |last| last.checked_add(1)),
            v6: Table::new(v6, |last| last.checked_add(1)),
        }
    }

    /// Tells `found` of every set that holds an address, each once.
    pub(super) fn find(&self, ip: IpAddr, found: impl FnMut(SlotId)) {
        match canonical(ip) {
            IpAddr::V4(ip) => self.v4.find(ip.to_bits(), found),
            IpAddr::V6(ip) => self.v6.find(ip.to_bits(), found),
        }
    }
}

impl<T: Copy + Ord> Table<T> {
    /// The table of networks that lie in each other or apart. `next` is the address after one, unless that is the last.
    fn new(mut parts: Vec<Part<T>>, next: impl Fn(T) -> Option<T>) -> Self {
        // What is around others comes before them.
        parts.sort_unstable_by(|(a, a_last, a_slot), (b, b_last, b_slot)| {
            a.cmp(b).then(b_last.cmp(a_last)).then(a_slot.cmp(b_slot))
        });
        let mut stretches: Vec<(T, Option<usize>)> = Vec::new();
        let (mut outer, mut sets) = (Vec::new(), Vec::new());
        let mut open: Vec<(usize, T)> = Vec::new();
        let same = |a: &Part<T>, b: &Part<T>| (a.0, a.1) == (b.0, b.1);
        for network in parts.chunk_by(same) {
            let Some((first, last, _)) = network.first().copied() else { continue };
            close(&mut open, Some(first), &next, &mut stretches);
            let at = sets.len();
            outer.push(open.last().map(|(around, _)| *around));
            sets.push(network.iter().map(|(_, _, slot)| *slot).collect::<Vec<_>>());
            begin(&mut stretches, first, Some(at));
            open.push((at, last));
        }
        close(&mut open, None, &next, &mut stretches);
        let (starts, innermost): (Vec<T>, Vec<Option<usize>>) = stretches.into_iter().unzip();
        Self {
            starts: starts.into(),
            innermost: innermost.into(),
            outer: outer.into(),
            sets: Lists::new(sets),
        }
    }

    fn find(&self, address: T, mut found: impl FnMut(SlotId)) {
        let after = self.starts.partition_point(|start| *start <= address);
        let stretch = after.checked_sub(1).and_then(|at| self.innermost.get(at));
        let mut network = stretch.copied().flatten();
        while let Some(at) = network {
            self.sets.get(at).iter().copied().for_each(&mut found);
            network = self.outer.get(at).copied().flatten();
        }
    }
}

/// Ends the open networks that end before `first`; all of them where nothing follows.
fn close<T: Copy + Ord>(
    open: &mut Vec<(usize, T)>,
    first: Option<T>,
    next: impl Fn(T) -> Option<T>,
    stretches: &mut Vec<(T, Option<usize>)>,
) {
    while let Some((_, last)) = open.pop_if(|(_, last)| first.is_none_or(|first| *last < first)) {
        if let Some(start) = next(last) {
            begin(stretches, start, open.last().map(|(around, _)| *around));
        }
    }
}

/// Begins a stretch, in place of one that would be empty.
fn begin<T: Copy + Ord>(stretches: &mut Vec<(T, Option<usize>)>, start: T, network: Option<usize>) {
    stretches.pop_if(|(before, _)| *before == start);
    stretches.push((start, network));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(nets: &Nets, ip: IpAddr) -> Vec<usize> {
        let mut found = Vec::new();
        nets.find(ip, |slot| found.push(slot.0 as usize));
        found.sort_unstable();
        found
    }

    fn agrees(sets: &[NetSet], asked: impl IntoIterator<Item = IpAddr>) {
        let nets = Nets::new((0..).map(SlotId).zip(sets));
        for ip in asked {
            let expected: Vec<usize> = (0..sets.len()).filter(|at| sets[*at].contains(ip)).collect();
            assert_eq!(found(&nets, ip), expected, "{ip}");
        }
    }

    fn edges(nets: &[IpNet]) -> Vec<IpAddr> {
        let mut edges = Vec::new();
        for net in nets {
            for ip in [net.network(), net.broadcast()] {
                edges.push(ip);
                match ip {
                    IpAddr::V4(ip) => {
                        edges.push(IpAddr::from(ip.to_bits().wrapping_add(1).to_be_bytes()));
                        edges.push(IpAddr::from(ip.to_bits().wrapping_sub(1).to_be_bytes()));
                        edges.push(ip.to_ipv6_mapped().into());
                    }
                    IpAddr::V6(ip) => {
                        edges.push(IpAddr::from(ip.to_bits().wrapping_add(1).to_be_bytes()));
                        edges.push(IpAddr::from(ip.to_bits().wrapping_sub(1).to_be_bytes()));
                    }
                }
            }
        }
        edges
    }

    #[test]
    fn the_ends_of_the_address_space_are_looked_up() {
        let net = |text: &str| text.parse::<IpNet>().expect("a network");
        let all: Vec<IpNet> =
            ["0.0.0.0/0", "::/0", "255.255.255.255/32", "0.0.0.0/32", "::/128", "ffff::/16", "::ffff:0:0/96"]
                .map(net)
                .to_vec();
        let sets: Vec<NetSet> = all.iter().map(|net| NetSet::from_iter([*net])).collect();
        agrees(&sets, edges(&all));
        agrees(&[], edges(&all));
        agrees(&[NetSet::default(), NetSet::default()], edges(&all));
    }

    #[test]
    fn tables_of_nested_networks_grow_with_their_number_only() {
        let nets = (0..=32_u8).flat_map(|len| {
            (0..64_u32)
                .map(move |n| IpNet::new(IpAddr::from((n << 20).to_be_bytes()), len).expect("a network"))
        });
        let sets: Vec<NetSet> = nets.map(|net| NetSet::from_iter([net.trunc()])).collect();
        let table = Nets::new((0..).map(SlotId).zip(&sets)).v4;
        assert!(table.starts.len() <= 2 * sets.len() && table.outer.len() <= sets.len());
    }

    fn any_net() -> impl Strategy<Value = IpNet> {
        let v4 = (0..2048_u32, 20..=32_u8).prop_map(|(bits, len)| {
            IpNet::new(IpAddr::from((bits | 0x0A00_0000).to_be_bytes()), len).expect("a network").trunc()
        });
        let v6 = (0..2048_u128, 100..=128_u8).prop_map(|(bits, len)| {
            IpNet::new(IpAddr::from((bits << 16 | 0x2001 << 112).to_be_bytes()), len)
                .expect("a network")
                .trunc()
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn a_search_finds_the_sets_that_hold_an_address(
            sets in prop::collection::vec(prop::collection::vec(any_net(), 0..6), 0..12),
        ) {
            let asked = edges(&sets.concat());
            let sets: Vec<NetSet> = sets.into_iter().map(NetSet::from_iter).collect();
            agrees(&sets, asked);
        }
    }
}
