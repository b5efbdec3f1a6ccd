//! ARP for IPv4 in an Ethernet frame (RFC 826), to bytes and from them.

use std::net::Ipv4Addr;

use etherparse::{ArpEthIpv4Packet, ArpOperation, ArpPacketSlice, EtherType, Ethernet2Header};

use crate::address::MacAddress;

/// An Ethernet header and the ARP packet behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArpFrame {
    /// Where the Ethernet header sends it.
    pub destination: MacAddress,
    /// Who the Ethernet header says sent it; the ARP sender may differ.
    pub source: MacAddress,
    /// 1 request, 2 reply.
    pub operation: u16,
    /// The ARP sender's Ethernet address.
    pub sender_mac: MacAddress,
    /// The ARP sender's address; 0.0.0.0 in a probe (RFC 5227, section 1.1).
    pub sender_ip: Ipv4Addr,
    /// The Ethernet address asked for, commonly zero in a request.
    pub target_mac: MacAddress,
    /// The address asked about.
    pub target_ip: Ipv4Addr,
}

impl ArpFrame {
    /// Bytes on the wire without padding.
    pub const LENGTH: usize = Ethernet2Header::LEN + ArpEthIpv4Packet::LEN;

    /// The frame without padding: a NIC's driver pads to 60 bytes where the
    /// medium wants it.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let header = Ethernet2Header {
            destination: self.destination.0,
            source: self.source.0,
            ether_type: EtherType::ARP,
        };
        let packet = ArpEthIpv4Packet {
            operation: ArpOperation(self.operation),
            sender_mac: self.sender_mac.0,
            sender_ipv4: self.sender_ip.octets(),
            target_mac: self.target_mac.0,
            target_ipv4: self.target_ip.octets(),
        };
        let mut frame = [0; Self::LENGTH];
        let (ethernet, arp) = frame.split_at_mut(Ethernet2Header::LEN);
        ethernet.copy_from_slice(&header.to_bytes());
        arp.copy_from_slice(&packet.to_bytes());
        frame
    }

    /// `None` for anything but a whole ARP packet for IPv4 over Ethernet. Bytes
    /// behind the packet (the padding of a short frame) are not looked at.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, payload) = Ethernet2Header::from_slice(bytes).ok()?;
        if header.ether_type != EtherType::ARP {
            return None;
        }
        let packet = ArpPacketSlice::from_slice(payload)
            .ok()?
            .to_packet()
            .try_eth_ipv4()
            .ok()?;
        Some(Self {
            destination: MacAddress(header.destination),
            source: MacAddress(header.source),
            operation: packet.operation.0,
            sender_mac: MacAddress(packet.sender_mac),
            sender_ip: packet.sender_ipv4_addr(),
            target_mac: MacAddress(packet.target_mac),
            target_ip: packet.target_ipv4_addr(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::same_cases;
    use proptest::prelude::*;

    fn probe() -> ArpFrame {
        ArpFrame {
            destination: MacAddress([0xff; 6]),
            source: MacAddress([2, 0, 0, 0, 0, 1]),
            operation: 1,
            sender_mac: MacAddress([2, 0, 0, 0, 0, 1]),
            sender_ip: Ipv4Addr::UNSPECIFIED,
            target_mac: MacAddress([0; 6]),
            target_ip: Ipv4Addr::new(10, 10, 10, 100),
        }
    }

    fn any_frame() -> impl Strategy<Value = ArpFrame> {
        any::<([u8; 6], [u8; 6], u16, [u8; 6], [u8; 4], [u8; 6], [u8; 4])>().prop_map(
            |(destination, source, operation, sender_mac, sender_ip, target_mac, target_ip)| {
                ArpFrame {
                    destination: MacAddress(destination),
                    source: MacAddress(source),
                    operation,
                    sender_mac: MacAddress(sender_mac),
                    sender_ip: sender_ip.into(),
                    target_mac: MacAddress(target_mac),
                    target_ip: target_ip.into(),
                }
            },
        )
    }

    #[test]
    fn lays_a_probe_out_as_rfc_826_does() {
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, // Ethernet
            0, 1, 0x08, 0, 6, 4, 0, 1, // hardware, protocol, their sizes, request
            2, 0, 0, 0, 0, 1, 0, 0, 0, 0, // sender
            0, 0, 0, 0, 0, 0, 10, 10, 10, 100, // target
        ];
        assert_eq!(probe().encode(), expected);
    }

    #[test]
    fn turns_down_every_truncation() {
        let bytes = probe().encode();
        for length in 0..bytes.len() {
            assert_eq!(ArpFrame::parse(&bytes[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn turns_down_other_hardware_protocols_and_sizes() {
        // Offsets of ethertype, hardware type, protocol type and the two sizes.
        for offset in [12, 13, 14, 15, 16, 17, 18, 19] {
            let mut bytes = [0; 1100];
            bytes[..ArpFrame::LENGTH].copy_from_slice(&probe().encode());
            bytes[offset] ^= 0x10;
            assert_eq!(ArpFrame::parse(&bytes), None, "offset {offset}");
        }
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn comes_back_from_its_bytes(frame in any_frame(), padding in 0..2000_usize) {
            let mut bytes = frame.encode().to_vec();
            bytes.resize(bytes.len() + padding, 0xa5);
            prop_assert_eq!(ArpFrame::parse(&bytes), Some(frame));
        }

        #[test]
        fn never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = ArpFrame::parse(&bytes);
        }

        // Random bytes seldom pass the ethertype; these always do.
        #[test]
        fn never_panics_behind_a_good_header(payload in prop::collection::vec(any::<u8>(), 0..1200)) {
            let mut bytes = probe().encode()[..14].to_vec();
            bytes.extend(payload);
            let _ = ArpFrame::parse(&bytes);
        }

        #[test]
        fn never_panics_on_a_damaged_frame(
            frame in any_frame(),
            length in 0..=ArpFrame::LENGTH,
            offset in 0..ArpFrame::LENGTH,
            value: u8,
        ) {
            let mut bytes = frame.encode();
            bytes[offset] = value;
            let _ = ArpFrame::parse(&bytes[..length]);
        }
    }
}
