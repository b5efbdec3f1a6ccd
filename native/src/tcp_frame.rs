//! TCP segments, and the ICMP errors about them, in an Ethernet frame.

use std::net::IpAddr;

use etherparse::{
    EtherType, Ethernet2Header, IpNumber, Ipv4HeaderSlice, Ipv6HeaderSlice, TcpHeaderSlice,
};

use crate::address::MacAddress;
use crate::tcp_filter::{ICMP_ERRORS, ICMPV6_ERRORS};

/// The Ethernet and IP addresses of a frame and what it says of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpFrame {
    /// Where the Ethernet header sends it.
    pub destination: MacAddress,
    /// Who the Ethernet header says sent it.
    pub source: MacAddress,
    /// Who the IP header says sent it.
    pub source_ip: IpAddr,
    /// Where the IP header sends it.
    pub destination_ip: IpAddr,
    /// What is behind the IP header.
    pub content: TcpContent,
}

/// What a frame says of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpContent {
    /// Of either end.
    Segment(TcpSegment),
    /// Of a host or router that could not deliver a segment.
    IcmpError(IcmpError),
}

/// The header of a segment (RFC 9293), without its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSegment {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// Of the first byte, or of the SYN.
    pub sequence: u32,
    /// The next byte that the sender expects; without meaning unless `ack`.
    pub acknowledgement: u32,
    /// Opens the connection.
    pub syn: bool,
    /// The acknowledgement counts.
    pub ack: bool,
    /// Ends the connection at once.
    pub rst: bool,
    /// The sender has nothing more to send.
    pub fin: bool,
}

/// An error of ICMP (RFC 792) or ICMPv6 (RFC 4443).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcmpError {
    /// 3, 11 or 12 of ICMP; 1, 3 or 4 of ICMPv6.
    pub kind: u8,
    /// What it means depends on the type.
    pub code: u8,
    /// The segment that could not be delivered.
    pub quoted: QuotedSegment,
}

/// As much of a segment as an ICMP error repeats for certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotedSegment {
    /// Who sent it; commonly who is told of the error.
    pub source_ip: IpAddr,
    /// Who should have got it.
    pub destination_ip: IpAddr,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
}

impl TcpFrame {
    /// `None` for anything but a whole TCP header right behind an IP header, or an
    /// ICMP error there that quotes the ports of one. Neither lengths nor checksums
    /// are looked at: of a frame that leaves, the NIC may yet have to fill them in.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (ethernet, payload) = Ethernet2Header::from_slice(bytes).ok()?;
        let packet = match ethernet.ether_type {
            EtherType::IPV4 => ipv4(payload)?,
            EtherType::IPV6 => ipv6(payload)?,
            _ => return None,
        };
        if packet.fragment != Fragment::Whole {
            return None;
        }
        Some(Self {
            destination: MacAddress(ethernet.destination),
            source: MacAddress(ethernet.source),
            source_ip: packet.source_ip,
            destination_ip: packet.destination_ip,
            content: content(&packet)?,
        })
    }
}

fn content(packet: &IpPacket) -> Option<TcpContent> {
    let (errors, parse_quoted): (_, ParseIp) = match packet.protocol {
        IpNumber::TCP => return segment(packet.payload).map(TcpContent::Segment),
        IpNumber::ICMP if packet.source_ip.is_ipv4() => (ICMP_ERRORS, ipv4),
        IpNumber::IPV6_ICMP if packet.source_ip.is_ipv6() => (ICMPV6_ERRORS, ipv6),
        _ => return None,
    };
    let ([kind, code, ..], behind) = packet.payload.split_first_chunk::<8>()?;
    if !errors.contains(kind) {
        return None;
    }
    Some(TcpContent::IcmpError(IcmpError {
        kind: *kind,
        code: *code,
        quoted: quoted_segment(&parse_quoted(behind)?)?,
    }))
}

fn segment(bytes: &[u8]) -> Option<TcpSegment> {
    let header = TcpHeaderSlice::from_slice(bytes).ok()?;
    Some(TcpSegment {
        source_port: header.source_port(),
        destination_port: header.destination_port(),
        sequence: header.sequence_number(),
        acknowledgement: header.acknowledgment_number(),
        syn: header.syn(),
        ack: header.ack(),
        rst: header.rst(),
        fin: header.fin(),
    })
}

fn quoted_segment(packet: &IpPacket) -> Option<QuotedSegment> {
    if packet.protocol != IpNumber::TCP || packet.fragment == Fragment::Later {
        return None;
    }
    let ([a, b, c, d], _) = packet.payload.split_first_chunk::<4>()?;
    Some(QuotedSegment {
        source_ip: packet.source_ip,
        destination_ip: packet.destination_ip,
        source_port: u16::from_be_bytes([*a, *b]),
        destination_port: u16::from_be_bytes([*c, *d]),
    })
}

/// What both versions of IP have.
struct IpPacket<'a> {
    source_ip: IpAddr,
    destination_ip: IpAddr,
    protocol: IpNumber,
    fragment: Fragment,
    payload: &'a [u8],
}

type ParseIp = fn(&[u8]) -> Option<IpPacket>;

/// What of a packet is there.
#[derive(PartialEq, Eq)]
enum Fragment {
    Whole,
    /// With the header that the packet carries.
    First,
    Later,
}

fn ipv4(bytes: &[u8]) -> Option<IpPacket<'_>> {
    let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
    let fragment = match (header.fragments_offset().value(), header.more_fragments()) {
        (0, false) => Fragment::Whole,
        (0, true) => Fragment::First,
        _ => Fragment::Later,
    };
    Some(IpPacket {
        source_ip: header.source_addr().into(),
        destination_ip: header.destination_addr().into(),
        protocol: header.protocol(),
        fragment,
        payload: bytes.get(header.slice().len()..)?,
    })
}

fn ipv6(bytes: &[u8]) -> Option<IpPacket<'_>> {
    let header = Ipv6HeaderSlice::from_slice(bytes).ok()?;
    Some(IpPacket {
        source_ip: header.source_addr().into(),
        destination_ip: header.destination_addr().into(),
        // A fragment has an extension header instead of TCP or ICMP.
        protocol: header.next_header(),
        fragment: Fragment::Whole,
        payload: bytes.get(header.slice().len()..)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::same_cases;
    use crate::sample_frames::{any_icmp_error, any_tcp_frame, behind_good_header, damaged};
    use proptest::prelude::*;

    /// A SYN from 10.0.0.1:40000 to 10.0.0.2:80, 54 bytes.
    fn syn() -> Vec<u8> {
        let mut bytes = vec![0; 12];
        bytes.extend([0x08, 0x00]); // IPv4
        bytes.extend([
            0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ]);
        bytes.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, 0x02]);
        bytes.extend([0; 6]);
        bytes
    }

    #[test]
    fn reads_a_segment_laid_out_as_rfc_9293_does() {
        let TcpFrame { content, .. } = TcpFrame::parse(&syn()).unwrap();
        let expected = TcpSegment {
            source_port: 40_000,
            destination_port: 80,
            sequence: 7,
            acknowledgement: 0,
            syn: true,
            ack: false,
            rst: false,
            fin: false,
        };
        assert_eq!(content, TcpContent::Segment(expected));
    }

    #[test]
    fn turns_down_every_truncation() {
        let bytes = syn();
        for length in 0..bytes.len() {
            assert_eq!(TcpFrame::parse(&bytes[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn turns_down_fragments_and_other_ethertypes_versions_and_protocols() {
        // The flag of more fragments, the offset; ethertype, version, protocol.
        for (offset, bit) in [(20, 0x20), (21, 1), (20, 1), (12, 1), (14, 0x20), (23, 1)] {
            let mut bytes = syn();
            bytes[offset] ^= bit;
            assert_eq!(TcpFrame::parse(&bytes), None, "offset {offset}");
        }
    }

    #[test]
    fn reads_the_ports_of_a_quoted_first_fragment_only() {
        for (fragment, expected) in [([0x20, 0], true), ([0x20, 1], false), ([0, 1], false)] {
            let mut bytes = syn();
            bytes[23] = 1; // ICMP
            bytes.truncate(34);
            bytes.extend([3, 1, 0, 0, 0, 0, 0, 0]);
            bytes.extend(&syn()[14..42]);
            bytes[48..50].copy_from_slice(&fragment);
            assert_eq!(TcpFrame::parse(&bytes).is_some(), expected, "{fragment:?}");
        }
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn understands_every_segment((bytes, frame) in any_tcp_frame()) {
            prop_assert_eq!(TcpFrame::parse(&bytes), Some(frame));
        }

        #[test]
        fn understands_every_error((bytes, frame) in any_icmp_error()) {
            prop_assert_eq!(TcpFrame::parse(&bytes), Some(frame));
        }

        #[test]
        fn never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = TcpFrame::parse(&bytes);
        }

        #[test]
        fn never_panics_behind_a_good_header(
            bytes in prop_oneof![behind_good_header(0x0800), behind_good_header(0x86dd)],
        ) {
            let _ = TcpFrame::parse(&bytes);
        }

        #[test]
        fn never_panics_on_a_damaged_frame(
            bytes in damaged(prop_oneof![any_tcp_frame(), any_icmp_error()].prop_map(|(bytes, _)| bytes)),
        ) {
            let _ = TcpFrame::parse(&bytes);
        }
    }
}
