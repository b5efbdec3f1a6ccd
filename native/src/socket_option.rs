//! Socket options whose value is an int, as most are.

use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{SOL_NETLINK, SOL_SOCKET, c_int, socklen_t};
use nix::errno::Errno;

use crate::call_error::{During, Result};

/// The level, number and name of an option.
#[derive(Debug, Clone, Copy)]
pub struct SocketOption(c_int, c_int, &'static str);

/// The third number given to socket(2), for any family.
pub const PROTOCOL: SocketOption = SocketOption(SOL_SOCKET, libc::SO_PROTOCOL, "SO_PROTOCOL");
/// Messages come with the time the kernel saw them.
pub const TIMESTAMP: SocketOption =
    SocketOption(SOL_SOCKET, libc::SO_TIMESTAMPNS, "SO_TIMESTAMPNS");
/// The receive buffer in bytes, capped at net.core.rmem_max.
pub const RECEIVE_BUFFER: SocketOption = SocketOption(SOL_SOCKET, libc::SO_RCVBUF, "SO_RCVBUF");
/// The same without the cap, for `CAP_NET_ADMIN`.
pub const RECEIVE_BUFFER_UNCAPPED: SocketOption =
    SocketOption(SOL_SOCKET, libc::SO_RCVBUFFORCE, "SO_RCVBUFFORCE");
/// Packets leave by this interface only (5.0).
pub const BIND_TO_INTERFACE: SocketOption =
    SocketOption(SOL_SOCKET, libc::SO_BINDTOIFINDEX, "SO_BINDTOIFINDEX");
/// Destinations are taken to be on the segment.
pub const DONT_ROUTE: SocketOption = SocketOption(SOL_SOCKET, libc::SO_DONTROUTE, "SO_DONTROUTE");
/// Errors come with text and the place of the mistake (4.12).
pub const EXTENDED_ACK: SocketOption =
    SocketOption(SOL_NETLINK, libc::NETLINK_EXT_ACK, "NETLINK_EXT_ACK");
/// An error repeats the header of the failing request, not all of it (4.3).
pub const CAPPED_ACK: SocketOption =
    SocketOption(SOL_NETLINK, libc::NETLINK_CAP_ACK, "NETLINK_CAP_ACK");
/// An overrun drops messages and raises no error on the socket.
pub const NO_OVERRUN_ERROR: SocketOption =
    SocketOption(SOL_NETLINK, libc::NETLINK_NO_ENOBUFS, "NETLINK_NO_ENOBUFS");
/// A dump heeds every field of its request or turns it down (4.20).
pub const STRICT_DUMP: SocketOption = SocketOption(
    SOL_NETLINK,
    libc::NETLINK_GET_STRICT_CHK,
    "NETLINK_GET_STRICT_CHK",
);

impl SocketOption {
    /// Errors: `ENOPROTOOPT` from a kernel without it, `EPERM`, `EINVAL`.
    pub fn set(self, socket: &OwnedFd, value: c_int) -> Result<()> {
        self.try_set(socket, value)
            .during(|| format!("setsockopt({}, {value})", self.2))
    }

    /// Errors: `ENOPROTOOPT`, and `ENOTSOCK` for another kind of descriptor.
    pub fn get(self, socket: &OwnedFd) -> Result<c_int> {
        let mut value: c_int = 0;
        let mut size = mem::size_of_val(&value) as socklen_t;
        // SAFETY: the kernel writes at most `size` bytes to `value`, which are all
        // of it, and the length it wrote to `size`.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                self.0,
                self.1,
                (&raw mut value).cast(),
                &raw mut size,
            )
        };
        Errno::result(result)
            .map(|_| value)
            .during(|| format!("getsockopt({})", self.2))
    }

    fn try_set(self, socket: &OwnedFd, value: c_int) -> nix::Result<()> {
        // SAFETY: the kernel reads the bytes of `value`, whose length is given.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                self.0,
                self.1,
                (&raw const value).cast(),
                mem::size_of_val(&value) as socklen_t,
            )
        };
        Errno::result(result).map(drop)
    }
}

/// Sizes the receive buffer, which the kernel doubles for its own bookkeeping
/// (socket(7)). Beyond net.core.rmem_max only with `CAP_NET_ADMIN`, else capped.
pub fn set_receive_buffer(socket: &OwnedFd, bytes: u32) -> Result<()> {
    let value = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    match RECEIVE_BUFFER_UNCAPPED.try_set(socket, value) {
        Err(Errno::EPERM) => RECEIVE_BUFFER.set(socket, value),
        forced => forced.during(|| format!("setsockopt(SO_RCVBUFFORCE, {value})")),
    }
}
