//! TCP segments and the tap that sees them.

use std::net::IpAddr;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;

use super::Result;
use super::address::{invalid, ip, mac};
use super::tap_class::tap_class;
use super::until_closed::UntilClosed;
use super::worker::promise_of;
use crate::call_error;
use crate::tap::{Sighting, Tap};
use crate::tcp_filter::TcpWatch;
use crate::tcp_frame::{TcpContent, TcpFrame};
use crate::tcp_probe::{TcpFlag, TcpProbe};

/// A TCP segment without data in an Ethernet frame.
#[napi(object)]
pub struct TcpSegment {
    /// Of the Ethernet header.
    pub source_mac: String,
    /// Of the Ethernet header.
    pub destination_mac: String,
    /// IPv4 or IPv6.
    pub source_ip: String,
    /// Of the same version.
    pub destination_ip: String,
    /// 0 to 65535.
    pub source_port: u32,
    /// 0 to 65535.
    pub destination_port: u32,
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgement number. The flag ACK is not set, so it does not count.
    pub acknowledgement: u32,
    /// The one flag that is set. A 'syn' comes with the window (64240) and the MSS
    /// (1460, with IPv6 1440) of a client on Ethernet.
    #[napi(ts_type = "'syn' | 'rst'")]
    pub flags: String,
}

/// The frame with its checksums, hop limit 64, not to be fragmented.
///
/// Throws EINVAL on text that is not an address, addresses of two versions of IP,
/// and a port above 65535.
#[napi(catch_unwind)]
pub fn encode_tcp_segment(segment: TcpSegment) -> Result<Buffer> {
    let probe = TcpProbe {
        destination: mac("destinationMac", &segment.destination_mac)?,
        source: mac("sourceMac", &segment.source_mac)?,
        source_ip: ip::<IpAddr>("sourceIp", &segment.source_ip)?,
        destination_ip: ip::<IpAddr>("destinationIp", &segment.destination_ip)?,
        source_port: port("sourcePort", segment.source_port)?,
        destination_port: port("destinationPort", segment.destination_port)?,
        sequence: segment.sequence,
        acknowledgement: segment.acknowledgement,
        flag: match segment.flags.as_str() {
            "syn" => TcpFlag::Syn,
            "rst" => TcpFlag::Rst,
            other => return Err(invalid("flags", other).into()),
        },
    };
    Ok(probe.encode()?.into())
}

/// A segment, or an ICMP error about one. Addresses read as RFC 5952 has it.
#[napi(discriminant = "kind", discriminant_case = "kebab-case")]
pub enum TcpPacket {
    /// A TCP segment.
    Segment {
        /// Of the IP header.
        source_ip: String,
        /// Of the IP header.
        destination_ip: String,
        /// The sender's port.
        source_port: u32,
        /// The receiver's port.
        destination_port: u32,
        /// The sequence number.
        sequence: u32,
        /// The acknowledgement number; without meaning unless ack.
        acknowledgement: u32,
        /// A flag.
        syn: bool,
        /// A flag.
        ack: bool,
        /// A flag.
        rst: bool,
        /// A flag.
        fin: bool,
    },
    /// An ICMP or ICMPv6 error that quotes a segment.
    IcmpError {
        /// Who reports the error.
        source_ip: String,
        /// Who is told of it.
        destination_ip: String,
        /// 3, 11 or 12 of ICMP; 1, 3 or 4 of ICMPv6.
        #[napi(js_name = "type")]
        kind_of_error: u32,
        /// What it means depends on the type.
        code: u32,
        /// The segment that could not be delivered.
        quoted: QuotedSegment,
    },
}

/// As much of a segment as an ICMP error repeats for certain.
#[napi(object)]
pub struct QuotedSegment {
    /// Who sent it.
    pub source_ip: String,
    /// Who should have got it.
    pub destination_ip: String,
    /// The sender's port.
    pub source_port: u32,
    /// The receiver's port.
    pub destination_port: u32,
}

/// A frame that a TcpTap saw.
#[napi(object)]
pub struct TcpSighting {
    /// The interface it passed.
    pub ifindex: u32,
    /// Whether it left this host.
    pub outgoing: bool,
    /// When the kernel saw it (SO_TIMESTAMPNS): microseconds since 1970 on the
    /// system clock, with fractions to a quarter of one.
    pub timestamp_us: f64,
    /// Of the Ethernet header.
    pub source_mac: String,
    /// Of the Ethernet header.
    pub destination_mac: String,
    /// What it carries.
    pub packet: TcpPacket,
}

/// Ports from the first to the last, both included.
#[napi(object)]
pub struct PortRange {
    /// 0 to 65535.
    pub first: u32,
    /// Not below the first.
    pub last: u32,
}

/// What a TcpTap sees.
#[napi(object)]
pub struct TcpTapOptions {
    /// Segments from and to these ports.
    pub client_ports: PortRange,
    /// What leaves is not seen. Default false.
    pub arriving_only: Option<bool>,
    /// The receive buffer in bytes, which the kernel doubles; without
    /// CAP_NET_ADMIN capped at net.core.rmem_max. Default net.core.rmem_default.
    pub buffer_bytes: Option<u32>,
}

/// Sees the TCP segments from and to a range of ports that leave the given
/// interfaces and that arrive there, and the ICMP errors (of ICMP the types 3, 11
/// and 12, of ICMPv6 1, 3 and 4) that quote such a segment; not fragments, nor what
/// has an extension header of IPv6. Filters in the kernel. A frame that this host
/// injects counts as arriving. Needs CAP_NET_RAW.
#[napi]
pub struct TcpTap(UntilClosed<Tap<TcpWatch>>);

#[napi]
impl TcpTap {
    /// Watches from now on. Throws EINVAL for no interface and for what is not a range
    /// of ports, ENODEV, EPERM; EINVAL or ENOMEM (net.core.optmem_max) far above 2000
    /// interfaces.
    #[napi(constructor, catch_unwind)]
    pub fn new(ifindexes: Vec<u32>, options: TcpTapOptions) -> Result<Self> {
        let PortRange { first, last } = options.client_ports;
        if last < first {
            return Err(invalid("clientPorts", (first, last)).into());
        }
        let watch = TcpWatch {
            first_port: port("clientPorts", first)?,
            last_port: port("clientPorts", last)?,
            arriving_only: options.arriving_only.unwrap_or(false),
        };
        let tap = Tap::open(&ifindexes, &watch, options.buffer_bytes)?;
        Ok(Self(UntilClosed::new("TcpTap", tap)))
    }
}

tap_class!(TcpTap, TcpSighting, "Promise<Array<TcpSighting>>");

impl From<Sighting<TcpFrame>> for TcpSighting {
    fn from(
        Sighting {
            ifindex,
            outgoing,
            at,
            frame,
        }: Sighting<TcpFrame>,
    ) -> Self {
        Self {
            ifindex,
            outgoing,
            timestamp_us: at.as_secs_f64() * 1e6,
            source_mac: frame.source.to_string(),
            destination_mac: frame.destination.to_string(),
            packet: packet(&frame),
        }
    }
}

fn packet(frame: &TcpFrame) -> TcpPacket {
    let source_ip = frame.source_ip.to_string();
    let destination_ip = frame.destination_ip.to_string();
    match &frame.content {
        TcpContent::Segment(segment) => TcpPacket::Segment {
            source_ip,
            destination_ip,
            source_port: segment.source_port.into(),
            destination_port: segment.destination_port.into(),
            sequence: segment.sequence,
            acknowledgement: segment.acknowledgement,
            syn: segment.syn,
            ack: segment.ack,
            rst: segment.rst,
            fin: segment.fin,
        },
        TcpContent::IcmpError(error) => TcpPacket::IcmpError {
            source_ip,
            destination_ip,
            kind_of_error: error.kind.into(),
            code: error.code.into(),
            quoted: QuotedSegment {
                source_ip: error.quoted.source_ip.to_string(),
                destination_ip: error.quoted.destination_ip.to_string(),
                source_port: error.quoted.source_port.into(),
                destination_port: error.quoted.destination_port.into(),
            },
        },
    }
}

fn port(name: &str, number: u32) -> call_error::Result<u16> {
    u16::try_from(number).map_err(|_| invalid(name, number))
}
