//! The messages of ping, as bytes.

use std::net::IpAddr;

use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type};

/// Of IP, and so of ICMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    /// ICMP, RFC 792.
    V4,
    /// ICMPv6, RFC 4443.
    V6,
}

impl IpVersion {
    /// Of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The type of an echo reply.
    pub fn reply_type(self) -> u8 {
        match self {
            Self::V4 => 0,
            Self::V6 => 129,
        }
    }
}

/// What a reply repeats of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EchoMessage {
    /// Of the one who asks.
    pub identifier: u16,
    /// Of the question.
    pub sequence: u16,
}

const ICMPV6_ECHO_REQUEST: u8 = 128;
const HEADER_BYTES: usize = 8;

impl EchoMessage {
    /// Without data. The checksum of ICMPv6 is left to the kernel, which fills it in
    /// (RFC 3542, 3.1).
    pub fn encode_request(self, version: IpVersion) -> [u8; HEADER_BYTES] {
        let echo = IcmpEchoHeader {
            id: self.identifier,
            seq: self.sequence,
        };
        match version {
            IpVersion::V4 => {
                let header = Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(echo), &[]);
                let [high, low] = header.checksum.to_be_bytes();
                with_echo([8, 0, high, low], echo)
            }
            IpVersion::V6 => with_echo([ICMPV6_ECHO_REQUEST, 0, 0, 0], echo),
        }
    }

    /// As a raw socket receives it: IPv4 with its header, IPv6 without. `None` for
    /// what is no echo reply.
    pub fn parse_reply(version: IpVersion, bytes: &[u8]) -> Option<Self> {
        let start = match version {
            IpVersion::V4 => usize::from(bytes.first()? & 0x0f) * 4,
            IpVersion::V6 => 0,
        };
        let header: &[u8; HEADER_BYTES] = bytes.get(start..)?.first_chunk()?;
        let [kind, code, _, _, id_high, id_low, seq_high, seq_low] = *header;
        (kind == version.reply_type() && code == 0).then_some(Self {
            identifier: u16::from_be_bytes([id_high, id_low]),
            sequence: u16::from_be_bytes([seq_high, seq_low]),
        })
    }
}

fn with_echo(start: [u8; 4], echo: IcmpEchoHeader) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = start;
    let [e, f, g, h] = echo.to_bytes();
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::same_cases;
    use etherparse::Icmpv4Slice;
    use proptest::prelude::*;

    const MESSAGE: EchoMessage = EchoMessage {
        identifier: 0x1234,
        sequence: 0xabcd,
    };

    #[test]
    fn a_request_of_ipv4_has_its_checksum() {
        let bytes = MESSAGE.encode_request(IpVersion::V4);
        // The words and their checksum add up to all ones (RFC 1071).
        let sum: u32 = bytes
            .chunks(2)
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
            .sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        let Icmpv4Type::EchoRequest(echo) = Icmpv4Slice::from_slice(&bytes).unwrap().icmp_type()
        else {
            panic!("no echo request");
        };
        assert_eq!((echo.id, echo.seq), (0x1234, 0xabcd));
    }

    #[test]
    fn a_request_of_ipv6_leaves_the_checksum_to_the_kernel() {
        assert_eq!(
            MESSAGE.encode_request(IpVersion::V6),
            [128, 0, 0, 0, 0x12, 0x34, 0xab, 0xcd]
        );
    }

    #[test]
    fn a_reply_is_behind_the_ip_header_however_long() {
        for words in 5..=15_u8 {
            let mut bytes = vec![0x40 | words; usize::from(words) * 4];
            bytes.extend([0, 0, 0, 0, 0x12, 0x34, 0xab, 0xcd]);
            assert_eq!(
                EchoMessage::parse_reply(IpVersion::V4, &bytes),
                Some(MESSAGE)
            );
        }
        let bytes = [129, 0, 0, 0, 0x12, 0x34, 0xab, 0xcd];
        assert_eq!(
            EchoMessage::parse_reply(IpVersion::V6, &bytes),
            Some(MESSAGE)
        );
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn anything_is_a_reply_or_is_not(bytes: Vec<u8>) {
            for version in [IpVersion::V4, IpVersion::V6] {
                let _ = EchoMessage::parse_reply(version, &bytes);
            }
        }

        #[test]
        fn a_request_is_no_reply(identifier: u16, sequence: u16) {
            let request = EchoMessage { identifier, sequence };
            let mut bytes = vec![0x45; 20];
            bytes.extend(request.encode_request(IpVersion::V4));
            prop_assert_eq!(EchoMessage::parse_reply(IpVersion::V4, &bytes), None);
            let bytes = request.encode_request(IpVersion::V6);
            prop_assert_eq!(EchoMessage::parse_reply(IpVersion::V6, &bytes), None);
        }
    }
}
