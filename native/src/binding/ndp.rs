//! Neighbour discovery and the tap that sees it.

use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;

use super::Result;
use super::address::{ip, mac};
use super::tap_class::tap_class;
use super::until_closed::UntilClosed;
use super::worker::promise_of;
use crate::ndp_filter::NdpWatch;
use crate::ndp_frame::{self, NdpFrame, NdpKind};
use crate::tap::{Sighting, Tap};

/// A neighbour solicitation (RFC 4861, section 4.3) in an Ethernet frame.
#[napi(object)]
pub struct NeighbourSolicitation {
    /// Of the Ethernet header.
    pub source_mac: String,
    /// Of the Ethernet header: of the host that is asked, or 33:33:ff:… for the
    /// solicited-node group.
    pub destination_mac: String,
    /// Who asks; '::' asks whether the address is free.
    pub source_ip: String,
    /// The target itself, or its solicited-node group ff02::1:ff….
    pub destination_ip: String,
    /// The address that is asked about.
    pub target_ip: String,
    /// The Ethernet address to answer to (option 1), which who is asked may note.
    pub source_link_layer: Option<String>,
}

/// The frame with hop limit 255 and its checksum.
///
/// Throws EINVAL on text that is not an address, and for a source link-layer
/// address beside the source '::'.
#[napi(catch_unwind)]
pub fn encode_neighbour_solicitation(solicitation: NeighbourSolicitation) -> Result<Buffer> {
    let solicitation = ndp_frame::NeighbourSolicitation {
        destination: mac("destinationMac", &solicitation.destination_mac)?,
        source: mac("sourceMac", &solicitation.source_mac)?,
        source_ip: ip("sourceIp", &solicitation.source_ip)?,
        destination_ip: ip("destinationIp", &solicitation.destination_ip)?,
        target_ip: ip("targetIp", &solicitation.target_ip)?,
        source_link_layer: match solicitation.source_link_layer {
            Some(text) => Some(mac("sourceLinkLayer", &text)?),
            None => None,
        },
    };
    Ok(solicitation.encode()?.into())
}

/// The frame of an advertisement that nobody asked for (RFC 4861, 7.2.6): all
/// nodes hear that the address belongs to this MAC now.
///
/// Throws EINVAL on text that is not an address.
#[napi(catch_unwind)]
pub fn encode_unsolicited_advertisement(source_mac: String, address: String) -> Result<Buffer> {
    let frame = ndp_frame::encode_unsolicited_advertisement(
        mac("sourceMac", &source_mac)?,
        ip("address", &address)?,
    )?;
    Ok(frame.into())
}

/// A neighbour solicitation or advertisement. Addresses read as RFC 5952 has it.
#[napi(object)]
pub struct NdpPacket {
    /// Whether it asks or tells.
    #[napi(ts_type = "'solicitation' | 'advertisement'")]
    pub kind: String,
    /// '::' in a probe for a duplicate address.
    pub source_ip: String,
    /// Often a multicast group.
    pub destination_ip: String,
    /// The address that is asked or told about.
    pub target_ip: String,
    /// The sender's Ethernet address in a solicitation, the target's in an
    /// advertisement; either may lack it.
    pub link_layer_address: Option<String>,
}

/// A frame that an NdpTap saw.
#[napi(object)]
pub struct NdpSighting {
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
    pub packet: NdpPacket,
}

/// How an NdpTap is set up.
#[napi(object)]
pub struct NdpTapOptions {
    /// The receive buffer in bytes, which the kernel doubles; without
    /// CAP_NET_ADMIN capped at net.core.rmem_max. Default net.core.rmem_default.
    pub buffer_bytes: Option<u32>,
}

/// Sees the neighbour solicitations and advertisements that leave the given
/// interfaces and that arrive there, whatever their hop limit and checksum; not
/// those with an extension header before ICMPv6. Filters in the kernel. A frame
/// that this host injects counts as arriving. Needs CAP_NET_RAW.
#[napi]
pub struct NdpTap(UntilClosed<Tap<NdpWatch>>);

#[napi]
impl NdpTap {
    /// Watches from now on. Throws EINVAL for no interface, ENODEV, EPERM; EINVAL or
    /// ENOMEM (net.core.optmem_max) far above 2000 interfaces.
    #[napi(constructor, catch_unwind)]
    pub fn new(ifindexes: Vec<u32>, options: Option<NdpTapOptions>) -> Result<Self> {
        let buffer_bytes = options.and_then(|options| options.buffer_bytes);
        let tap = Tap::open(&ifindexes, &NdpWatch, buffer_bytes)?;
        Ok(Self(UntilClosed::new("NdpTap", tap)))
    }
}

tap_class!(NdpTap, NdpSighting, "Promise<Array<NdpSighting>>");

impl From<Sighting<NdpFrame>> for NdpSighting {
    fn from(
        Sighting {
            ifindex,
            outgoing,
            at,
            frame,
        }: Sighting<NdpFrame>,
    ) -> Self {
        let kind = match frame.kind {
            NdpKind::Solicitation => "solicitation",
            NdpKind::Advertisement => "advertisement",
        };
        Self {
            ifindex,
            outgoing,
            timestamp_us: at.as_secs_f64() * 1e6,
            source_mac: frame.source.to_string(),
            destination_mac: frame.destination.to_string(),
            packet: NdpPacket {
                kind: kind.to_owned(),
                source_ip: frame.source_ip.to_string(),
                destination_ip: frame.destination_ip.to_string(),
                target_ip: frame.target_ip.to_string(),
                link_layer_address: frame.link_layer_address.map(|mac| mac.to_string()),
            },
        }
    }
}
