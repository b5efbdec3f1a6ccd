//! Packet sockets: the steps that opening one takes, see packet(7).

use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, sock_filter, sock_fprog, sockaddr_ll, socklen_t, tpacket_stats};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::call_error::{CallError, During, Result};

/// What a packet socket receives once it is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receives {
    /// Arriving and leaving frames. A socket bound to one ethertype, be it
    /// `ETH_P_ARP`, is never shown the frames that leave.
    Everything,
    /// No frame: the socket is for sending.
    Nothing,
}

/// A raw packet socket that receives nothing until [`bind`]: were its protocol
/// set here, frames of every interface would queue before filter and bind.
///
/// Errors: `EPERM` without `CAP_NET_RAW`, `EAFNOSUPPORT` without `CONFIG_PACKET`.
pub fn open() -> Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Packet, SockType::Raw, flags, None).during(|| "socket(AF_PACKET)")
}

/// Binds to one interface, or to all of them with `ifindex` 0.
///
/// Errors: `ENODEV` when no such interface exists. One that is down is taken: the
/// socket reports `ENETDOWN` when it is used, and works once the interface is up.
pub fn bind(socket: &OwnedFd, receives: Receives, ifindex: u32) -> Result<()> {
    let protocol = match receives {
        Receives::Everything => libc::ETH_P_ALL as u16,
        Receives::Nothing => 0,
    };
    let call = || format!("bind(AF_PACKET, ifindex {ifindex})");
    // The kernel's index is an int; a number beyond it names no interface.
    let sll_ifindex =
        c_int::try_from(ifindex).map_err(|_| CallError::new(call(), Errno::ENODEV))?;
    let address = sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: protocol.to_be(),
        sll_ifindex,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer and the length describe `address`, which outlives the
    // call; the kernel copies it.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            mem::size_of_val(&address) as socklen_t,
        )
    };
    Errno::result(result).map(drop).during(call)
}

/// Attaches a classic BPF program. Errors: `EINVAL` when the kernel's check
/// turns the program down, `ENOMEM` beyond net.core.optmem_max.
pub fn attach_filter(socket: &OwnedFd, program: &[sock_filter]) -> Result<()> {
    let call = || {
        format!(
            "setsockopt(SO_ATTACH_FILTER, {} instructions)",
            program.len()
        )
    };
    let filter = sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| CallError::new(call(), Errno::EINVAL))?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: `filter` points at `len` instructions of `program`; both outlive
    // the call, and the kernel only reads and copies them.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast(),
            mem::size_of_val(&filter) as socklen_t,
        )
    };
    Errno::result(result).map(drop).during(call)
}

/// Frames that found the receive buffer full since the last call.
pub fn take_drop_count(socket: &OwnedFd) -> Result<u32> {
    let mut statistics = tpacket_stats {
        tp_packets: 0,
        tp_drops: 0,
    };
    let mut size = mem::size_of_val(&statistics) as socklen_t;
    // SAFETY: the kernel writes at most `size` bytes to `statistics`, which are
    // all of it, and the length it wrote to `size`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut statistics).cast(),
            &raw mut size,
        )
    };
    Errno::result(result)
        .map(|_| statistics.tp_drops)
        .during(|| "getsockopt(PACKET_STATISTICS)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arp_filter::{ArpWatch, Incoming};
    use crate::bpf_interpreter::{Seen, keeps};
    use crate::ndp_filter::NdpWatch;
    use crate::same_cases;
    use crate::sample_frames::{any_icmp_error, any_ndp_frame, any_tcp_frame, damaged};
    use crate::tap::filter;
    use crate::tcp_filter::TcpWatch;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;
    use std::os::unix::net::UnixDatagram;

    /// A socket that anybody may open, to see what the kernel makes of a filter.
    /// To it every datagram is a frame that arrives.
    fn filtered(program: &[sock_filter]) -> Result<(UnixDatagram, UnixDatagram)> {
        let (sender, receiver) = UnixDatagram::pair().unwrap();
        receiver.set_nonblocking(true).unwrap();
        let receiver = OwnedFd::from(receiver);
        attach_filter(&receiver, program)?;
        Ok((sender, receiver.into()))
    }

    fn arp(incoming: Incoming, sender_count: u32) -> ArpWatch {
        // From 192.0.0.0 on: the kernel takes two instructions for such a number.
        let addresses = (0..sender_count).map(|number| Ipv4Addr::from(0xc000_0000 + number));
        ArpWatch {
            incoming,
            senders: Some(addresses.collect()),
            arriving_only: false,
        }
    }

    fn frame(ethertype: u16, operation: u16, sender_ip: [u8; 4]) -> [u8; 42] {
        let mut bytes = [0xee; 42];
        bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
        bytes[20..22].copy_from_slice(&operation.to_be_bytes());
        bytes[28..32].copy_from_slice(&sender_ip);
        bytes
    }

    #[test]
    fn the_kernel_runs_the_filter_of_an_arp_tap() {
        let (arp_type, ipv4_type) = (0x0806, 0x0800);
        for (incoming, ethertype, operation, sender_ip, expected) in [
            (Incoming::Probes, arp_type, 1, [0; 4], true),
            (Incoming::Probes, arp_type, 1, [10, 0, 0, 1], false),
            (Incoming::Probes, ipv4_type, 1, [0; 4], false),
            (Incoming::Replies, arp_type, 2, [10, 0, 0, 1], true),
            (Incoming::Replies, arp_type, 1, [10, 0, 0, 1], false),
            (Incoming::All, arp_type, 1, [10, 0, 0, 1], true),
            (Incoming::All, ipv4_type, 1, [0; 4], false),
            (Incoming::None, arp_type, 1, [0; 4], false),
            (Incoming::Claims, arp_type, 1, [192, 0, 0, 1], true),
            (Incoming::Claims, arp_type, 2, [192, 0, 0, 1], true),
            (Incoming::Claims, arp_type, 2, [10, 0, 0, 1], false),
            (Incoming::Claims, ipv4_type, 2, [192, 0, 0, 1], false),
        ] {
            let (sender, receiver) = filtered(&filter(&arp(incoming, 600), &[])).unwrap();
            sender
                .send(&frame(ethertype, operation, sender_ip))
                .unwrap();
            let received = receiver.recv(&mut [0; 64]).is_ok();
            assert_eq!(
                received, expected,
                "{incoming:?} {ethertype:#x} {operation} {sender_ip:?}"
            );
        }
    }

    #[test]
    fn the_kernel_has_room_for_2000_interfaces_or_1000_senders() {
        let interfaces: Vec<u32> = (1..=2000).collect();
        assert!(filtered(&filter(&arp(Incoming::All, 0), &interfaces)).is_ok());
        assert!(filtered(&filter(&arp(Incoming::All, 1000), &[])).is_ok());
        assert!(filtered(&filter(&arp(Incoming::Claims, 1000), &[])).is_ok());
    }

    #[test]
    fn says_so_when_the_filter_is_too_long() {
        let interfaces: Vec<u32> = (1..=40_000).collect();
        let refused = filtered(&filter(&arp(Incoming::All, 0), &interfaces));
        assert_eq!(refused.unwrap_err().code(), "EINVAL");
    }

    /// As the kernel does it.
    fn kernel_keeps(program: &[sock_filter], frame: &[u8]) -> bool {
        let (sender, receiver) = filtered(program).unwrap();
        // A frame that the filter drops is not sent: EPERM.
        let _ = sender.send(frame);
        receiver.recv(&mut [0; 64]).is_ok()
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        // What the other tests find out about the filters holds for the kernel.
        #[test]
        fn the_kernel_runs_the_filters_as_the_tests_do(
            bytes in damaged(
                prop_oneof![any_ndp_frame().prop_map(|(bytes, _)| bytes),
                    any_tcp_frame().prop_map(|(bytes, _)| bytes),
                    any_icmp_error().prop_map(|(bytes, _)| bytes)],
            ),
            first_port: u16,
            width: u16,
        ) {
            let last_port = first_port.saturating_add(width);
            for program in [
                filter(&NdpWatch, &[]),
                filter(&TcpWatch { first_port, last_port, arriving_only: false }, &[]),
                filter(&arp(Incoming::Replies, 3), &[]),
                filter(&arp(Incoming::Claims, 3), &[]),
            ] {
                let expected = keeps(&program, Seen::arriving(&bytes));
                prop_assert_eq!(kernel_keeps(&program, &bytes), expected);
            }
        }
    }
}
