//! A TCP segment like the first or the last of a real client.

use std::net::IpAddr;

use etherparse::{
    IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder, TcpHeader,
    TcpOptionElement,
};
use nix::errno::Errno;

use crate::address::MacAddress;
use crate::call_error::{CallError, Result};

/// What the segment is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpFlag {
    /// Asks for a connection.
    Syn,
    /// Ends one.
    Rst,
}

/// A segment without data to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpProbe {
    /// Where the Ethernet header sends it.
    pub destination: MacAddress,
    /// Who the Ethernet header says sent it.
    pub source: MacAddress,
    /// The client.
    pub source_ip: IpAddr,
    /// The server; of the same version of IP.
    pub destination_ip: IpAddr,
    /// The client's port.
    pub source_port: u16,
    /// The server's port.
    pub destination_port: u16,
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgement number. The flag that makes it count is not set.
    pub acknowledgement: u32,
    /// The one flag that is set.
    pub flag: TcpFlag,
}

/// What Linux sends: `net.ipv4.ip_default_ttl`, and in a SYN the window of 44
/// segments of Ethernet and the MSS of its MTU of 1500.
const HOP_LIMIT: u8 = 64;
const SYN_WINDOW: u16 = 64240;
const IPV4_MSS: u16 = 1460;
const IPV6_MSS: u16 = 1440;

impl TcpProbe {
    /// The frame, with the checksums that it must have.
    ///
    /// Errors: `EINVAL` when the addresses are not of one version of IP.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let (ip, mss) = self.ip_headers()?;
        let mut tcp = TcpHeader::new(
            self.source_port,
            self.destination_port,
            self.sequence,
            // As Linux does it in a segment that ends a connection.
            0,
        );
        tcp.acknowledgment_number = self.acknowledgement;
        match self.flag {
            TcpFlag::Rst => tcp.rst = true,
            TcpFlag::Syn => {
                tcp.syn = true;
                tcp.window_size = SYN_WINDOW;
                tcp.set_options(&[TcpOptionElement::MaximumSegmentSize(mss)])
                    .map_err(not_built)?;
            }
        }
        let packet = PacketBuilder::ethernet2(self.source.0, self.destination.0)
            .ip(ip)
            .tcp_header(tcp);
        let mut frame = Vec::with_capacity(packet.size(0));
        packet.write_to_vec(&mut frame, &[]).map_err(not_built)?;
        Ok(frame)
    }

    /// Their lengths and checksums are filled in when the frame is written.
    fn ip_headers(&self) -> Result<(IpHeaders, u16)> {
        match (self.source_ip, self.destination_ip) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let header = Ipv4Header {
                    time_to_live: HOP_LIMIT,
                    protocol: IpNumber::TCP,
                    source: source.octets(),
                    destination: destination.octets(),
                    dont_fragment: true,
                    more_fragments: false,
                    fragment_offset: IpFragOffset::ZERO,
                    ..Ipv4Header::default()
                };
                Ok((IpHeaders::Ipv4(header, Default::default()), IPV4_MSS))
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let header = Ipv6Header {
                    next_header: IpNumber::TCP,
                    hop_limit: HOP_LIMIT,
                    source: source.octets(),
                    destination: destination.octets(),
                    ..Ipv6Header::default()
                };
                Ok((IpHeaders::Ipv6(header, Default::default()), IPV6_MSS))
            }
            (source, destination) => {
                let call = format!("a segment from {source} to {destination}");
                Err(CallError::new(call, Errno::EINVAL))
            }
        }
    }
}

fn not_built(cause: impl std::fmt::Display) -> CallError {
    CallError::new(format!("build a segment: {cause}"), Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::same_cases;
    use crate::sample_frames::{checksum_is_right, sums_up_to_ones};
    use crate::tcp_frame::{TcpContent, TcpFrame, TcpSegment};
    use proptest::prelude::*;

    fn any_probe() -> impl Strategy<Value = TcpProbe> {
        let ends = prop_oneof![
            any::<[[u8; 4]; 2]>().prop_map(|ips| ips.map(IpAddr::from)),
            any::<[[u8; 16]; 2]>().prop_map(|ips| ips.map(IpAddr::from)),
        ];
        let flag = prop_oneof![Just(TcpFlag::Syn), Just(TcpFlag::Rst)];
        (ends, flag, any::<([[u8; 6]; 2], [u16; 2], [u32; 2])>()).prop_map(
            |(ips, flag, (macs, ports, numbers))| TcpProbe {
                destination: MacAddress(macs[0]),
                source: MacAddress(macs[1]),
                source_ip: ips[0],
                destination_ip: ips[1],
                source_port: ports[0],
                destination_port: ports[1],
                sequence: numbers[0],
                acknowledgement: numbers[1],
                flag,
            },
        )
    }

    fn probe(source_ip: &str, destination_ip: &str, flag: TcpFlag) -> TcpProbe {
        TcpProbe {
            destination: MacAddress([2, 0, 0, 0, 0, 1]),
            source: MacAddress([2, 0, 0, 0, 0, 2]),
            source_ip: source_ip.parse().unwrap(),
            destination_ip: destination_ip.parse().unwrap(),
            source_port: 40_000,
            destination_port: 80,
            sequence: 7,
            acknowledgement: 0,
            flag,
        }
    }

    #[test]
    fn a_syn_looks_like_that_of_a_client() {
        for (source, destination, tcp_at, mss) in [
            ("10.0.0.1", "10.0.0.2", 34, 1460_u16),
            ("fd00::1", "fd00::2", 54, 1440),
        ] {
            let bytes = probe(source, destination, TcpFlag::Syn).encode().unwrap();
            let tcp = &bytes[tcp_at..];
            // 24 bytes long, SYN, window; behind the checksum and the urgent pointer
            // the option.
            assert_eq!(tcp[12..16], [0x60, 0x02, 0xfa, 0xf0]);
            let [high, low] = mss.to_be_bytes();
            assert_eq!(tcp[20..], [2, 4, high, low]);
        }
    }

    #[test]
    fn a_rst_carries_neither_window_nor_options() {
        let bytes = probe("10.0.0.1", "10.0.0.2", TcpFlag::Rst)
            .encode()
            .unwrap();
        assert_eq!(bytes.len(), 54);
        assert_eq!(bytes[46..50], [0x50, 0x04, 0, 0]);
    }

    #[test]
    fn an_ipv4_header_is_that_of_a_packet_not_to_be_fragmented() {
        let bytes = probe("10.0.0.1", "10.0.0.2", TcpFlag::Syn)
            .encode()
            .unwrap();
        assert_eq!(bytes[14..24], [0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6]);
    }

    #[test]
    fn goes_between_addresses_of_one_version() {
        let mixed = probe("10.0.0.1", "fd00::2", TcpFlag::Syn).encode();
        assert_eq!(mixed.unwrap_err().code(), "EINVAL");
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn is_understood_and_summed_up(probe in any_probe()) {
            let bytes = probe.encode().unwrap();
            let tcp_at = if probe.source_ip.is_ipv4() { 34 } else { 54 };
            let TcpProbe { source_ip, destination_ip, .. } = probe;
            prop_assert!(checksum_is_right(source_ip, destination_ip, 6, &bytes[tcp_at..]));
            prop_assert!(source_ip.is_ipv6() || sums_up_to_ones(&bytes[14..34]));
            let segment = TcpSegment {
                source_port: probe.source_port,
                destination_port: probe.destination_port,
                sequence: probe.sequence,
                acknowledgement: probe.acknowledgement,
                syn: probe.flag == TcpFlag::Syn,
                ack: false,
                rst: probe.flag == TcpFlag::Rst,
                fin: false,
            };
            let frame = TcpFrame {
                destination: probe.destination,
                source: probe.source,
                source_ip,
                destination_ip,
                content: TcpContent::Segment(segment),
            };
            prop_assert_eq!(TcpFrame::parse(&bytes), Some(frame));
        }
    }
}
