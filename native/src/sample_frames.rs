//! Frames for tests: any good one, and what a wire might make of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{
    EtherType, Ethernet2Header, IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, Ipv6Header,
    TcpHeader,
};
use proptest::prelude::*;

use crate::address::MacAddress;
use crate::ndp_frame::{NdpFrame, NdpKind};
use crate::tcp_frame::{IcmpError, QuotedSegment, TcpContent, TcpFrame, TcpSegment};

const DESTINATION: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const SOURCE: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

/// Both addresses of a packet, and the options of its header if it has such.
#[derive(Debug, Clone)]
enum Ends {
    V4([u8; 4], [u8; 4], Vec<u8>),
    V6([u8; 16], [u8; 16]),
}

impl Ends {
    fn addresses(&self) -> (IpAddr, IpAddr) {
        match self {
            Self::V4(source, destination, _) => (
                Ipv4Addr::from(*source).into(),
                Ipv4Addr::from(*destination).into(),
            ),
            Self::V6(source, destination) => (
                Ipv6Addr::from(*source).into(),
                Ipv6Addr::from(*destination).into(),
            ),
        }
    }

    fn ethertype(&self) -> EtherType {
        match self {
            Self::V4(..) => EtherType::IPV4,
            Self::V6(..) => EtherType::IPV6,
        }
    }

    fn icmp(&self) -> IpNumber {
        match self {
            Self::V4(..) => IpNumber::ICMP,
            Self::V6(..) => IpNumber::IPV6_ICMP,
        }
    }

    fn packet(&self, protocol: IpNumber, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::V4(source, destination, options) => {
                let header = Ipv4Header {
                    total_len: (20 + options.len() + payload.len()) as u16,
                    time_to_live: 64,
                    protocol,
                    source: *source,
                    destination: *destination,
                    options: Ipv4Options::try_from(options.as_slice()).unwrap(),
                    fragment_offset: IpFragOffset::ZERO,
                    ..Ipv4Header::default()
                };
                header.write(&mut bytes).unwrap();
            }
            Self::V6(source, destination) => {
                let header = Ipv6Header {
                    payload_length: payload.len() as u16,
                    next_header: protocol,
                    hop_limit: 255,
                    source: *source,
                    destination: *destination,
                    ..Ipv6Header::default()
                };
                header.write(&mut bytes).unwrap();
            }
        }
        bytes.extend(payload);
        bytes
    }
}

fn any_ends() -> impl Strategy<Value = Ends> {
    let options =
        (0..=10_usize).prop_flat_map(|words| prop::collection::vec(any::<u8>(), words * 4));
    prop_oneof![
        (any::<[u8; 4]>(), any::<[u8; 4]>(), options)
            .prop_map(|(source, destination, options)| Ends::V4(source, destination, options)),
        any::<([u8; 16], [u8; 16])>()
            .prop_map(|(source, destination)| Ends::V6(source, destination)),
    ]
}

fn any_segment() -> impl Strategy<Value = TcpSegment> {
    any::<(u16, u16, u32, u32, bool, bool, bool, bool)>().prop_map(
        |(source_port, destination_port, sequence, acknowledgement, syn, ack, rst, fin)| {
            TcpSegment {
                source_port,
                destination_port,
                sequence,
                acknowledgement,
                syn,
                ack,
                rst,
                fin,
            }
        },
    )
}

fn segment_bytes(segment: &TcpSegment, options: &[u8], data: &[u8]) -> Vec<u8> {
    let mut header = TcpHeader::new(
        segment.source_port,
        segment.destination_port,
        segment.sequence,
        1,
    );
    header.acknowledgment_number = segment.acknowledgement;
    (header.syn, header.ack) = (segment.syn, segment.ack);
    (header.rst, header.fin) = (segment.rst, segment.fin);
    header.set_options_raw(options).unwrap();
    let mut bytes = Vec::new();
    header.write(&mut bytes).unwrap();
    bytes.extend(data);
    bytes
}

fn ethernet(ethertype: EtherType, payload: Vec<u8>) -> Vec<u8> {
    let header = Ethernet2Header {
        destination: DESTINATION.0,
        source: SOURCE.0,
        ether_type: ethertype,
    };
    [header.to_bytes().to_vec(), payload].concat()
}

fn tcp_frame(ends: &Ends, content: TcpContent) -> TcpFrame {
    let (source_ip, destination_ip) = ends.addresses();
    TcpFrame {
        destination: DESTINATION,
        source: SOURCE,
        source_ip,
        destination_ip,
        content,
    }
}

/// A segment of either version of IP, and what it says.
pub fn any_tcp_frame() -> impl Strategy<Value = (Vec<u8>, TcpFrame)> {
    let options =
        (0..=10_usize).prop_flat_map(|words| prop::collection::vec(any::<u8>(), words * 4));
    let data = prop::collection::vec(any::<u8>(), 0..1400);
    (any_ends(), any_segment(), options, data).prop_map(|(ends, segment, options, data)| {
        let packet = ends.packet(IpNumber::TCP, &segment_bytes(&segment, &options, &data));
        let frame = tcp_frame(&ends, TcpContent::Segment(segment));
        (ethernet(ends.ethertype(), packet), frame)
    })
}

/// An ICMP error about a segment, which it quotes 8 bytes of or more.
pub fn any_icmp_error() -> impl Strategy<Value = (Vec<u8>, TcpFrame)> {
    let quoted_bytes = 8..=20_usize;
    (
        any_ends(),
        any_ends(),
        any_segment(),
        0..3_usize,
        any::<u8>(),
        quoted_bytes,
    )
        // Of one version of IP.
        .prop_filter("both versions", |(ends, inner, ..)| {
            ends.ethertype() == inner.ethertype()
        })
        .prop_map(|(ends, inner, segment, kind, code, quoted_bytes)| {
            let kind = match ends {
                Ends::V4(..) => [3, 11, 12][kind],
                Ends::V6(..) => [1, 3, 4][kind],
            };
            let segment_start = &segment_bytes(&segment, &[], &[])[..quoted_bytes];
            let mut icmp = vec![kind, code, 0, 0, 0, 0, 0, 0];
            icmp.extend(inner.packet(IpNumber::TCP, segment_start));
            let (source_ip, destination_ip) = inner.addresses();
            let quoted = QuotedSegment {
                source_ip,
                destination_ip,
                source_port: segment.source_port,
                destination_port: segment.destination_port,
            };
            let error = TcpContent::IcmpError(IcmpError { kind, code, quoted });
            let packet = ends.packet(ends.icmp(), &icmp);
            (ethernet(ends.ethertype(), packet), tcp_frame(&ends, error))
        })
}

/// A solicitation or an advertisement with options of any kind, and what it says.
pub fn any_ndp_frame() -> impl Strategy<Value = (Vec<u8>, NdpFrame)> {
    let kind = prop_oneof![Just(NdpKind::Solicitation), Just(NdpKind::Advertisement)];
    // Of other types than 1 to 5, which have a form of their own.
    let option = (6..=255_u8, 1..4_u8).prop_map(|(kind, units)| {
        let mut bytes = vec![0xa5; usize::from(units) * 8];
        bytes[..2].copy_from_slice(&[kind, units]);
        bytes
    });
    let others = prop::collection::vec(option, 0..4);
    let address = prop::option::of(any::<[u8; 6]>());
    (kind, any::<[[u8; 16]; 3]>(), others, address).prop_map(|(kind, ips, others, address)| {
        let (icmp_type, option_type) = match kind {
            NdpKind::Solicitation => (135, 1),
            NdpKind::Advertisement => (136, 2),
        };
        let mut icmp = vec![icmp_type, 0, 0, 0, 0, 0, 0, 0];
        icmp.extend(ips[2]);
        icmp.extend(others.concat());
        if let Some(octets) = address {
            icmp.extend([option_type, 1]);
            icmp.extend(octets);
        }
        let packet = Ends::V6(ips[0], ips[1]).packet(IpNumber::IPV6_ICMP, &icmp);
        let frame = NdpFrame {
            destination: DESTINATION,
            source: SOURCE,
            kind,
            source_ip: ips[0].into(),
            destination_ip: ips[1].into(),
            target_ip: ips[2].into(),
            link_layer_address: address.map(MacAddress),
        };
        (ethernet(EtherType::IPV6, packet), frame)
    })
}

/// A frame with bytes changed among its headers, and cut off somewhere.
pub fn damaged(frame: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((0..160_usize, any::<u8>()), 0..4);
    // Mostly whole: what was cut off soon looks alike.
    let length = prop_oneof![Just(usize::MAX), 0..200_usize];
    (frame, changes, length).prop_map(|(mut bytes, changes, length)| {
        for (offset, value) in changes {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte = value;
            }
        }
        bytes.truncate(length);
        bytes
    })
}

/// Anything behind an Ethernet header of `ethertype`, with enough sense in its
/// IP header to get past it at times.
pub fn behind_good_header(ethertype: u16) -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![Just(0x45_u8), Just(0x4f), Just(0x60), any::<u8>()];
    let payload = prop::collection::vec(any::<u8>(), 0..400);
    (start, payload).prop_map(move |(start, mut payload)| {
        if let Some(first) = payload.first_mut() {
            *first = start;
        }
        ethernet(EtherType(ethertype), payload)
    })
}

/// Whether the checksum in `payload`, behind a header of these addresses, is right
/// (RFC 1071): with it, all sums up to ones.
pub fn checksum_is_right(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    payload: &[u8],
) -> bool {
    let mut summed = Vec::new();
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => summed.extend(address.octets()),
            IpAddr::V6(address) => summed.extend(address.octets()),
        }
    }
    summed.extend((payload.len() as u32).to_be_bytes());
    summed.extend(u32::from(protocol).to_be_bytes());
    summed.extend(payload);
    sums_up_to_ones(&summed)
}

/// As the header of IPv4 does by itself.
pub fn sums_up_to_ones(bytes: &[u8]) -> bool {
    let sum: u64 = bytes
        .chunks(2)
        .map(|pair| u64::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u64::from))
        .sum();
    // Ones' complement: a multiple of 0xffff, but zero only for nothing but zeros.
    sum > 0 && sum.is_multiple_of(0xffff)
}
