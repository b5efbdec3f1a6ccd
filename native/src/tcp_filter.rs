//! Which frames a tap on TCP sees.

use crate::classic_bpf::{
    Block, ETHERNET, ETHERTYPE_OFFSET, add_ipv4_header_length_to_index, drop_frame,
    index_ipv4_header_length, keep_frame, load_byte, load_byte_at_index, load_half,
    load_half_at_index, when_any_bit, when_between, when_equal, when_one_of, when_outgoing,
};
use crate::tap::Watch;
use crate::tcp_frame::TcpFrame;

/// Watches the TCP segments from and to a range of ports, and the ICMP errors that
/// quote one, those that leave and those that arrive.
///
/// Fragments are not seen, nor what has an extension header of IPv6 before it: no
/// connection of today begins with either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpWatch {
    /// The first port of the range.
    pub first_port: u16,
    /// The last port, itself in the range.
    pub last_port: u16,
    /// What leaves is not seen: each frame wakes somebody up.
    pub arriving_only: bool,
}

/// An ICMP error about IPv4 is what needs most: 14 bytes of Ethernet, 60 of IPv4
/// with all its options, 8 of ICMP, 60 of the quoted IPv4 header, 8 of its data.
const KEPT_BYTES: usize = 14 + 60 + 8 + 60 + 8;

const TCP: u32 = 6;
const ICMP: u32 = 1;
const ICMPV6: u32 = 58;
/// Unreachable, time exceeded, parameter problem (RFC 792).
pub(crate) const ICMP_ERRORS: [u8; 3] = [3, 11, 12];
/// The same of RFC 4443.
pub(crate) const ICMPV6_ERRORS: [u8; 3] = [1, 3, 4];
/// Of the quoted packet follows at least this header and 8 bytes behind it.
const ICMP_HEADER: u32 = 8;

impl Watch for TcpWatch {
    type Frame = TcpFrame;
    const ETHERTYPES: &'static [u16] = &[libc::ETH_P_IP as u16, libc::ETH_P_IPV6 as u16];
    const KEPT_BYTES: usize = KEPT_BYTES;

    fn wanted(&self) -> Block {
        let unseen = match self.arriving_only {
            true => when_outgoing(drop_frame()),
            false => Block::new(),
        };
        [
            unseen,
            load_half(ETHERTYPE_OFFSET),
            when_equal(libc::ETH_P_IP.cast_unsigned(), self.of_ipv4()),
            self.of_ipv6(),
        ]
        .concat()
    }

    fn parse(bytes: &[u8]) -> Option<TcpFrame> {
        TcpFrame::parse(bytes)
    }
}

impl TcpWatch {
    fn of_ipv4(&self) -> Block {
        let error = [
            load_byte_at_index(ETHERNET),
            when_one_of(&ICMP_ERRORS.map(u32::from), self.quoted_ipv4()),
        ];
        [
            // More fragments, or not the first.
            load_half(ETHERNET + 6),
            when_any_bit(0x3fff, drop_frame()),
            index_ipv4_header_length(ETHERNET),
            load_byte(ETHERNET + 9),
            when_equal(TCP, self.ports_at_index(ETHERNET)),
            when_equal(ICMP, error.concat()),
            drop_frame(),
        ]
        .concat()
    }

    fn quoted_ipv4(&self) -> Block {
        const QUOTED: u32 = ETHERNET + ICMP_HEADER;
        let segment = [
            // Not the first fragment: what follows are no ports.
            load_half_at_index(QUOTED + 6),
            when_any_bit(0x1fff, drop_frame()),
            add_ipv4_header_length_to_index(QUOTED),
            self.ports_at_index(QUOTED),
        ];
        [
            load_byte_at_index(QUOTED + 9),
            when_equal(TCP, segment.concat()),
            drop_frame(),
        ]
        .concat()
    }

    fn of_ipv6(&self) -> Block {
        const PAYLOAD: u32 = ETHERNET + 40;
        const QUOTED: u32 = PAYLOAD + ICMP_HEADER;
        let quoted = [
            load_byte(QUOTED + 6),
            when_equal(TCP, self.ports_at(QUOTED + 40)),
            drop_frame(),
        ];
        let error = [
            load_byte(PAYLOAD),
            when_one_of(&ICMPV6_ERRORS.map(u32::from), quoted.concat()),
        ];
        [
            load_byte(ETHERNET + 6),
            when_equal(TCP, self.ports_at(PAYLOAD)),
            when_equal(ICMPV6, error.concat()),
            drop_frame(),
        ]
        .concat()
    }

    fn ports_at(&self, offset: u32) -> Block {
        self.either_port(load_half(offset), load_half(offset + 2))
    }

    fn ports_at_index(&self, offset: u32) -> Block {
        self.either_port(load_half_at_index(offset), load_half_at_index(offset + 2))
    }

    fn either_port(&self, load_source: Block, load_destination: Block) -> Block {
        let (first, last) = (self.first_port.into(), self.last_port.into());
        let when_watched = || when_between(first, last, keep_frame(KEPT_BYTES));
        [
            load_source,
            when_watched(),
            load_destination,
            when_watched(),
            drop_frame(),
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf_interpreter::{Seen, keeps};
    use crate::same_cases;
    use crate::sample_frames::{any_icmp_error, any_ndp_frame, any_tcp_frame, damaged};
    use crate::tap::filter;
    use crate::tcp_frame::TcpContent;
    use proptest::prelude::*;

    fn any_frame() -> impl Strategy<Value = (Vec<u8>, TcpFrame)> {
        prop_oneof![any_tcp_frame(), any_icmp_error()]
    }

    const MORE_FRAGMENTS: u16 = 0x2000;
    const OFFSET: u16 = 0x1fff;

    /// The flags and the offset of a first fragment or a later one.
    fn any_fragment() -> impl Strategy<Value = u16> {
        prop_oneof![Just(MORE_FRAGMENTS), 1..=MORE_FRAGMENTS | OFFSET]
    }

    fn ports(frame: &TcpFrame) -> [u16; 2] {
        match &frame.content {
            TcpContent::Segment(segment) => [segment.source_port, segment.destination_port],
            TcpContent::IcmpError(error) => {
                [error.quoted.source_port, error.quoted.destination_port]
            }
        }
    }

    /// A range that ends near one of the frame's ports.
    fn range_near(ports: [u16; 2], which: usize, width: u16, shift: i16) -> TcpWatch {
        let first_port = ports[which].saturating_add_signed(shift);
        TcpWatch {
            first_port,
            last_port: first_port.saturating_add(width),
            arriving_only: false,
        }
    }

    fn is_watched(watch: &TcpWatch, frame: &TcpFrame) -> bool {
        let range = watch.first_port..=watch.last_port;
        ports(frame).iter().any(|port| range.contains(port))
    }

    const EVERY_PORT: TcpWatch = TcpWatch {
        first_port: 0,
        last_port: u16::MAX,
        arriving_only: false,
    };

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn keeps_what_has_a_port_of_the_range(
            (bytes, frame) in any_frame(),
            which in 0..2_usize,
            width in 0..4_u16,
            shift in -4..=1_i16,
        ) {
            let watch = range_near(ports(&frame), which, width, shift);
            let program = filter(&watch, &[]);
            let expected = is_watched(&watch, &frame);
            prop_assert_eq!(keeps(&program, Seen::arriving(&bytes)), expected);
            prop_assert_eq!(keeps(&program, Seen::leaving(&bytes)), expected);
            let arriving_only = TcpWatch { arriving_only: true, ..watch };
            let program = filter(&arriving_only, &[]);
            prop_assert_eq!(keeps(&program, Seen::arriving(&bytes)), expected);
            prop_assert!(!keeps(&program, Seen::leaving(&bytes)));
        }

        #[test]
        fn keeps_whatever_the_parser_understands_and_the_range_holds(
            bytes in damaged(any_frame().prop_map(|(bytes, _)| bytes)),
            first_port: u16,
            width: u16,
        ) {
            let last_port = first_port.saturating_add(width);
            let watch = TcpWatch { first_port, last_port, arriving_only: false };
            if let Some(frame) = TcpWatch::parse(&bytes) {
                let kept = keeps(&filter(&watch, &[]), Seen::arriving(&bytes));
                prop_assert_eq!(kept, is_watched(&watch, &frame));
            }
        }

        #[test]
        fn drops_other_traffic(
            (bytes, _) in any_frame(),
            protocol in any::<u8>().prop_filter("watched", |protocol| ![1, 6, 58].contains(protocol)),
            (ndp, _) in any_ndp_frame(),
        ) {
            let program = filter(&EVERY_PORT, &[]);
            prop_assert!(!keeps(&program, Seen::arriving(&ndp)));
            let is_ipv4 = bytes[12..14] == [0x08, 0x00];
            let mut other = bytes.clone();
            other[if is_ipv4 { 23 } else { 20 }] = protocol;
            prop_assert!(!keeps(&program, Seen::arriving(&other)));
        }

        #[test]
        fn drops_fragments_of_ipv4((bytes, _) in any_frame(), fragment in any_fragment()) {
            prop_assume!(bytes[12..14] == [0x08, 0x00]);
            let mut bytes = bytes;
            bytes[20..22].copy_from_slice(&fragment.to_be_bytes());
            prop_assert!(!keeps(&filter(&EVERY_PORT, &[]), Seen::arriving(&bytes)));
        }

        #[test]
        fn keeps_an_error_about_a_first_fragment_only(
            (bytes, _) in any_icmp_error(),
            fragment in any_fragment(),
        ) {
            prop_assume!(bytes[12..14] == [0x08, 0x00]);
            let mut bytes = bytes;
            let quoted = 14 + usize::from(bytes[14] & 0x0f) * 4 + 8;
            bytes[quoted + 6..quoted + 8].copy_from_slice(&fragment.to_be_bytes());
            let kept = keeps(&filter(&EVERY_PORT, &[]), Seen::arriving(&bytes));
            prop_assert_eq!(kept, fragment & OFFSET == 0);
            prop_assert_eq!(TcpWatch::parse(&bytes).is_some(), kept);
        }

        #[test]
        fn drops_icmp_that_is_no_error_of_delivery((bytes, frame) in any_icmp_error(), kind: u8) {
            let is_error = match frame.source_ip.is_ipv4() {
                true => ICMP_ERRORS.contains(&kind),
                false => ICMPV6_ERRORS.contains(&kind),
            };
            let mut bytes = bytes;
            let header = match frame.source_ip.is_ipv4() {
                true => usize::from(bytes[14] & 0x0f) * 4,
                false => 40,
            };
            bytes[14 + header] = kind;
            let kept = keeps(&filter(&EVERY_PORT, &[]), Seen::arriving(&bytes));
            prop_assert_eq!(kept, is_error);
        }

        #[test]
        fn a_frame_is_understood_from_what_is_kept((bytes, frame) in any_frame()) {
            let kept = &bytes[..bytes.len().min(KEPT_BYTES)];
            prop_assert_eq!(TcpWatch::parse(kept), Some(frame));
        }
    }
}
