//! Datagrams to the sockets of a service starter: what sd_notify(3) tells systemd,
//! and what its journal takes down.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::errno::Errno;

use crate::call_error::{CallError, During, Result};

/// Sends one datagram to a Unix socket: the absolute path of one, or `@` and the name of
/// an abstract one, as `NOTIFY_SOCKET` has it.
///
/// Errors: `EAFNOSUPPORT` for any other address, `EINVAL` for one that is too long; those
/// of socket(2) and sendto(2): `ENOENT` and `ECONNREFUSED` where nobody listens (any
/// more), `EAGAIN` when whoever listens made no room for so long, `EMSGSIZE` for more than
/// fits into one.
pub fn send(address: &str, message: &[u8], timeout: Duration) -> Result<()> {
    let to = parse_address(address)?;
    // Opened close-on-exec, and without SIGPIPE, as std has it.
    let socket = UnixDatagram::unbound().during(|| "socket(AF_UNIX, SOCK_DGRAM)")?;
    // Zero would stand for ever.
    socket
        .set_write_timeout(Some(timeout.max(Duration::from_millis(1))))
        .during(|| "setsockopt(SO_SNDTIMEO)")?;
    loop {
        match socket.send_to_addr(message, &to) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map(drop).during(|| format!("sendto({address})")),
        }
    }
}

fn parse_address(address: &str) -> Result<SocketAddr> {
    let call = || format!("the address of a socket, {address:?}");
    match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).during(call),
        None if address.starts_with('/') => SocketAddr::from_pathname(address).during(call),
        // sd_notify(3) knows vsock:CID:PORT as well, for the starters of virtual machines.
        None => Err(CallError::new(call(), Errno::EAFNOSUPPORT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    fn received(socket: &UnixDatagram) -> Vec<u8> {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        bytes[..length].to_vec()
    }

    #[test]
    fn sends_one_datagram_to_a_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let listening = UnixDatagram::bind(&path).unwrap();
        send(path.to_str().unwrap(), b"READY=1\nSTATUS=\xc3\xa4", MOMENT).unwrap();
        assert_eq!(received(&listening), b"READY=1\nSTATUS=\xc3\xa4");
    }

    #[test]
    fn sends_to_an_abstract_name() {
        let name = format!("rs-agent-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listening = UnixDatagram::bind_addr(&address).unwrap();
        send(&format!("@{name}"), b"WATCHDOG=1", MOMENT).unwrap();
        assert_eq!(received(&listening), b"WATCHDOG=1");
    }

    #[test]
    fn tells_a_socket_that_was_never_there_from_one_that_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let address = path.to_str().unwrap();
        assert_eq!(send(address, b"", MOMENT).unwrap_err().code(), "ENOENT");
        drop(UnixDatagram::bind(&path).unwrap());
        let error = send(address, b"", MOMENT).unwrap_err();
        assert_eq!(error.code(), "ECONNREFUSED");
    }

    #[test]
    fn gives_up_where_nobody_reads() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let _listening = UnixDatagram::bind(&path).unwrap();
        let address = path.to_str().unwrap();
        // net.unix.max_dgram_qlen, and what the buffer takes: some hundreds.
        let refused = (0..100_000).find_map(|_| send(address, b"STATUS=", MOMENT).err());
        assert_eq!(refused.unwrap().code(), "EAGAIN");
    }

    #[test]
    fn knows_no_other_addresses() {
        for address in ["", "relative/path", "vsock:2:1234"] {
            let error = send(address, b"", MOMENT).unwrap_err();
            assert_eq!(error.code(), "EAFNOSUPPORT", "{address}");
        }
        let long = format!("/{}", "x".repeat(200));
        assert_eq!(send(&long, b"", MOMENT).unwrap_err().code(), "EINVAL");
    }
}
