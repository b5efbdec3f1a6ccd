//! ARP frames and the tap that sees them.

use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;

use super::Result;
use super::address::{invalid, ip, mac};
use super::tap_class::tap_class;
use super::until_closed::UntilClosed;
use super::worker::promise_of;
use crate::arp_filter::{ArpWatch, Incoming};
use crate::arp_frame::ArpFrame;
use crate::arp_request;
use crate::tap::{Sighting, Tap};

/// One ARP packet for IPv4 over Ethernet (RFC 826). Ethernet addresses read
/// 'aa:bb:cc:dd:ee:ff', IPv4 addresses are dotted quads.
#[napi(object)]
pub struct ArpPacket {
    /// 1 request, 2 reply.
    pub operation: u32,
    /// The Ethernet address that the sender claims.
    pub sender_mac: String,
    /// 0.0.0.0 in a probe (RFC 5227).
    pub sender_ip: String,
    /// All zero in a request.
    pub target_mac: String,
    /// The address that is asked about, or answered to.
    pub target_ip: String,
}

/// An Ethernet frame of 42 bytes that carries the packet; the NIC pads it.
///
/// Throws EINVAL on text that is not an address and on an operation above 65535.
#[napi(catch_unwind)]
pub fn encode_arp_frame(
    destination_mac: String,
    source_mac: String,
    packet: ArpPacket,
) -> Result<Buffer> {
    let frame = ArpFrame {
        destination: mac("destinationMac", &destination_mac)?,
        source: mac("sourceMac", &source_mac)?,
        operation: u16::try_from(packet.operation)
            .map_err(|_| invalid("operation", packet.operation))?,
        sender_mac: mac("senderMac", &packet.sender_mac)?,
        sender_ip: ip("senderIp", &packet.sender_ip)?,
        target_mac: mac("targetMac", &packet.target_mac)?,
        target_ip: ip("targetIp", &packet.target_ip)?,
    };
    Ok(frame.encode().to_vec().into())
}

/// An ARP frame that a tap saw.
#[napi(object)]
pub struct ArpSighting {
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
    pub packet: ArpPacket,
}

/// What an ArpTap sees.
#[napi(object)]
pub struct ArpTapOptions {
    /// Of the arriving ARP frames: 'probes' only those with sender IP 0.0.0.0
    /// (RFC 5227), so that a flood of others cannot fill the buffer; 'replies' only
    /// those of operation 2; 'claims' only those whose ARP sender is one of
    /// `senders`; 'all' every one; 'none' not one.
    #[napi(ts_type = "'probes' | 'replies' | 'claims' | 'all' | 'none'")]
    pub incoming: String,
    /// IPv4 addresses: of the ARP frames that leave only those whose ARP sender is
    /// one of them, and none for an empty list. Left out: all that leave.
    pub senders: Option<Vec<String>>,
    /// What leaves is not seen. Default false.
    pub arriving_only: Option<bool>,
    /// The receive buffer in bytes, which the kernel doubles; without
    /// CAP_NET_ADMIN capped at net.core.rmem_max. Default net.core.rmem_default.
    pub buffer_bytes: Option<u32>,
}

/// Sees the ARP frames that leave the given interfaces, and the arriving ones, as
/// far as its filter in the kernel lets them in. A frame that this host injects
/// counts as arriving. Needs CAP_NET_RAW.
///
/// Where the NIC strips VLAN tags, a tagged ARP frame looks like an untagged one.
#[napi]
pub struct ArpTap(UntilClosed<Tap<ArpWatch>>);

#[napi]
impl ArpTap {
    /// Watches from now on. Throws EINVAL for no interface, ENODEV, EPERM. There is
    /// room for 2000 interfaces, of which a sender takes two: far beyond it EINVAL,
    /// or ENOMEM (net.core.optmem_max).
    #[napi(constructor, catch_unwind)]
    pub fn new(ifindexes: Vec<u32>, options: ArpTapOptions) -> Result<Self> {
        let incoming = match options.incoming.as_str() {
            "probes" => Incoming::Probes,
            "replies" => Incoming::Replies,
            "claims" => Incoming::Claims,
            "all" => Incoming::All,
            "none" => Incoming::None,
            other => return Err(invalid("incoming", other).into()),
        };
        let senders = options
            .senders
            .map(|texts| texts.iter().map(|text| ip("senders", text)).collect());
        let watch = ArpWatch {
            incoming,
            senders: senders.transpose()?,
            arriving_only: options.arriving_only.unwrap_or(false),
        };
        let tap = Tap::open(&ifindexes, &watch, options.buffer_bytes)?;
        Ok(Self(UntilClosed::new("ArpTap", tap)))
    }
}

tap_class!(ArpTap, ArpSighting, "Promise<Array<ArpSighting>>");

impl From<Sighting<ArpFrame>> for ArpSighting {
    fn from(
        Sighting {
            ifindex,
            outgoing,
            at,
            frame,
        }: Sighting<ArpFrame>,
    ) -> Self {
        Self {
            ifindex,
            outgoing,
            timestamp_us: at.as_secs_f64() * 1e6,
            source_mac: frame.source.to_string(),
            destination_mac: frame.destination.to_string(),
            packet: ArpPacket {
                operation: frame.operation.into(),
                sender_mac: frame.sender_mac.to_string(),
                sender_ip: frame.sender_ip.to_string(),
                target_mac: frame.target_mac.to_string(),
                target_ip: frame.target_ip.to_string(),
            },
        }
    }
}

/// Makes the kernel's own ARP code ask for an address on an interface, for a packet
/// from sourceIp, and has it forget at once whom it asked for: no entry stays in
/// the neighbour table. The request is on the wire; which sender it names is up to
/// the kernel (arp_announce). Needs CAP_NET_ADMIN and Linux 5.0.
///
/// Throws, with nothing sent, EEXIST when the table has an entry for targetIp
/// already, EADDRNOTAVAIL when sourceIp is not an address of this host, EPERM,
/// ENODEV, EINVAL on text that is not an IPv4 address; as sendto(2) fails, such as
/// ENETUNREACH while the interface is down.
#[napi(catch_unwind)]
pub fn provoke_arp_request(ifindex: u32, source_ip: String, target_ip: String) -> Result<()> {
    let source = ip("sourceIp", &source_ip)?;
    let target = ip("targetIp", &target_ip)?;
    Ok(arp_request::provoke(ifindex, source, target)?)
}
