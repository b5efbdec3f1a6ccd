//! Echo requests of ICMP (RFC 792) and ICMPv6 (RFC 4443), and the replies to them.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recvfrom, sendto,
    socket,
};

use crate::call_error::{CallError, During, Result};
use crate::classic_bpf::{
    Block, drop_frame, index_ipv4_header_length, keep_frame, load_byte, load_byte_at_index,
    load_half, load_half_at_index, when_equal,
};
use crate::closing::{Closing, Woken};
use crate::echo_message::{EchoMessage, IpVersion};
use crate::packet_socket;
use crate::socket_option;

/// Bounds one call: a flood may fill the socket as fast as it is emptied.
const REPLIES_PER_CALL: usize = 4096;
/// The kernel counts some 800 bytes for a reply: room for those of 1,000 hosts at once.
const BUFFER_BYTES: u32 = 1024 * 1024;
/// The longest header of IPv4 and the echo header.
const KEPT_BYTES: usize = 60 + 8;
/// Seven weeks; a moment too far off cannot be told.
const LONGEST_WAIT: Duration = Duration::from_millis(u32::MAX as u64);

/// One raw socket for any number of hosts. It receives the replies to its own
/// identifier only.
#[derive(Debug)]
pub struct EchoSocket {
    socket: OwnedFd,
    closing: Closing,
    version: IpVersion,
    identifier: u16,
}

/// A host that answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EchoReply {
    /// Of the host.
    pub address: IpAddr,
    /// Of the request.
    pub sequence: u16,
}

impl EchoSocket {
    /// `identifier` tells its replies from those to other processes of this host.
    ///
    /// Errors: `EPERM` without `CAP_NET_RAW`, `EAFNOSUPPORT`, `EMFILE`, `ENFILE`.
    pub fn open(version: IpVersion, identifier: u16) -> Result<Self> {
        let (family, protocol) = match version {
            IpVersion::V4 => (AddressFamily::Inet, SockProtocol::Icmp),
            IpVersion::V6 => (AddressFamily::Inet6, SockProtocol::IcmpV6),
        };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(family, SockType::Raw, flags, protocol)
            .during(|| format!("socket({family:?}, SOCK_RAW, ICMP)"))?;
        packet_socket::attach_filter(&socket, &filter(version, identifier))?;
        socket_option::set_receive_buffer(&socket, BUFFER_BYTES)?;
        Ok(Self {
            socket,
            closing: Closing::new()?,
            version,
            identifier,
        })
    }

    /// Asks a host, without waiting for room.
    ///
    /// Errors: those of sendto(2), such as `ENETUNREACH` without a route, `EPERM`
    /// where a firewall drops it, `EAFNOSUPPORT` for an address of the other version,
    /// `EAGAIN` and `ENOBUFS` without room.
    pub fn send(&self, address: IpAddr, sequence: u16) -> Result<()> {
        let call = || format!("sendto({address}, ICMP echo request)");
        if IpVersion::of(address) != self.version {
            return Err(CallError::new(call(), Errno::EAFNOSUPPORT));
        }
        let message = EchoMessage {
            identifier: self.identifier,
            sequence,
        };
        sendto(
            self.socket.as_raw_fd(),
            &message.encode_request(self.version),
            &SockaddrStorage::from(SocketAddr::new(address, 0)),
            MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
        )
        .map(drop)
        .during(call)
    }

    /// Waits for replies and takes all that are queued. Empty after `timeout`, or
    /// once [`EchoSocket::close`] was called.
    pub fn receive(&self, timeout: Duration) -> Result<Vec<EchoReply>> {
        let deadline = Instant::now() + timeout.min(LONGEST_WAIT);
        loop {
            match self.closing.wait(Some(self.socket.as_fd()), deadline)? {
                Woken::Closed | Woken::DeadlinePassed => return Ok(Vec::new()),
                Woken::Readable => {}
            }
            let replies = self.drain()?;
            if !replies.is_empty() {
                return Ok(replies);
            }
        }
    }

    /// Ends every [`EchoSocket::receive`].
    pub fn close(&self) {
        self.closing.close();
    }

    fn drain(&self) -> Result<Vec<EchoReply>> {
        let mut replies = Vec::new();
        let mut bytes = [0; KEPT_BYTES];
        for _ in 0..REPLIES_PER_CALL {
            match recvfrom::<SockaddrStorage>(self.socket.as_raw_fd(), &mut bytes) {
                Ok((length, from)) => replies.extend(self.reply(bytes.get(..length), from)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(CallError::new("recvfrom(ICMP)", errno)),
            }
        }
        Ok(replies)
    }

    /// `None` for what passed the filter and yet is no reply.
    fn reply(&self, bytes: Option<&[u8]>, from: Option<SockaddrStorage>) -> Option<EchoReply> {
        let message = EchoMessage::parse_reply(self.version, bytes?)?;
        let from = from?;
        let address = match self.version {
            IpVersion::V4 => IpAddr::V4(from.as_sockaddr_in()?.ip()),
            IpVersion::V6 => IpAddr::V6(from.as_sockaddr_in6()?.ip()),
        };
        (message.identifier == self.identifier).then_some(EchoReply {
            address,
            sequence: message.sequence,
        })
    }
}

/// What a raw socket is shown begins with the IP header, of IPv6 behind it (raw(7)).
fn filter(version: IpVersion, identifier: u16) -> Block {
    let identified = when_equal(identifier.into(), keep_frame(KEPT_BYTES));
    match version {
        IpVersion::V4 => {
            let replies = [load_half_at_index(4), identified].concat();
            [
                index_ipv4_header_length(0),
                load_byte_at_index(0),
                when_equal(version.reply_type().into(), replies),
                drop_frame(),
            ]
            .concat()
        }
        IpVersion::V6 => {
            let replies = [load_half(4), identified].concat();
            [
                load_byte(0),
                when_equal(version.reply_type().into(), replies),
                drop_frame(),
            ]
            .concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf_interpreter::{Seen, keeps};

    #[test]
    fn receives_replies_to_its_own_identifier_only() {
        let (own, other) = (0x1234, 0x4321);
        for (version, start, reply, request) in [
            (IpVersion::V4, vec![0x45; 20], 0, 8),
            (IpVersion::V4, vec![0x4f; 60], 0, 8),
            (IpVersion::V6, vec![], 129, 128),
        ] {
            let message = |kind: u8, identifier: u16| {
                let [high, low] = identifier.to_be_bytes();
                [start.clone(), vec![kind, 0, 0, 0, high, low, 0, 1]].concat()
            };
            let keeps = |bytes: &[u8]| keeps(&filter(version, own), Seen::arriving(bytes));
            assert!(keeps(&message(reply, own)), "{version:?}");
            assert!(!keeps(&message(reply, other)), "{version:?}");
            assert!(!keeps(&message(request, own)), "{version:?}");
        }
    }

    #[test]
    fn sends_to_its_own_version_only() {
        let socket = EchoSocket {
            socket: std::os::unix::net::UnixDatagram::unbound().unwrap().into(),
            closing: Closing::new().unwrap(),
            version: IpVersion::V4,
            identifier: 1,
        };
        let refused = socket.send("fd00::1".parse().unwrap(), 1).unwrap_err();
        assert_eq!(refused.code(), "EAFNOSUPPORT");
    }
}
