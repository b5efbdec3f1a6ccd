//! Which frames a tap on TCP sees.

use crate::classic_bpf::{
    Block, ETHERNET, ETHERTYPE_OFFSET, add_ipv4_header_length_to_index, drop_frame,
    index_ipv4_header_length, keep_frame, load_byte, load_byte_at_index, load_half,
    load_half_at_index, when_any_bit, when_between, when_equal, when_one_of,
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
        [
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
