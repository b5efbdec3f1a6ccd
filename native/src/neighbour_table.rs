//! Single entries of the kernel's IPv4 neighbour table, its ARP cache.

use std::net::Ipv4Addr;

use nix::errno::Errno;

use crate::call_error::{During, Result};
use crate::rtnetlink::{Request, RouteSocket};

/// `NDA_DST` (linux/neighbour.h): the address that the entry is for.
const NDA_DST: u16 = 1;

/// Where an entry would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The interface that the neighbour is on.
    pub ifindex: u32,
    /// The neighbour.
    pub address: Ipv4Addr,
}

/// A way to the table, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct NeighbourTable(RouteSocket);

impl NeighbourTable {
    /// Errors: `EMFILE`.
    pub fn open() -> Result<Self> {
        RouteSocket::open().map(Self)
    }

    /// Whether there is an entry, resolved or not.
    ///
    /// Errors: `ENODEV`, and `EOPNOTSUPP` before Linux 5.0, which lists all entries
    /// or none.
    pub fn has(&self, place: Place) -> Result<bool> {
        match self.0.request(request(libc::RTM_GETNEIGH, place)) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno).during(|| call("RTM_GETNEIGH", place)),
        }
    }

    /// Deletes an entry, resolved or not; whether there was one.
    ///
    /// Errors: `ENODEV`, and `EPERM` without `CAP_NET_ADMIN`, with or without an entry.
    pub fn delete(&self, place: Place) -> Result<bool> {
        match self.0.request(request(libc::RTM_DELNEIGH, place)) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno).during(|| call("RTM_DELNEIGH", place)),
        }
    }
}

fn request(kind: u16, place: Place) -> Request {
    // struct ndmsg: family, padding, the interface, then state, flags and type,
    // which a request for one entry has to leave zero.
    let mut header = [0; 12];
    header[0] = libc::AF_INET as u8;
    header[4..8].copy_from_slice(&place.ifindex.to_ne_bytes());
    Request::new(kind, &header).with(NDA_DST, &place.address.octets())
}

fn call(name: &str, Place { ifindex, address }: Place) -> String {
    format!("{name}({address} on ifindex {ifindex})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_of_no_entry_that_nobody_made() {
        // Anybody may ask. The loopback interface, 1 everywhere, has one for 0.0.0.0.
        let place = Place {
            ifindex: 1,
            address: Ipv4Addr::new(192, 0, 2, 1),
        };
        let neighbours = NeighbourTable::open().unwrap();
        assert_eq!(neighbours.has(place), Ok(false));
        let nowhere = Place {
            ifindex: i32::MAX as u32,
            ..place
        };
        let error = neighbours.has(nowhere).unwrap_err();
        assert_eq!(error.code(), "ENODEV");
        assert!(error.to_string().contains("192.0.2.1"), "{error}");
    }
}
