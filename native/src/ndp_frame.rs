//! Neighbour solicitations and advertisements in an Ethernet frame (RFC 4861).

use std::net::Ipv6Addr;

use etherparse::icmpv6::{
    NdpOptionSlice, NdpOptionsIterator, NeighborAdvertisementHeader, TYPE_NEIGHBOR_ADVERTISEMENT,
    TYPE_NEIGHBOR_SOLICITATION,
};
use etherparse::{
    EtherType, Ethernet2Header, Icmpv6Slice, Icmpv6Type, IpNumber, Ipv6HeaderSlice, PacketBuilder,
};
use nix::errno::Errno;

use crate::address::MacAddress;
use crate::call_error::{CallError, Result};

/// What is asked or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NdpKind {
    /// Asks for the target's link-layer address.
    Solicitation,
    /// Tells it, asked or not.
    Advertisement,
}

/// The headers of a neighbour discovery packet and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NdpFrame {
    /// Where the Ethernet header sends it.
    pub destination: MacAddress,
    /// Who the Ethernet header says sent it.
    pub source: MacAddress,
    /// Which of the two it is.
    pub kind: NdpKind,
    /// `::` in a probe for a duplicate address.
    pub source_ip: Ipv6Addr,
    /// Often a multicast group, ff02::1 or the target's solicited-node group.
    pub destination_ip: Ipv6Addr,
    /// The address asked or told about.
    pub target_ip: Ipv6Addr,
    /// The sender's Ethernet address in a solicitation (option 1), the target's in
    /// an advertisement (option 2).
    pub link_layer_address: Option<MacAddress>,
}

impl NdpFrame {
    /// `None` for anything but a solicitation or an advertisement right behind the
    /// IPv6 header. Neither the checksum nor the hop limit is looked at, nor the
    /// options behind one that is cut off or of no length.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (ethernet, payload) = Ethernet2Header::from_slice(bytes).ok()?;
        if ethernet.ether_type != EtherType::IPV6 {
            return None;
        }
        let ip = Ipv6HeaderSlice::from_slice(payload).ok()?;
        if ip.next_header() != IpNumber::IPV6_ICMP {
            return None;
        }
        let icmp = Icmpv6Slice::from_slice(payload.get(ip.slice().len()..)?).ok()?;
        let kind = match icmp.type_u8() {
            TYPE_NEIGHBOR_SOLICITATION => NdpKind::Solicitation,
            TYPE_NEIGHBOR_ADVERTISEMENT => NdpKind::Advertisement,
            _ => return None,
        };
        let (target, options) = icmp.payload().split_first_chunk::<16>()?;
        Some(Self {
            destination: MacAddress(ethernet.destination),
            source: MacAddress(ethernet.source),
            kind,
            source_ip: ip.source_addr(),
            destination_ip: ip.destination_addr(),
            target_ip: Ipv6Addr::from(*target),
            link_layer_address: link_layer_address(kind, options),
        })
    }
}

fn link_layer_address(kind: NdpKind, options: &[u8]) -> Option<MacAddress> {
    NdpOptionsIterator::from_slice(options)
        .map_while(std::result::Result::ok)
        .find_map(|option| match (kind, option) {
            (NdpKind::Solicitation, NdpOptionSlice::SourceLinkLayerAddress(option)) => {
                Some(option.link_layer_address())
            }
            (NdpKind::Advertisement, NdpOptionSlice::TargetLinkLayerAddress(option)) => {
                Some(option.link_layer_address())
            }
            _ => None,
        })
        // Longer ones are of other media than Ethernet (RFC 4861, section 4.6.1).
        .and_then(|octets| octets.try_into().ok())
        .map(MacAddress)
}

/// A neighbour solicitation to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighbourSolicitation {
    /// Where the Ethernet header sends it.
    pub destination: MacAddress,
    /// Who the Ethernet header says sent it.
    pub source: MacAddress,
    /// Who asks; `::` asks whether the address is free.
    pub source_ip: Ipv6Addr,
    /// The target itself, or its solicited-node group.
    pub destination_ip: Ipv6Addr,
    /// The address asked about.
    pub target_ip: Ipv6Addr,
    /// Where the answer is to go (option 1): whoever is asked may note it.
    pub source_link_layer: Option<MacAddress>,
}

/// A receiver drops what a router might have passed on (RFC 4861, 7.1.1 and 7.1.2).
const HOP_LIMIT: u8 = 255;

impl NeighbourSolicitation {
    /// The frame, with the checksum that it must have.
    ///
    /// Errors: `EINVAL` for a link-layer address beside the source `::`, which RFC
    /// 4861, section 4.3 rules out.
    pub fn encode(&self) -> Result<Vec<u8>> {
        if self.source_ip.is_unspecified() && self.source_link_layer.is_some() {
            let call = "a solicitation from :: with a link-layer address";
            return Err(CallError::new(call, Errno::EINVAL));
        }
        let mut payload = self.target_ip.octets().to_vec();
        if let Some(MacAddress(octets)) = self.source_link_layer {
            // Option 1, of one unit of 8 bytes.
            payload.extend([1, 1]);
            payload.extend(octets);
        }
        let packet = PacketBuilder::ethernet2(self.source.0, self.destination.0)
            .ipv6(
                self.source_ip.octets(),
                self.destination_ip.octets(),
                HOP_LIMIT,
            )
            .icmpv6(Icmpv6Type::NeighborSolicitation);
        let mut frame = Vec::with_capacity(packet.size(payload.len()));
        packet.write_to_vec(&mut frame, &payload).map_err(|cause| {
            CallError::new(format!("build a solicitation: {cause}"), Errno::EINVAL)
        })?;
        Ok(frame)
    }
}

/// Tells everybody on the link, unasked, whose an address is now (RFC 4861, 7.2.6).
///
/// `source` is the Ethernet address of whoever has it. The frame replaces what
/// others noted before.
///
/// Errors: none that these values could bring about.
pub fn encode_unsolicited_advertisement(source: MacAddress, address: Ipv6Addr) -> Result<Vec<u8>> {
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    const ALL_NODES_GROUP: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
    let mut payload = address.octets().to_vec();
    // Option 2, of one unit of 8 bytes.
    payload.extend([2, 1]);
    payload.extend(source.0);
    let told = NeighborAdvertisementHeader {
        router: false,
        solicited: false,
        r#override: true,
    };
    let packet = PacketBuilder::ethernet2(source.0, ALL_NODES_GROUP)
        .ipv6(address.octets(), ALL_NODES.octets(), HOP_LIMIT)
        .icmpv6(Icmpv6Type::NeighborAdvertisement(told));
    let mut frame = Vec::with_capacity(packet.size(payload.len()));
    packet.write_to_vec(&mut frame, &payload).map_err(|cause| {
        CallError::new(format!("build an advertisement: {cause}"), Errno::EINVAL)
    })?;
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::same_cases;
    use crate::sample_frames::{any_ndp_frame, behind_good_header, checksum_is_right, damaged};
    use proptest::prelude::*;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

    fn solicitation() -> NeighbourSolicitation {
        NeighbourSolicitation {
            destination: MacAddress([0x33, 0x33, 0xff, 0, 0, 0x12]),
            source: MAC,
            source_ip: "fd00::10".parse().unwrap(),
            destination_ip: "ff02::1:ff00:12".parse().unwrap(),
            target_ip: "fd00::12".parse().unwrap(),
            source_link_layer: Some(MAC),
        }
    }

    #[test]
    fn unsolicited_advertisement_tells_all_nodes() {
        let (mac, address) = (
            MacAddress([2, 0, 0, 0, 0, 9]),
            "2001:db8::100".parse().unwrap(),
        );
        let bytes = encode_unsolicited_advertisement(mac, address).unwrap();
        let all_nodes: Ipv6Addr = "ff02::1".parse().unwrap();
        assert!(checksum_is_right(
            address.into(),
            all_nodes.into(),
            58,
            &bytes[54..]
        ));
        // Router, solicited and override, from the highest bit on.
        assert_eq!(bytes[14 + 40 + 4], 0b0010_0000);
        let frame = NdpFrame::parse(&bytes).unwrap();
        assert_eq!(
            frame,
            NdpFrame {
                destination: MacAddress([0x33, 0x33, 0, 0, 0, 1]),
                source: mac,
                kind: NdpKind::Advertisement,
                source_ip: address,
                destination_ip: all_nodes,
                target_ip: address,
                link_layer_address: Some(mac),
            }
        );
    }

    #[test]
    fn lays_a_solicitation_out_as_rfc_4861_does() {
        let bytes = solicitation().encode().unwrap();
        assert_eq!(
            bytes[..22],
            [
                0x33, 0x33, 0xff, 0, 0, 0x12, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, // Ethernet
                0x60, 0, 0, 0, 0, 32, 58, 255, // IPv6: 32 bytes of ICMPv6, hop limit
            ]
        );
        // Type, code; behind the checksum, reserved; behind the target, the option.
        assert_eq!(bytes[54..56], [135, 0]);
        assert_eq!(bytes[58..62], [0; 4]);
        assert_eq!(
            bytes[62..78],
            "fd00::12".parse::<Ipv6Addr>().unwrap().octets()
        );
        assert_eq!(bytes[78..], [1, 1, 2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn gives_no_link_layer_address_unless_told() {
        let solicitation = NeighbourSolicitation {
            source_link_layer: None,
            ..solicitation()
        };
        let bytes = solicitation.encode().unwrap();
        assert_eq!(bytes.len(), 78);
        assert_eq!(NdpFrame::parse(&bytes).unwrap().link_layer_address, None);
    }

    #[test]
    fn has_no_link_layer_address_beside_the_unspecified_source() {
        let solicitation = NeighbourSolicitation {
            source_ip: Ipv6Addr::UNSPECIFIED,
            ..solicitation()
        };
        assert_eq!(solicitation.encode().unwrap_err().code(), "EINVAL");
    }

    #[test]
    fn turns_down_every_truncation_before_the_options() {
        let bytes = solicitation().encode().unwrap();
        for length in 0..78 {
            assert_eq!(NdpFrame::parse(&bytes[..length]), None, "{length} bytes");
        }
        for length in 78..bytes.len() {
            let frame = NdpFrame::parse(&bytes[..length]).unwrap();
            assert_eq!(frame.link_layer_address, None, "{length} bytes");
        }
    }

    #[test]
    fn turns_down_other_ethertypes_versions_protocols_and_types() {
        for offset in [12, 13, 14, 20, 54] {
            let mut bytes = solicitation().encode().unwrap();
            bytes[offset] ^= 0x10;
            assert_eq!(NdpFrame::parse(&bytes), None, "offset {offset}");
        }
    }

    #[test]
    fn takes_the_option_of_the_other_kind_for_none() {
        let mut bytes = solicitation().encode().unwrap();
        bytes[78] = 2;
        assert_eq!(NdpFrame::parse(&bytes).unwrap().link_layer_address, None);
    }

    #[test]
    fn looks_no_further_than_an_option_without_length() {
        let mut bytes = solicitation().encode().unwrap();
        bytes.splice(78..78, [14, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(NdpFrame::parse(&bytes).unwrap().link_layer_address, None);
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn understands_what_it_encodes(
            (macs, ips, link_layer) in any::<([[u8; 6]; 2], [[u8; 16]; 3], Option<[u8; 6]>)>(),
        ) {
            let solicitation = NeighbourSolicitation {
                destination: MacAddress(macs[0]),
                source: MacAddress(macs[1]),
                source_ip: ips[0].into(),
                destination_ip: ips[1].into(),
                target_ip: ips[2].into(),
                source_link_layer: link_layer.map(MacAddress),
            };
            let bytes = solicitation.encode().unwrap();
            let (source, destination) = (solicitation.source_ip, solicitation.destination_ip);
            prop_assert!(checksum_is_right(source.into(), destination.into(), 58, &bytes[54..]));
            let frame = NdpFrame {
                destination: solicitation.destination,
                source: solicitation.source,
                kind: NdpKind::Solicitation,
                source_ip: source,
                destination_ip: destination,
                target_ip: solicitation.target_ip,
                link_layer_address: solicitation.source_link_layer,
            };
            prop_assert_eq!(NdpFrame::parse(&bytes), Some(frame));
        }

        #[test]
        fn understands_every_frame((bytes, frame) in any_ndp_frame()) {
            prop_assert_eq!(NdpFrame::parse(&bytes), Some(frame));
        }

        #[test]
        fn never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = NdpFrame::parse(&bytes);
        }

        #[test]
        fn never_panics_behind_a_good_header(bytes in behind_good_header(0x86dd)) {
            let _ = NdpFrame::parse(&bytes);
        }

        // Random bytes seldom get as far as the options; these always do.
        #[test]
        fn never_panics_on_options(options in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = solicitation().encode().unwrap()[..78].to_vec();
            bytes.extend(options);
            prop_assert!(NdpFrame::parse(&bytes).is_some());
        }

        #[test]
        fn never_panics_on_a_damaged_frame(
            bytes in damaged(any_ndp_frame().prop_map(|(bytes, _)| bytes)),
        ) {
            let _ = NdpFrame::parse(&bytes);
        }
    }
}
