//! Neighbour solicitations and advertisements in an Ethernet frame (RFC 4861).

use std::net::Ipv6Addr;

use etherparse::icmpv6::{
    NdpOptionSlice, NdpOptionsIterator, TYPE_NEIGHBOR_ADVERTISEMENT, TYPE_NEIGHBOR_SOLICITATION,
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

impl NeighbourSolicitation {
    /// A receiver drops one that a router might have passed on (RFC 4861, 7.1.1).
    const HOP_LIMIT: u8 = 255;

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
                Self::HOP_LIMIT,
            )
            .icmpv6(Icmpv6Type::NeighborSolicitation);
        let mut frame = Vec::with_capacity(packet.size(payload.len()));
        packet.write_to_vec(&mut frame, &payload).map_err(|cause| {
            CallError::new(format!("build a solicitation: {cause}"), Errno::EINVAL)
        })?;
        Ok(frame)
    }
}
