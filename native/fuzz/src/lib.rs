//! How good frames begin. A fuzzer seldom finds that out by itself; what it makes up goes behind each of them.

/// The header of an ARP frame.
pub const ARP: &[u8] = &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x06];
/// The Ethernet header of a packet of IPv4.
pub const ETHERNET_4: &[u8] = &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00];
/// The Ethernet header of a packet of IPv6.
pub const ETHERNET_6: &[u8] = &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd];
/// The fixed part of ARP for IPv4 over Ethernet.
pub const ARP_OF_IPV4: &[u8] = &[0, 1, 8, 0, 6, 4];
/// The header of ICMP for an unreachable host.
pub const UNREACHABLE_4: &[u8] = &[3, 1, 0, 0, 0, 0, 0, 0];
/// The same of ICMPv6.
pub const UNREACHABLE_6: &[u8] = &[1, 3, 0, 0, 0, 0, 0, 0];
/// A neighbour solicitation before its target.
pub const SOLICITATION: &[u8] = &[135, 0, 0, 0, 0, 0, 0, 0];
/// A neighbour advertisement before its target.
pub const ADVERTISEMENT: &[u8] = &[136, 0, 0, 0, 0, 0, 0, 0];

/// A header of IPv4 without options.
pub const fn ipv4(protocol: u8) -> [u8; 20] {
    [
        0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ]
}

/// A header of IPv6.
pub const fn ipv6(next_header: u8) -> [u8; 40] {
    let mut header = [0; 40];
    header[0] = 0x60;
    header[6] = next_header;
    header[7] = 255;
    header
}

/// The bytes as they are, and behind each of the starts.
pub fn behind(starts: &[&[&[u8]]], bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = vec![bytes.to_vec()];
    frames.extend(starts.iter().map(|start| [&start.concat(), bytes].concat()));
    frames
}
