//! The file of a unix socket.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use socket2::{Domain, SockAddr, Socket, Type};

/// Where a unix socket was bound, and which file that was.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    file: (u64, u64),
}

impl Place {
    pub(super) fn of(path: PathBuf) -> Option<Self> {
        let file = identity(&path)?;
        Some(Self { path, file })
    }

    /// Removes the socket, unless another server has taken the path over.
    pub(super) fn clear(&self) {
        if identity(&self.path) == Some(self.file) {
            // Nothing is lost when it stays: the next start replaces it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Listens at a path; a socket that a dead process left there is replaced.
pub(super) fn bind(path: &Path, mode: Option<u32>, backlog: i32) -> io::Result<UnixListener> {
    let addr = SockAddr::unix(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    match socket.bind(&addr) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
            std::fs::remove_file(path)?;
            socket.bind(&addr)?;
        }
        result => result?,
    }
    // Nobody gets in before `listen`, so there is no moment with other permissions.
    let listening = match mode {
        Some(mode) => std::fs::set_permissions(path, Permissions::from_mode(mode)),
        None => Ok(()),
    };
    match listening.and_then(|()| socket.listen(backlog)) {
        Ok(()) => Ok(socket.into()),
        Err(error) => {
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}

/// Whether [`bind`] would do, as far as that shows.
pub(super) fn check(path: &Path) -> io::Result<()> {
    if std::fs::symlink_metadata(path).is_ok() && !is_abandoned(path) {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    SockAddr::unix(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    if !std::fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Whether nothing but a socket that no one listens on is there; connecting to a plain file is refused too.
fn is_abandoned(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).is_err_and(refused)
}
