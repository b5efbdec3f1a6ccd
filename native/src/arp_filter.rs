//! Which ARP frames a tap sees.

use std::net::Ipv4Addr;

use crate::arp_frame::ArpFrame;
use crate::classic_bpf::{
    Block, ETHERNET, drop_frame, keep_frame, load_half, load_word, when_equal, when_one_of,
    when_outgoing,
};
use crate::tap::Watch;

/// Which of the arriving ARP frames a tap sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// Only those whose ARP sender is 0.0.0.0, as in RFC 5227.
    Probes,
    /// Only those that answer, asked or not: operation 2.
    Replies,
    /// Only those that name one of the watch's senders, whatever their operation.
    Claims,
    /// Every one.
    All,
    /// Not one.
    None,
}

/// Watches ARP: what leaves, and what arrives and is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArpWatch {
    /// Which of the arriving frames.
    pub incoming: Incoming,
    /// Of the frames that leave, and of those that arrive as claims, only those
    /// with one of these as the ARP sender; without a list all of them.
    pub senders: Option<Vec<Ipv4Addr>>,
    /// What leaves is not seen.
    pub arriving_only: bool,
}

/// Bytes that the filter keeps of a frame: ARP is 42, the rest is padding.
const KEPT_BYTES: usize = 64;

// Of RFC 826: the operation behind 6 bytes of ARP, and the sender's address
// behind 14.
const OPERATION_OFFSET: u32 = ETHERNET + 6;
const SENDER_IP_OFFSET: u32 = ETHERNET + 14;
const REPLY: u32 = 2;

impl Watch for ArpWatch {
    type Frame = ArpFrame;
    const ETHERTYPES: &'static [u16] = &[libc::ETH_P_ARP as u16];
    const KEPT_BYTES: usize = KEPT_BYTES;

    fn wanted(&self) -> Block {
        let senders = self.senders.as_deref();
        let arriving = match self.incoming {
            Incoming::None => drop_frame(),
            Incoming::All => keep_frame(KEPT_BYTES),
            Incoming::Probes => keep_only_when(load_word(SENDER_IP_OFFSET), 0),
            Incoming::Replies => keep_only_when(load_half(OPERATION_OFFSET), REPLY),
            Incoming::Claims => keep_only_of(senders),
        };
        match (self.arriving_only, self.incoming) {
            (true, _) => [when_outgoing(drop_frame()), arriving].concat(),
            // Once for both ways: a list of senders takes room.
            (false, Incoming::Claims) => arriving,
            (false, _) => [when_outgoing(keep_only_of(senders)), arriving].concat(),
        }
    }

    fn parse(bytes: &[u8]) -> Option<ArpFrame> {
        ArpFrame::parse(bytes)
    }
}

fn keep_only_of(senders: Option<&[Ipv4Addr]>) -> Block {
    let Some(senders) = senders else {
        return keep_frame(KEPT_BYTES);
    };
    let senders: Vec<u32> = senders.iter().copied().map(u32::from).collect();
    [
        load_word(SENDER_IP_OFFSET),
        when_one_of(&senders, keep_frame(KEPT_BYTES)),
        drop_frame(),
    ]
    .concat()
}

fn keep_only_when(load: Block, value: u32) -> Block {
    [
        load,
        when_equal(value, keep_frame(KEPT_BYTES)),
        drop_frame(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf_interpreter::{Seen, keeps};
    use crate::same_cases;
    use crate::tap::filter;
    use libc::sock_filter;
    use proptest::prelude::*;

    const ARP: u16 = 0x0806;
    const IPV4: u16 = 0x0800;
    const REQUEST: u16 = 1;
    const REPLY: u16 = 2;
    const NOBODY: [u8; 4] = [0; 4];
    const VIP: [u8; 4] = [10, 0, 0, 100];

    fn frame(ethertype: u16, operation: u16, sender_ip: [u8; 4]) -> [u8; 42] {
        let mut bytes = [0xee; 42];
        bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
        bytes[20..22].copy_from_slice(&operation.to_be_bytes());
        bytes[28..32].copy_from_slice(&sender_ip);
        bytes
    }

    fn program(incoming: Incoming, senders: Option<Vec<Ipv4Addr>>) -> Vec<sock_filter> {
        filter(
            &ArpWatch {
                incoming,
                senders,
                arriving_only: false,
            },
            &[],
        )
    }

    fn arriving_only(incoming: Incoming, senders: Option<Vec<Ipv4Addr>>) -> Vec<sock_filter> {
        filter(
            &ArpWatch {
                incoming,
                senders,
                arriving_only: true,
            },
            &[],
        )
    }

    #[test]
    fn lets_in_the_wanted_of_what_arrives() {
        for (incoming, ethertype, operation, sender_ip, expected) in [
            (Incoming::None, ARP, REQUEST, NOBODY, false),
            (Incoming::Probes, ARP, REQUEST, NOBODY, true),
            (Incoming::Probes, ARP, REQUEST, [0, 0, 0, 1], false),
            (Incoming::Replies, ARP, REPLY, VIP, true),
            (Incoming::Replies, ARP, REQUEST, VIP, false),
            (Incoming::Replies, ARP, 0x0102, VIP, false),
            (Incoming::Replies, IPV4, REPLY, VIP, false),
            (Incoming::All, ARP, REQUEST, VIP, true),
            (Incoming::All, IPV4, REQUEST, NOBODY, false),
        ] {
            let bytes = frame(ethertype, operation, sender_ip);
            // Whose frames may leave does not matter to those that arrive.
            for senders in [None, Some(Vec::new())] {
                let kept = keeps(&program(incoming, senders), Seen::arriving(&bytes));
                assert_eq!(kept, expected, "{incoming:?} {ethertype:#x} {operation}");
            }
        }
    }

    #[test]
    fn lets_in_all_that_leaves_or_only_what_names_a_sender() {
        for (senders, sender_ip, expected) in [
            (None, NOBODY, true),
            (None, VIP, true),
            (Some(vec![]), VIP, false),
            (Some(vec![VIP.into()]), VIP, true),
            (Some(vec![VIP.into()]), NOBODY, false),
            (Some(vec![Ipv4Addr::LOCALHOST, VIP.into()]), VIP, true),
        ] {
            for operation in [REQUEST, REPLY] {
                let bytes = frame(ARP, operation, sender_ip);
                let kept = keeps(
                    &program(Incoming::None, senders.clone()),
                    Seen::leaving(&bytes),
                );
                assert_eq!(kept, expected, "{senders:?} {sender_ip:?}");
            }
        }
        let ipv4 = frame(IPV4, REPLY, VIP);
        assert!(!keeps(&program(Incoming::All, None), Seen::leaving(&ipv4)));
    }

    #[test]
    fn lets_in_the_claims_of_a_sender_both_ways_or_only_as_they_arrive() {
        for (senders, ethertype, sender_ip, expected) in [
            (None, ARP, NOBODY, true),
            (Some(vec![]), ARP, VIP, false),
            (Some(vec![VIP.into()]), ARP, VIP, true),
            (Some(vec![VIP.into()]), ARP, NOBODY, false),
            (Some(vec![Ipv4Addr::LOCALHOST, VIP.into()]), ARP, VIP, true),
            (Some(vec![VIP.into()]), IPV4, VIP, false),
        ] {
            let both = program(Incoming::Claims, senders.clone());
            let arriving = arriving_only(Incoming::Claims, senders.clone());
            for operation in [REQUEST, REPLY] {
                let bytes = frame(ethertype, operation, sender_ip);
                for program in [&both, &arriving] {
                    let kept = keeps(program, Seen::arriving(&bytes));
                    assert_eq!(kept, expected, "{senders:?} {sender_ip:?}");
                }
                let kept = keeps(&both, Seen::leaving(&bytes));
                assert_eq!(kept, expected, "leaving: {senders:?} {sender_ip:?}");
                assert!(!keeps(&arriving, Seen::leaving(&bytes)));
            }
        }
    }

    #[test]
    fn sees_nothing_that_leaves_when_only_what_arrives_is_wanted() {
        let reply = frame(ARP, REPLY, VIP);
        for incoming in [Incoming::None, Incoming::Replies, Incoming::All] {
            let program = arriving_only(incoming, None);
            assert!(!keeps(&program, Seen::leaving(&reply)), "{incoming:?}");
            let kept = keeps(&program, Seen::arriving(&reply));
            assert_eq!(kept, incoming != Incoming::None);
        }
    }

    #[test]
    fn drops_a_frame_too_short_to_tell() {
        let bytes = frame(ARP, REPLY, NOBODY);
        let cut = |length| Seen::arriving(&bytes[..length]);
        assert!(!keeps(&program(Incoming::Probes, None), cut(31)));
        assert!(!keeps(&program(Incoming::Replies, None), cut(21)));
        let senders = Some(vec![Ipv4Addr::UNSPECIFIED]);
        assert!(!keeps(
            &program(Incoming::None, senders),
            Seen::leaving(&bytes[..31])
        ));
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn shows_what_leaves_of_any_number_of_senders(
            senders in prop::collection::vec(0..2000_u32, 0..1000),
            sender in 0..2000_u32,
        ) {
            let senders: Vec<Ipv4Addr> = senders.into_iter().map(Ipv4Addr::from).collect();
            let bytes = frame(ARP, REQUEST, sender.to_be_bytes());
            let expected = senders.contains(&sender.into());
            let program = program(Incoming::Replies, Some(senders));
            prop_assert_eq!(keeps(&program, Seen::leaving(&bytes)), expected);
        }

        // What the filter keeps of a frame is all that the parser gets.
        #[test]
        fn a_frame_is_understood_from_what_is_kept(sender_ip: [u8; 4], padding in 0..1400_usize) {
            let mut bytes = frame(ARP, REPLY, sender_ip).to_vec();
            bytes[14..20].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
            bytes.resize(bytes.len() + padding, 0);
            let kept = &bytes[..bytes.len().min(KEPT_BYTES)];
            prop_assert_eq!(ArpWatch::parse(kept), ArpWatch::parse(&bytes));
            prop_assert!(ArpWatch::parse(kept).is_some());
        }
    }
}
