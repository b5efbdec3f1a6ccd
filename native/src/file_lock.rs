//! A lock that ends with its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use crate::call_error::{CallError, During, Result};

/// An exclusive advisory lock of the whole file, in both of the kernel's ways:
/// by flock(2), as flock(1) of an administrator takes it, and by `F_OFD_SETLK`
/// of fcntl(2), which can be asked about without being taken. Both belong to
/// the open file. Dropping it releases it, and so does the end of the process,
/// however it ends. The file stays: removing it would let two holders lock two
/// files of one name.
#[derive(Debug)]
pub struct FileLock(
    // Held for its lock only. Opened close-on-exec, as std opens every file, or
    // a child that outlives this process would go on holding it.
    #[expect(dead_code)] File,
);

impl FileLock {
    /// `None` when somebody else holds it. Creates the file, mode 0600.
    ///
    /// Errors: those of open(2), `ELOOP` when `path` is a symbolic link, and
    /// `ENOLCK` of flock(2) and fcntl(2).
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
            .during(|| format!("open({})", path.display()))?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(cause)) => {
                return Err(cause).during(|| format!("flock({})", path.display()));
            }
        }
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())) {
            Ok(_) => Ok(Some(Self(file))),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
            Err(errno) => Err(CallError::new(
                format!("fcntl({}, F_OFD_SETLK)", path.display()),
                errno,
            )),
        }
    }

    /// Whether somebody holds it, as rs-agent does; nobody who wants to take it is
    /// in the way of this question. A file that is not there is not locked.
    ///
    /// Errors: those of open(2) but `ENOENT`, `ELOOP` when `path` is a symbolic
    /// link, and those of fcntl(2).
    pub fn is_held(path: &Path) -> Result<bool> {
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path);
        if let Err(error) = &opened
            && error.kind() == std::io::ErrorKind::NotFound
        {
            return Ok(false);
        }
        let file = opened.during(|| format!("open({})", path.display()))?;
        let mut lock = whole_file();
        fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock)).map_err(|errno| {
            CallError::new(format!("fcntl({}, F_OFD_GETLK)", path.display()), errno)
        })?;
        Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
    }
}

fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        // The kernel wants 0 for a lock of an open file.
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn has_one_holder_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = FileLock::try_acquire(&path).unwrap();
        assert!(held.is_some());
        // It belongs to the open file, so this process counts as another.
        assert!(FileLock::try_acquire(&path).unwrap().is_none());
        drop(held);
        assert!(FileLock::try_acquire(&path).unwrap().is_some());
    }

    #[test]
    fn tells_whether_somebody_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        assert!(!FileLock::is_held(&path).unwrap());
        assert!(!path.exists());
        let held = FileLock::try_acquire(&path).unwrap();
        assert!(FileLock::is_held(&path).unwrap());
        // To ask takes nothing.
        assert!(FileLock::is_held(&path).unwrap());
        drop(held);
        assert!(!FileLock::is_held(&path).unwrap());
        assert!(FileLock::try_acquire(&path).unwrap().is_some());
    }

    #[test]
    fn creates_a_file_that_only_its_owner_opens() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let _held = FileLock::try_acquire(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn keeps_what_the_file_held() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        fs::write(&path, "kept").unwrap();
        let _held = FileLock::try_acquire(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }

    #[test]
    fn follows_no_symbolic_link() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        symlink(directory.path().join("elsewhere"), &path).unwrap();
        assert_eq!(FileLock::try_acquire(&path).unwrap_err().code(), "ELOOP");
        assert_eq!(FileLock::is_held(&path).unwrap_err().code(), "ELOOP");
    }
}
