//! A lock that ends with its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::call_error::{During, Result};

/// An exclusive advisory lock, flock(2). Dropping it releases it, and so does
/// the end of the process, however it ends. The file stays: removing it would
/// let two holders lock two files of one name.
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
    /// `ENOLCK` of flock(2).
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
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => {
                Err(cause).during(|| format!("flock({})", path.display()))
            }
        }
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
        // flock belongs to the open file, so this process counts as another.
        assert!(FileLock::try_acquire(&path).unwrap().is_none());
        drop(held);
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
    }
}
