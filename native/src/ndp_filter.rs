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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf_interpreter::{Seen, keeps};
    use crate::same_cases;
    use crate::sample_frames::{any_icmp_error, any_ndp_frame, any_tcp_frame, damaged};
    use crate::tap::filter;
    use proptest::prelude::*;

    #[test]
    fn drops_a_frame_too_short_to_tell() {
        let mut bytes = [0; 55];
        bytes[12..14].copy_from_slice(&[0x86, 0xdd]);
        bytes[20] = 58;
        bytes[54] = 136;
        let program = filter(&NdpWatch, &[]);
        assert!(keeps(&program, Seen::arriving(&bytes)));
        assert!(!keeps(&program, Seen::arriving(&bytes[..54])));
    }

    #[test]
    fn drops_router_and_group_messages() {
        for icmp_type in (0..=255).filter(|icmp_type| ![135, 136].contains(icmp_type)) {
            let mut bytes = [0; 78];
            bytes[12..14].copy_from_slice(&[0x86, 0xdd]);
            bytes[20] = 58;
            bytes[54] = icmp_type;
            let program = filter(&NdpWatch, &[]);
            assert!(!keeps(&program, Seen::leaving(&bytes)), "{icmp_type}");
        }
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn keeps_every_frame_either_way((bytes, _) in any_ndp_frame()) {
            let program = filter(&NdpWatch, &[]);
            prop_assert!(keeps(&program, Seen::arriving(&bytes)));
            prop_assert!(keeps(&program, Seen::leaving(&bytes)));
        }

        #[test]
        fn drops_other_traffic((bytes, _) in prop_oneof![any_tcp_frame(), any_icmp_error()]) {
            prop_assert!(!keeps(&filter(&NdpWatch, &[]), Seen::arriving(&bytes)));
        }

        #[test]
        fn keeps_whatever_the_parser_understands(
            bytes in damaged(any_ndp_frame().prop_map(|(bytes, _)| bytes)),
        ) {
            if NdpWatch::parse(&bytes).is_some() {
                prop_assert!(keeps(&filter(&NdpWatch, &[]), Seen::arriving(&bytes)));
            }
        }

        #[test]
        fn a_frame_is_understood_from_what_is_kept((bytes, frame) in any_ndp_frame()) {
            let kept = &bytes[..bytes.len().min(KEPT_BYTES)];
            prop_assert_eq!(NdpWatch::parse(kept), Some(frame));
        }
    }
}
