//! What is understood as a solicitation comes back when the same is sent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rs_agent_native::ndp_frame::{NdpFrame, NdpKind, NeighbourSolicitation};
use rs_agent_native_fuzz::{ADVERTISEMENT, ETHERNET_6, SOLICITATION, behind, ipv6};

const ICMPV6: &[u8] = &ipv6(58);
const TARGET: &[u8] = &[0xfd; 16];

fuzz_target!(|bytes: &[u8]| {
    let starts: &[&[&[u8]]] = &[
        &[ETHERNET_6],
        &[ETHERNET_6, ICMPV6],
        &[ETHERNET_6, ICMPV6, SOLICITATION, TARGET],
        &[ETHERNET_6, ICMPV6, ADVERTISEMENT, TARGET],
    ];
    for frame in behind(starts, bytes)
        .iter()
        .filter_map(|bytes| NdpFrame::parse(bytes))
    {
        check(frame);
    }
});

fn check(frame: NdpFrame) {
    let solicitation = NeighbourSolicitation {
        destination: frame.destination,
        source: frame.source,
        source_ip: frame.source_ip,
        destination_ip: frame.destination_ip,
        target_ip: frame.target_ip,
        source_link_layer: frame.link_layer_address,
    };
    // Refused from :: with an address: the wire may carry what is not to be sent.
    if let (NdpKind::Solicitation, Ok(sent)) = (frame.kind, solicitation.encode()) {
        assert_eq!(NdpFrame::parse(&sent), Some(frame));
    }
}
