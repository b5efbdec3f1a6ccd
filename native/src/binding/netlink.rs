//! Options of the netlink library's sockets.

use napi_derive::napi;

use super::Result;
use crate::netlink_socket::{self, Tuning};

/// What to set on a netlink socket. Left out: stays as it is.
#[napi(object)]
pub struct NetlinkSocketOptions {
    /// NETLINK_EXT_ACK and NETLINK_CAP_ACK: an error carries the kernel's message,
    /// in attributes that follow the header of the failing request at once, at
    /// byte 20 behind the header of the error.
    pub extended_ack: Option<bool>,
    /// NETLINK_NO_ENOBUFS: an overrun drops messages without an error on the
    /// socket, of which the library dies. What was dropped counts in the Drops
    /// column of /proc/net/netlink.
    pub ignore_overrun: Option<bool>,
    /// NETLINK_GET_STRICT_CHK: the kernel filters a dump by its request.
    pub strict_dump: Option<bool>,
    /// The receive buffer in bytes, which the kernel doubles; without
    /// CAP_NET_ADMIN capped at net.core.rmem_max.
    pub receive_buffer_bytes: Option<u32>,
}

/// Sets options on the netlink socket of this process that has the protocol
/// (0 for rtnetlink, 16 for generic netlink) and is bound to the port.
///
/// Throws EBADF when there is no such socket, ENOENT without /proc, ENOPROTOOPT
/// from a kernel older than an option.
#[napi(catch_unwind)]
pub fn tune_netlink_socket(protocol: i32, port: u32, options: NetlinkSocketOptions) -> Result<()> {
    let tuning = Tuning {
        extended_ack: options.extended_ack,
        ignore_overrun: options.ignore_overrun,
        strict_dump: options.strict_dump,
        receive_buffer_bytes: options.receive_buffer_bytes,
    };
    Ok(netlink_socket::tune(protocol, port, tuning)?)
}
