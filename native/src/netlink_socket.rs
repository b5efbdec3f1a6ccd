//! Options for a netlink socket that a library of this process opened and keeps
//! the descriptor of.

use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{NetlinkAddr, getsockname};

use crate::call_error::{CallError, During, Result};
use crate::socket_option;

/// What to set; `None` leaves an option as it is.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tuning {
    /// `NETLINK_EXT_ACK`, and `NETLINK_CAP_ACK` with it: the attributes then
    /// follow the request's header at once.
    pub extended_ack: Option<bool>,
    /// `NETLINK_NO_ENOBUFS`.
    pub ignore_overrun: Option<bool>,
    /// `NETLINK_GET_STRICT_CHK`.
    pub strict_dump: Option<bool>,
    /// `SO_RCVBUFFORCE`, or `SO_RCVBUF` without `CAP_NET_ADMIN`.
    pub receive_buffer_bytes: Option<u32>,
}

/// Sets options on this process's netlink socket of `protocol` bound to `port`.
///
/// Errors: `EBADF` when there is no such socket, `ENOENT` without /proc,
/// `ENOPROTOOPT` from a kernel older than an option.
pub fn tune(protocol: i32, port: u32, tuning: Tuning) -> Result<()> {
    let socket = find(protocol, port)?;
    let options = [
        (socket_option::EXTENDED_ACK, tuning.extended_ack),
        (socket_option::CAPPED_ACK, tuning.extended_ack),
        (socket_option::NO_OVERRUN_ERROR, tuning.ignore_overrun),
        (socket_option::STRICT_DUMP, tuning.strict_dump),
    ];
    for (option, wanted) in options {
        if let Some(on) = wanted {
            option.set(&socket, on.into())?;
        }
    }
    match tuning.receive_buffer_bytes {
        Some(bytes) => socket_option::set_receive_buffer(&socket, bytes),
        None => Ok(()),
    }
}

/// A duplicate of the descriptor: options belong to the socket behind both.
fn find(protocol: i32, port: u32) -> Result<OwnedFd> {
    for entry in fs::read_dir("/proc/self/fd").during(|| "opendir(/proc/self/fd)")? {
        let entry = entry.during(|| "readdir(/proc/self/fd)")?;
        // Files are left alone: closing a duplicate of one would release the
        // process's record locks on it (fcntl(2)).
        let is_socket = fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(number) = number.filter(|_| is_socket) else {
            continue;
        };
        let descriptor = match duplicate(number) {
            // Another thread closed it just now.
            Err(Errno::EBADF) => continue,
            other => other.during(|| format!("fcntl({number}, F_DUPFD_CLOEXEC)"))?,
        };
        if is_bound_to(&descriptor, protocol, port) {
            return Ok(descriptor);
        }
    }
    let call = format!("find the netlink socket of protocol {protocol} on port {port}");
    Err(CallError::new(call, Errno::EBADF))
}

/// Duplicated first and looked at after, so that nobody can close it between.
fn duplicate(number: RawFd) -> nix::Result<OwnedFd> {
    // SAFETY: fcntl takes any number, open or not, and gives EBADF if not.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 0) };
    Errno::result(copy)?;
    // SAFETY: the kernel just made this descriptor, for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

fn is_bound_to(descriptor: &OwnedFd, protocol: i32, port: u32) -> bool {
    // Fails for a socket of another family.
    getsockname::<NetlinkAddr>(descriptor.as_raw_fd()).is_ok_and(|address| address.pid() == port)
        && socket_option::PROTOCOL.get(descriptor) == Ok(protocol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, bind, socket};

    const ROUTE: i32 = libc::NETLINK_ROUTE;

    fn route_socket() -> (OwnedFd, u32) {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )
        .unwrap();
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).unwrap();
        let address: NetlinkAddr = getsockname(socket.as_raw_fd()).unwrap();
        (socket, address.pid())
    }

    #[test]
    fn sets_what_is_asked_on_the_socket_of_that_port_only() {
        let ((first, port), (second, _)) = (route_socket(), route_socket());
        let tuning = Tuning {
            extended_ack: Some(true),
            ignore_overrun: Some(true),
            strict_dump: Some(true),
            receive_buffer_bytes: Some(1 << 16),
        };
        tune(ROUTE, port, tuning).unwrap();
        assert_eq!(socket_option::NO_OVERRUN_ERROR.get(&first), Ok(1));
        assert_eq!(socket_option::NO_OVERRUN_ERROR.get(&second), Ok(0));
        assert_eq!(socket_option::RECEIVE_BUFFER.get(&first), Ok(2 << 16));
    }

    #[test]
    fn knows_no_socket_of_another_protocol_or_port() {
        let (_socket, port) = route_socket();
        for (protocol, port) in [(libc::NETLINK_GENERIC, port), (ROUTE, u32::MAX)] {
            let error = tune(protocol, port, Tuning::default()).unwrap_err();
            assert_eq!(error.code(), "EBADF");
        }
    }
}
