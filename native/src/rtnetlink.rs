//! One request at a time to the kernel's routing tables, rtnetlink(7): for what
//! must follow at once on something else. Node does the rest.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, sendto,
    socket,
};

use crate::call_error::{During, Result};

/// `struct nlmsghdr`: length, type, flags, sequence number, port.
const HEADER: usize = 16;
/// Messages and attributes begin at multiples of it.
const ALIGNMENT: usize = 4;

/// A request with its family's header and attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request(Vec<u8>);

impl Request {
    /// A request of the type `kind` (`RTM_…`). `header` is the struct that goes
    /// with the type.
    pub fn new(kind: u16, header: &[u8]) -> Self {
        // An acknowledgement even where the answer to success is none.
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let mut bytes = 0_u32.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        // The sequence number and the port: one request at a time needs neither.
        bytes.extend([0; 8]);
        bytes.extend(header);
        Self(bytes)
    }

    /// Adds an attribute; a nested one's value is [`attribute`] after `attribute`.
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend(attribute(kind, value));
        self
    }

    fn into_bytes(self) -> Vec<u8> {
        let Self(mut bytes) = self;
        let length = (bytes.len() as u32).to_ne_bytes();
        bytes.splice(..length.len(), length);
        bytes
    }
}

/// An attribute, padded: `struct nlattr` and its value.
pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = (4 + value.len()) as u16;
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes
}

/// A socket to send requests on, in the network namespace of the thread that
/// opened it.
#[derive(Debug)]
pub struct RouteSocket(OwnedFd);

impl RouteSocket {
    /// Bound already, so that a request is one call and no more. Errors: `EMFILE`.
    pub fn open() -> Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )
        .during(|| "socket(NETLINK_ROUTE)")?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).during(|| "bind(NETLINK_ROUTE)")?;
        Ok(Self(socket))
    }

    /// Sends a request. When it returns, the kernel has done what it says; an
    /// object that was asked for is left unread.
    ///
    /// Errors: what the kernel answers, `EPERM` for changes without `CAP_NET_ADMIN`.
    pub fn request(&self, request: Request) -> nix::Result<()> {
        let bytes = request.into_bytes();
        let kernel = NetlinkAddr::new(0, 0);
        sendto(self.0.as_raw_fd(), &bytes, &kernel, MsgFlags::empty())?;
        let mut answer = [0; 4096];
        loop {
            // The kernel answered before sendto returned: there is nothing to wait for.
            let length = recv(self.0.as_raw_fd(), &mut answer, MsgFlags::MSG_DONTWAIT)?;
            if let Some(outcome) = outcome(answer.get(..length).unwrap_or_default()) {
                return outcome;
            }
        }
    }
}

/// What the kernel says of a request. `None` for another message, such as the
/// object that was asked for.
pub fn outcome(message: &[u8]) -> Option<nix::Result<()>> {
    let (header, payload) = message.split_first_chunk::<HEADER>()?;
    let kind = u16::from_ne_bytes([header[4], header[5]]);
    if i32::from(kind) != libc::NLMSG_ERROR {
        return None;
    }
    // 0 acknowledges; else an errno, negated.
    let code = i32::from_ne_bytes(*payload.first_chunk()?);
    Some(match code {
        0 => Ok(()),
        code => Err(Errno::from_raw(code.wrapping_neg())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::same_cases;
    use proptest::prelude::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (16 + payload.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn lays_a_request_out_as_netlink_7_does() {
        let bytes = Request::new(28, &[0xaa; 12])
            .with(1, &[0xbb; 5])
            .into_bytes();
        let expected = [
            &40_u32.to_ne_bytes()[..],
            &28_u16.to_ne_bytes(),
            &5_u16.to_ne_bytes(), // NLM_F_REQUEST and NLM_F_ACK
            &[0; 8],
            &[0xaa; 12],
            &9_u16.to_ne_bytes(), // without the padding
            &1_u16.to_ne_bytes(),
            &[0xbb; 5],
            &[0; 3],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn tells_an_acknowledgement_from_an_error_and_an_object() {
        let error = |code: i32| message(2, &code.to_ne_bytes());
        assert_eq!(outcome(&error(0)), Some(Ok(())));
        assert_eq!(outcome(&error(-2)), Some(Err(Errno::ENOENT)));
        assert_eq!(outcome(&message(28, &[0; 12])), None);
    }

    #[test]
    fn the_kernel_answers() {
        // Anybody may ask; there is no such interface.
        let kernel = RouteSocket::open().unwrap();
        let mut link = [0; 16];
        link[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
        let asked = kernel.request(Request::new(libc::RTM_GETLINK, &link));
        assert_eq!(asked, Err(Errno::ENODEV));
        // There is a loopback interface everywhere, with index 1.
        link[4..8].copy_from_slice(&1_i32.to_ne_bytes());
        let asked = kernel.request(Request::new(libc::RTM_GETLINK, &link));
        assert_eq!(asked, Ok(()));
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = outcome(&bytes);
        }

        #[test]
        fn never_panics_behind_a_good_header(payload in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = outcome(&message(2, &payload));
        }
    }
}
