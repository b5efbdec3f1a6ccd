//! What a tap keeps of a frame is enough to understand it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rs_agent_native::tap::Watch;
use rs_agent_native::tcp_filter::TcpWatch;
use rs_agent_native_fuzz::{
    ETHERNET_4, ETHERNET_6, UNREACHABLE_4, UNREACHABLE_6, behind, ipv4, ipv6,
};

const TCP_4: &[u8] = &ipv4(6);
const TCP_6: &[u8] = &ipv6(6);
const ICMP: &[u8] = &ipv4(1);
const ICMPV6: &[u8] = &ipv6(58);

fuzz_target!(|bytes: &[u8]| {
    let starts: &[&[&[u8]]] = &[
        &[ETHERNET_4],
        &[ETHERNET_4, TCP_4],
        &[ETHERNET_4, ICMP, UNREACHABLE_4],
        &[ETHERNET_4, ICMP, UNREACHABLE_4, TCP_4],
        &[ETHERNET_6],
        &[ETHERNET_6, TCP_6],
        &[ETHERNET_6, ICMPV6, UNREACHABLE_6],
        &[ETHERNET_6, ICMPV6, UNREACHABLE_6, TCP_6],
    ];
    for bytes in behind(starts, bytes) {
        let kept = &bytes[..bytes.len().min(TcpWatch::KEPT_BYTES)];
        assert_eq!(TcpWatch::parse(kept), TcpWatch::parse(&bytes));
    }
});
