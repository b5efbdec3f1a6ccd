//! Which frames a tap on neighbour discovery sees.

use crate::classic_bpf::{
    Block, ETHERNET, drop_frame, keep_frame, load_byte, when_equal, when_one_of,
};
use crate::ndp_frame::NdpFrame;
use crate::tap::Watch;

/// Watches neighbour solicitations and advertisements, those that leave and those
/// that arrive, whatever their hop limit. With an extension header before ICMPv6
/// they are not seen: neighbour discovery has none in practice, and the kernel
/// turns down a fragmented one (RFC 6980).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NdpWatch;

/// 14 bytes of Ethernet, 40 of IPv6, 24 up to the options, and room for them: of
/// those that Linux sends, 8 bytes are the address and 8 the nonce of RFC 7527.
const KEPT_BYTES: usize = 256;

const NEXT_HEADER_OFFSET: u32 = ETHERNET + 6;
const TYPE_OFFSET: u32 = ETHERNET + 40;
const ICMPV6: u32 = 58;
/// Neighbour solicitation and advertisement (RFC 4861).
const TYPES: [u32; 2] = [135, 136];

impl Watch for NdpWatch {
    type Frame = NdpFrame;
    const ETHERTYPES: &'static [u16] = &[libc::ETH_P_IPV6 as u16];
    const KEPT_BYTES: usize = KEPT_BYTES;

    fn wanted(&self) -> Block {
        let neighbours = [
            load_byte(TYPE_OFFSET),
            when_one_of(&TYPES, keep_frame(KEPT_BYTES)),
        ];
        [
            load_byte(NEXT_HEADER_OFFSET),
            when_equal(ICMPV6, neighbours.concat()),
            drop_frame(),
        ]
        .concat()
    }

    fn parse(bytes: &[u8]) -> Option<NdpFrame> {
        NdpFrame::parse(bytes)
    }
}
