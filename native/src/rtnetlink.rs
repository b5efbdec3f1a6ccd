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
