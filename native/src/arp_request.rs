//! Makes the kernel's own ARP code ask for an address, to see what it says.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};

use libc::c_int;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, sendto, socket,
};

use crate::call_error::{CallError, During, Result};
use crate::neighbour_table::{NeighbourTable, Place};
use crate::socket_option;

/// The discard service (RFC 863): should somebody get the datagram, it is empty.
const DISCARD: u16 = 9;

/// Has the kernel ask for `target` on an interface, on behalf of a packet from
/// `source`, and forgets at once whom it asked for. The request is on its way
/// when this returns; in it the kernel names the sender that it sees fit.
///
/// The entry in the neighbour table that goes with it is there for as long as two
/// system calls in a row take. Should somebody else have the kernel ask for the
/// same address meanwhile, theirs goes with it.
///
/// Errors, all but the last without a request: `EEXIST` when there is an entry for
/// `target` already, `EADDRNOTAVAIL` when `source` is not an address of this host,
/// `EPERM` without `CAP_NET_ADMIN`, `ENODEV`, `EOPNOTSUPP` before Linux 5.0; those
/// of sendto(2), such as `ENETUNREACH` while the interface is down.
pub fn provoke(ifindex: u32, source: Ipv4Addr, target: Ipv4Addr) -> Result<()> {
    let place = Place {
        ifindex,
        address: target,
    };
    // All that can fail or take its time comes before the datagram.
    let neighbours = NeighbourTable::open()?;
    if neighbours.has(place)? {
        let call = format!("ask for {target} on ifindex {ifindex}");
        return Err(CallError::new(call, Errno::EEXIST));
    }
    // There is nothing to delete yet: whoever may not is told so here.
    neighbours.delete(place)?;
    let socket = socket_from(source, ifindex)?;
    let sent = send_datagram(&socket, target);
    // Also when it was not sent: the entry comes before that is known.
    neighbours.delete(place)?;
    sent.during(|| format!("sendto({target}:{DISCARD} on ifindex {ifindex})"))
}

fn socket_from(source: Ipv4Addr, ifindex: u32) -> Result<OwnedFd> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .during(|| "socket(AF_INET, SOCK_DGRAM)")?;
    let address = SockaddrIn::from(SocketAddrV4::new(source, 0));
    bind(socket.as_raw_fd(), &address).during(|| format!("bind({source})"))?;
    // Beyond an int there is no interface; the tables above have said so already.
    let ifindex = c_int::try_from(ifindex).unwrap_or(c_int::MAX);
    socket_option::BIND_TO_INTERFACE.set(&socket, ifindex)?;
    // As if the target were on the segment, whatever the routes say.
    socket_option::DONT_ROUTE.set(&socket, 1)?;
    Ok(socket)
}

fn send_datagram(socket: &OwnedFd, target: Ipv4Addr) -> nix::Result<()> {
    let address = SockaddrIn::from(SocketAddrV4::new(target, DISCARD));
    sendto(
        socket.as_raw_fd(),
        &[],
        &address,
        MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
    )
    .map(drop)
}
