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
