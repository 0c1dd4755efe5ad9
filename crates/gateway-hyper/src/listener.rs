//! What a server accepts connections from.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway_iface::ServerAddr;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::tls::{Acceptor, TlsConfig};

/// A socket that listens: TCP or unix.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    tls: Option<Arc<Acceptor>>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, Option<Place>),
}

/// Where a server listens.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LocalAddr {
    /// An address and port.
    Tcp(SocketAddr),
    /// The path of a unix socket; `None` when it has none.
    Unix(Option<PathBuf>),
}

impl LocalAddr {
    /// The address and port; `None` for a unix socket.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(addr) => Some(*addr),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for LocalAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => write!(f, "http://{addr}"),
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
            Self::Unix(None) => f.write_str("unix:"),
        }
    }
}

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Listener {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Those of binding a socket: the address is taken, not allowed, or not of this machine.
    pub async fn bind(addr: impl tokio::net::ToSocketAddrs) -> io::Result<Self> {
        TcpListener::bind(addr).await.map(Self::from)
    }

    /// Listens on a unix socket at that path, which is removed when the listener is dropped, unless
    /// another server has put its own there by then.
    ///
    /// A socket that a dead process left there is replaced.
    ///
    /// # Errors
    ///
    /// Those of binding a socket; the path is taken by something else, or by a live server.
    pub fn bind_unix(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let socket = match UnixListener::bind(&path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(&path) => {
                std::fs::remove_file(&path)?;
                UnixListener::bind(&path)?
            }
            result => result?,
        };
        Ok(Self { socket: Socket::Unix(socket, Place::of(path)), tls: None })
    }

    /// Speaks TLS with its clients, and nothing else.
    ///
    /// # Errors
    ///
    /// A file that `config` names cannot be read, is not what it should be, or does not go with the others.
    pub fn with_tls(mut self, config: TlsConfig) -> io::Result<Self> {
        self.tls = Some(Arc::new(Acceptor::new(config)?));
        Ok(self)
    }

    pub(crate) const fn tls(&self) -> Option<&Arc<Acceptor>> {
        self.tls.as_ref()
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Those of asking the system for the address.
    pub fn local_addr(&self) -> io::Result<LocalAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().map(LocalAddr::Tcp),
            Socket::Unix(listener, _) => {
                Ok(LocalAddr::Unix(listener.local_addr()?.as_pathname().map(Path::to_owned)))
            }
        }
    }

    /// The address for scopes; a connection of a listener on all addresses asks its own socket.
    pub(crate) fn server_addr(&self) -> Option<ServerAddr> {
        match self.local_addr().ok()? {
            LocalAddr::Tcp(addr) if addr.ip().is_unspecified() => None,
            LocalAddr::Tcp(addr) => Some(addr.into()),
            LocalAddr::Unix(path) => path.as_deref().map(ServerAddr::from),
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Refused by a peer that is gone already; reading tells the same.
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream, peer))
            }
            Socket::Unix(listener, _) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { socket: Socket::Tcp(listener), tls: None }
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self { socket: Socket::Unix(listener, None), tls: None }
    }
}

impl TryFrom<std::net::TcpListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Self::from)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Socket::Unix(_, Some(place)) = &self.socket {
            place.clear();
        }
    }
}

/// Where a unix socket was bound, and which file that was.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    file: (u64, u64),
}

impl Place {
    fn of(path: PathBuf) -> Option<Self> {
        let file = identity(&path)?;
        Some(Self { path, file })
    }

    /// Removes the socket, unless another server has taken the path over.
    fn clear(&self) {
        if identity(&self.path) == Some(self.file) {
            // Nothing is lost when it stays: the next start replaces it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Whether nothing but a socket that no one listens on is there; connecting to a plain file is refused too.
fn is_abandoned(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && std::os::unix::net::UnixStream::connect(path).is_err_and(refused)
}
