//! A socket that listens.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway_iface::ServerAddr;

use super::acceptor;
use super::local_addr::LocalAddr;
use super::options::ListenOptions;
use super::place::Place;
use crate::tls::{Acceptor, TlsConfig};

/// A socket that listens: TCP or unix.
///
/// [`ListenOptions`] has what else can be set.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    /// How each further thread gets a socket of its own at the same address; else they share this one.
    spread: Option<ListenOptions>,
    tls: Option<Arc<Acceptor>>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, Option<Place>),
}

impl Listener {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Those of binding a socket: the address is taken, not allowed, or not of this machine.
    ///
    /// # Cancel safety
    ///
    /// Nothing is bound when the future is dropped.
    pub async fn bind(addr: impl tokio::net::ToSocketAddrs) -> io::Result<Self> {
        let mut last = None;
        for addr in tokio::net::lookup_host(addr).await? {
            match ListenOptions::new().bind_addr(addr) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no address")))
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
        ListenOptions::new().bind_unix(path)
    }

    pub(super) fn of_tcp(listener: TcpListener, spread: Option<ListenOptions>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Tcp(listener), spread, tls: None })
    }

    pub(super) fn of_unix(listener: UnixListener, place: Option<Place>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Unix(listener, place), spread: None, tls: None })
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
    pub(super) fn server_addr(&self) -> Option<ServerAddr> {
        match self.local_addr().ok()? {
            LocalAddr::Tcp(addr) if addr.ip().is_unspecified() => None,
            LocalAddr::Tcp(addr) => Some(addr.into()),
            LocalAddr::Unix(path) => path.as_deref().map(ServerAddr::from),
        }
    }

    /// The sockets that so many runtimes accept from: one of each, or fewer that they share; the first is
    /// this one.
    pub(crate) fn spread(self, runtimes: usize) -> io::Result<Vec<Self>> {
        let mut sockets = vec![self];
        while let [first, ..] = &sockets[..]
            && let (Some(options), LocalAddr::Tcp(addr)) = (&first.spread, first.local_addr()?)
            && sockets.len() < runtimes
        {
            let mut next = options.bind_addr(addr)?;
            next.tls.clone_from(&first.tls);
            sockets.push(next);
        }
        Ok(sockets)
    }

    /// The socket once more, for the runtime that this is called in.
    pub(super) fn share(&self) -> io::Result<acceptor::Socket> {
        match &self.socket {
            Socket::Tcp(listener) => {
                tokio::net::TcpListener::from_std(listener.try_clone()?).map(acceptor::Socket::Tcp)
            }
            Socket::Unix(listener, _) => {
                tokio::net::UnixListener::from_std(listener.try_clone()?).map(acceptor::Socket::Unix)
            }
        }
    }
}

impl TryFrom<TcpListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: TcpListener) -> io::Result<Self> {
        Self::of_tcp(listener, None)
    }
}

impl TryFrom<UnixListener> for Listener {
    type Error = io::Error;

    /// Its path stays when the server ends.
    fn try_from(listener: UnixListener) -> io::Result<Self> {
        Self::of_unix(listener, None)
    }
}

impl TryFrom<tokio::net::TcpListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: tokio::net::TcpListener) -> io::Result<Self> {
        listener.into_std()?.try_into()
    }
}

impl TryFrom<tokio::net::UnixListener> for Listener {
    type Error = io::Error;

    /// Its path stays when the server ends.
    fn try_from(listener: tokio::net::UnixListener) -> io::Result<Self> {
        listener.into_std()?.try_into()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Socket::Unix(_, Some(place)) = &self.socket {
            place.clear();
        }
    }
}
