//! Makes the kernel's own ARP code ask for an address, to see what it says.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::c_int;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrIn, bind, sendto};

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
/// `EPERM` without `CAP_NET_ADMIN`, on a port of a VRF also without `CAP_NET_RAW`,
/// `ENODEV`, `EOPNOTSUPP` before Linux 5.0; those of sendto(2), such as `ENETUNREACH`
/// while the interface is down.
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
    let mut sent = send_empty(&socket_from(source, ifindex, UDP)?, target);
    // On a port of a VRF only those are on the segment whom its table names. IGMP alone is never
    // routed (ip_route_output_key_hash_rcu in net/ipv4/route.c).
    if sent == Err(Errno::ENETUNREACH) {
        sent = send_empty(&socket_from(source, ifindex, IGMP)?, target);
    }
    // Also when it was not sent: the entry comes before that is known.
    neighbours.delete(place)?;
    sent.during(|| format!("sendto({target}:{DISCARD} on ifindex {ifindex})"))
}

/// Type, protocol and name of a socket.
struct Kind(c_int, c_int, &'static str);

const UDP: Kind = Kind(libc::SOCK_DGRAM, libc::IPPROTO_UDP, "SOCK_DGRAM, UDP");
const IGMP: Kind = Kind(libc::SOCK_RAW, libc::IPPROTO_IGMP, "SOCK_RAW, IGMP");

fn socket_from(source: Ipv4Addr, ifindex: u32, kind: Kind) -> Result<OwnedFd> {
    let Kind(socket_type, protocol, name) = kind;
    // SAFETY: takes three numbers and returns a new descriptor or -1.
    let number = unsafe { libc::socket(libc::AF_INET, socket_type | libc::SOCK_CLOEXEC, protocol) };
    let number = Errno::result(number).during(|| format!("socket(AF_INET, {name})"))?;
    // SAFETY: nobody else has the descriptor, which is open.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    let address = SockaddrIn::from(SocketAddrV4::new(source, 0));
    bind(socket.as_raw_fd(), &address).during(|| format!("bind({source})"))?;
    // Beyond an int there is no interface; the tables above have said so already.
    let ifindex = c_int::try_from(ifindex).unwrap_or(c_int::MAX);
    socket_option::BIND_TO_INTERFACE.set(&socket, ifindex)?;
    // As if the target were on the segment, whatever the routes say.
    socket_option::DONT_ROUTE.set(&socket, 1)?;
    Ok(socket)
}

fn send_empty(socket: &OwnedFd, target: Ipv4Addr) -> nix::Result<()> {
    let address = SockaddrIn::from(SocketAddrV4::new(target, DISCARD));
    sendto(
        socket.as_raw_fd(),
        &[],
        &address,
        MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
    )
    .map(drop)
}
