//! How a worker thread that waits hears that its object was closed meanwhile.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;

use crate::call_error::{During, Result};

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The socket has something to read, or an error to report.
    Readable,
    /// [`Closing::close`] was called, now or before the wait.
    Closed,
    /// The deadline passed.
    DeadlinePassed,
}

/// A one-way signal: once closed, every wait ends at once.
#[derive(Debug)]
pub struct Closing(EventFd);

impl Closing {
    /// Not closed yet. Errors: `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> Result<Self> {
        EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map(Self)
            .during(|| "eventfd")
    }

    /// Ends every wait, now and later. The counter is never read back to zero.
    pub fn close(&self) {
        // EAGAIN is the only failure, of a counter that is full: closed already.
        let _ = self.0.write(1);
    }

    /// Waits until `socket` (when there is one) can be read.
    pub fn wait(&self, socket: Option<BorrowedFd>, deadline: Instant) -> Result<Woken> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut watched = vec![PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            watched.extend(socket.map(|socket| PollFd::new(socket, PollFlags::POLLIN)));
            match ppoll(&mut watched, Some(TimeSpec::from_duration(left)), None) {
                Err(Errno::EINTR) => continue,
                polled => polled.during(|| "ppoll")?,
            };
            return Ok(match watched[..] {
                [ref closed, ..] if closed.any() != Some(false) => Woken::Closed,
                [_, ref socket] if socket.any() != Some(false) => Woken::Readable,
                _ => Woken::DeadlinePassed,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    const FOREVER: Duration = Duration::from_secs(3600);

    #[test]
    fn a_closed_signal_ends_later_waits_too() {
        let closing = Closing::new().unwrap();
        closing.close();
        for _ in 0..2 {
            assert_eq!(
                closing.wait(None, Instant::now() + FOREVER),
                Ok(Woken::Closed)
            );
        }
    }

    #[test]
    fn closing_ends_a_wait_in_another_thread() {
        let closing = Closing::new().unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| closing.wait(None, Instant::now() + FOREVER));
            closing.close();
            assert_eq!(waiter.join().unwrap(), Ok(Woken::Closed));
        });
    }

    #[test]
    fn tells_a_readable_socket_from_a_deadline() {
        let closing = Closing::new().unwrap();
        let (near, far) = UnixDatagram::pair().unwrap();
        let wait = |deadline| closing.wait(Some(near.as_fd()), deadline).unwrap();
        assert_eq!(wait(Instant::now()), Woken::DeadlinePassed);
        far.send(b"x").unwrap();
        assert_eq!(wait(Instant::now() + FOREVER), Woken::Readable);
    }
}
