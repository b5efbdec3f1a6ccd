//! What is understood as ARP is what would be sent to say the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rs_agent_native::arp_frame::ArpFrame;
use rs_agent_native_fuzz::{ARP, ARP_OF_IPV4, behind};

fuzz_target!(|bytes: &[u8]| {
    for bytes in behind(&[&[ARP], &[ARP, ARP_OF_IPV4]], bytes) {
        if let Some(frame) = ArpFrame::parse(&bytes) {
            assert_eq!(frame.encode(), bytes[..ArpFrame::LENGTH]);
        }
    }
});
