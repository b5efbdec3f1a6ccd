//! ARP frames and the tap that sees them.

use std::net::Ipv4Addr;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;
use nix::errno::Errno;

use super::Result;
use super::until_closed::UntilClosed;
use super::worker::promise_of;
use crate::address::MacAddress;
use crate::arp_filter::Incoming;
use crate::arp_frame::ArpFrame;
use crate::arp_tap::{self, Sighting};
use crate::call_error::CallError;

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

/// What an ArpTap sees, besides the frames that leave.
#[napi(object)]
pub struct ArpTapOptions {
    /// Of the arriving ARP frames: 'probes' only those with sender IP 0.0.0.0
    /// (RFC 5227), so that a flood of others cannot fill the buffer; 'all' every
    /// one; 'none' not one.
    #[napi(ts_type = "'probes' | 'all' | 'none'")]
    pub incoming: String,
    /// The receive buffer in bytes, which the kernel doubles; without
    /// CAP_NET_ADMIN capped at net.core.rmem_max. Default net.core.rmem_default.
    pub buffer_bytes: Option<u32>,
}

/// Sees every ARP frame that leaves the given interfaces, and of the arriving
/// ones only those that its filter in the kernel lets in. A frame that this host
/// injects counts as arriving. Needs CAP_NET_RAW.
///
/// Where the NIC strips VLAN tags, a tagged ARP frame looks like an untagged one.
#[napi]
pub struct ArpTap(UntilClosed<arp_tap::ArpTap>);

#[napi]
impl ArpTap {
    /// Watches from now on. Throws EINVAL for no interface or above 2000 of them,
    /// ENODEV, EPERM.
    #[napi(constructor, catch_unwind)]
    pub fn new(ifindexes: Vec<u32>, options: ArpTapOptions) -> Result<Self> {
        let incoming = match options.incoming.as_str() {
            "probes" => Incoming::Probes,
            "all" => Incoming::All,
            "none" => Incoming::None,
            other => return Err(invalid("incoming", other).into()),
        };
        let tap = arp_tap::ArpTap::open(&ifindexes, incoming, options.buffer_bytes)?;
        Ok(Self(UntilClosed::new("ArpTap", tap)))
    }

    /// Resolves with everything queued as soon as that is anything; with [] after
    /// timeoutMs, or when the tap is closed meanwhile.
    ///
    /// Waits on a thread of its own. Rejects with ENETDOWN once when its only
    /// interface is down or went down, and with EBADF when it is closed already.
    #[napi(ts_return_type = "Promise<Array<ArpSighting>>", catch_unwind)]
    pub fn receive<'env>(&self, env: &'env Env, timeout_ms: f64) -> napi::Result<Object<'env>> {
        let tap = self.0.get();
        // The cast takes what is below 0, and what is no number, for 0.
        let timeout = Duration::from_micros((timeout_ms * 1e3) as u64);
        promise_of(env, move || Ok(sightings(tap?.receive(timeout)?)))
    }

    /// What is queued now, without waiting; of at most 4096 frames.
    /// Throws as receive() rejects.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> Result<Vec<ArpSighting>> {
        Ok(sightings(self.0.get()?.drain()?))
    }

    /// Frames that found the buffer full since the last call (PACKET_STATISTICS).
    #[napi(catch_unwind)]
    pub fn take_drop_count(&self) -> Result<u32> {
        Ok(self.0.get()?.take_drop_count()?)
    }

    /// Ends a receive() under way too. Later calls of the others throw EBADF.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        if let Some(tap) = self.0.close() {
            tap.close();
        }
    }
}

fn sightings(seen: Vec<Sighting>) -> Vec<ArpSighting> {
    seen.into_iter().map(ArpSighting::from).collect()
}

impl From<Sighting> for ArpSighting {
    fn from(
        Sighting {
            ifindex,
            outgoing,
            at,
            frame,
        }: Sighting,
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

fn mac(name: &str, text: &str) -> std::result::Result<MacAddress, CallError> {
    text.parse().map_err(|_| invalid(name, text))
}

fn ip(name: &str, text: &str) -> std::result::Result<Ipv4Addr, CallError> {
    text.parse().map_err(|_| invalid(name, text))
}

fn invalid(name: &str, value: impl std::fmt::Debug) -> CallError {
    CallError::new(format!("{name} {value:?}"), Errno::EINVAL)
}
