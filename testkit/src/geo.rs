//! Where addresses are, for tests: small databases in MaxMind's format, made of what one says of each network.
//!
//! Format: <https://maxmind.github.io/MaxMind-DB/>, version 2.0: a search tree over the bits of addresses, the places, and
//! what the database says of itself.

#[cfg(feature = "geo")]
mod located;

use std::net::IpAddr;

#[cfg(feature = "geo")]
pub use located::Located;

/// What a database says of a network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// The country, two letters.
    pub country: Option<&'a str>,
    /// The continent, two letters.
    pub continent: Option<&'a str>,
    /// The subdivision of the country.
    pub subdivision: Option<&'a str>,
    /// The city's English name.
    pub city: Option<&'a str>,
    /// The number of the autonomous system.
    pub asn: Option<u32>,
}

/// A network that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network: write an address, a slash and the length of the prefix")]
pub struct NoNetwork(pub String);

/// The first bytes of what a database says of itself.
const METADATA: &[u8] = b"\xAB\xCD\xEFMaxMind.com";

/// The zeros between the tree and the places.
const SEPARATOR: usize = 16;

/// Where a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing is known.
    Nowhere,
    /// To another node.
    Node(usize),
    /// To the place at this byte of the data.
    Place(usize),
}

/// A database of these networks; of two that overlap, the later one says what holds.
///
/// # Errors
///
/// [`NoNetwork`] for a text that is no network.
///
/// ```
/// use limitrate_testkit::geo::{Place, database};
///
/// let germany = Place { country: Some("DE"), ..Place::default() };
/// let bytes = database(&[("203.0.113.0/24", germany)])?;
/// assert!(bytes.windows(11).any(|part| part == b"MaxMind.com"));
/// # Ok::<(), limitrate_testkit::geo::NoNetwork>(())
/// ```
pub fn database(networks: &[(&str, Place<'_>)]) -> Result<Vec<u8>, NoNetwork> {
    let mut nodes = vec![[Step::Nowhere; 2]];
    let mut data = Vec::new();
    for (network, place) in networks {
        let (bits, length) = parse(network).ok_or_else(|| NoNetwork((*network).to_owned()))?;
        let step = Step::Place(data.len());
        write_place(&mut data, place);
        enter(&mut nodes, bits, length, step);
    }
    let count = nodes.len();
    let mut bytes = Vec::new();
    for step in nodes.into_iter().flatten() {
        let record = match step {
            Step::Nowhere => count,
            Step::Node(node) => node,
            Step::Place(at) => count + SEPARATOR + at,
        };
        bytes.extend(u32::try_from(record).unwrap_or(u32::MAX).to_be_bytes());
    }
    bytes.extend([0; SEPARATOR]);
    bytes.extend(data);
    bytes.extend(METADATA);
    write_metadata(&mut bytes, count);
    Ok(bytes)
}

/// A network as the bits of an IPv6 address, where IPv4 is below `::/96`, and the length of its prefix.
fn parse(network: &str) -> Option<(u128, u32)> {
    let (address, length) = network.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    match address.parse().ok()? {
        IpAddr::V4(address) if length <= 32 => Some((u128::from(u32::from(address)), length + 96)),
        IpAddr::V6(address) if length <= 128 => Some((u128::from(address), length)),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// Enters a network into the tree: the nodes on its way are made where there are none.
fn enter(nodes: &mut Vec<[Step; 2]>, bits: u128, length: u32, step: Step) {
    let mut at = 0;
    for depth in 0..length {
        let side = usize::from(bits >> (127 - depth) & 1 == 1);
        let fresh = nodes.len();
        let Some(next) = nodes.get_mut(at).and_then(|node| node.get_mut(side)) else { return };
        if depth + 1 == length {
            *next = step;
            return;
        }
        at = match *next {
            Step::Node(node) => node,
            // What held for the wider network holds beside the narrower one.
            wider @ (Step::Nowhere | Step::Place(_)) => {
                *next = Step::Node(fresh);
                nodes.push([wider; 2]);
                fresh
            }
        };
    }
}

/// The numbers of the format's types.
const TEXT: u8 = 2;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;

/// The longest that is said in a control byte by itself.
const SHORT: usize = 29;

/// Writes a type and a size; both are small here.
fn control(out: &mut Vec<u8>, kind: u8, size: usize) {
    let (short, rest) = if size < SHORT { (size, None) } else { (SHORT, Some(size - SHORT)) };
    let short = u8::try_from(short).unwrap_or_default();
    if kind <= MAP {
        out.push(kind << 5 | short);
    } else {
        out.extend([short, kind - MAP]);
    }
    out.extend(rest.map(|rest| u8::try_from(rest).unwrap_or(u8::MAX)));
}

fn text(out: &mut Vec<u8>, value: &str) {
    control(out, TEXT, value.len());
    out.extend(value.as_bytes());
}

/// A key with a map of one entry as its value.
fn nested(out: &mut Vec<u8>, key: &str, inner: &str, value: &str) {
    text(out, key);
    control(out, MAP, 1);
    text(out, inner);
    text(out, value);
}

fn write_place(out: &mut Vec<u8>, place: &Place<'_>) {
    let Place { country, continent, subdivision, city, asn } = place;
    let texts = [country, continent, subdivision, city];
    let entries = texts.iter().filter(|value| value.is_some()).count() + usize::from(asn.is_some());
    control(out, MAP, entries);
    if let Some(value) = country {
        nested(out, "country", "iso_code", value);
    }
    if let Some(value) = continent {
        nested(out, "continent", "code", value);
    }
    if let Some(value) = subdivision {
        text(out, "subdivisions");
        control(out, ARRAY, 1);
        control(out, MAP, 1);
        text(out, "iso_code");
        text(out, value);
    }
    if let Some(value) = city {
        text(out, "city");
        control(out, MAP, 1);
        nested(out, "names", "en", value);
    }
    if let Some(number) = asn {
        text(out, "autonomous_system_number");
        control(out, UINT32, 4);
        out.extend(number.to_be_bytes());
    }
}

fn write_metadata(out: &mut Vec<u8>, nodes: usize) {
    let small = |out: &mut Vec<u8>, key: &str, value: u16| {
        text(out, key);
        control(out, UINT16, 2);
        out.extend(value.to_be_bytes());
    };
    control(out, MAP, 9);
    text(out, "node_count");
    control(out, UINT32, 4);
    out.extend(u32::try_from(nodes).unwrap_or(u32::MAX).to_be_bytes());
    small(out, "record_size", 32);
    small(out, "ip_version", 6);
    small(out, "binary_format_major_version", 2);
    small(out, "binary_format_minor_version", 0);
    text(out, "database_type");
    text(out, "Test-City");
    text(out, "languages");
    control(out, ARRAY, 1);
    text(out, "en");
    text(out, "build_epoch");
    control(out, UINT64, 8);
    out.extend(1_767_225_600_u64.to_be_bytes());
    nested(out, "description", "en", "networks of a test");
}
