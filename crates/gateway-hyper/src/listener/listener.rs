//! A place that a server listens at.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway_iface::ServerAddr;
#[cfg(target_os = "linux")]
use socket2::SockRef;

use super::acceptor;
use super::address::ListenAddr;
use super::local_addr::LocalAddr;
use super::options::ListenOptions;
use super::place::Place;
use crate::proxy_protocol::ProxyProtocol;
use crate::tls::{Acceptor, TlsConfig};

/// A place that a server listens at: TCP or unix.
///
/// [`ListenOptions`] has what else can be set.
#[derive(Debug)]
pub struct Listener {
    /// One at least; more where each thread has its own at the same address.
    sockets: Vec<Socket>,
    /// The file of a unix socket, if it is to go with this.
    place: Option<Place>,
    /// What it was bound by, which a new process finds it by.
    addr: Option<ListenAddr>,
    /// How a thread gets a socket of its own; else they share those there are.
    spread: Option<ListenOptions>,
    tls: Option<Arc<Acceptor>>,
    proxies: Option<Arc<ProxyProtocol>>,
}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
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

    pub(super) fn of(sockets: Vec<Socket>) -> io::Result<Self> {
        sockets.iter().try_for_each(Socket::prepare)?;
        Ok(Self { sockets, place: None, addr: None, spread: None, tls: None, proxies: None })
    }

    pub(super) fn with_place(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    pub(super) fn with_addr(mut self, addr: &ListenAddr) -> Self {
        self.addr = Some(addr.clone());
        self
    }

    pub(super) fn with_spread(mut self, spread: Option<ListenOptions>) -> Self {
        self.spread = spread;
        self
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

    /// Has every connection begin with a header of the PROXY protocol, in which a proxy says who its client is.
    ///
    /// The header comes before TLS, and before any protocol that is spoken then.
    pub fn with_proxy_protocol(mut self, proxies: ProxyProtocol) -> Self {
        self.proxies = Some(Arc::new(proxies));
        self
    }

    pub(super) const fn proxies(&self) -> Option<&Arc<ProxyProtocol>> {
        self.proxies.as_ref()
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
        match &self.sockets[0] {
            Socket::Tcp(listener) => listener.local_addr().map(LocalAddr::Tcp),
            Socket::Unix(listener) => {
                Ok(LocalAddr::Unix(listener.local_addr()?.as_pathname().map(Path::to_owned)))
            }
        }
    }

    /// Where it listens, as it is logged: with the scheme that it serves.
    pub(crate) fn url(&self) -> io::Result<String> {
        Ok(match self.local_addr()? {
            LocalAddr::Tcp(addr) if self.tls.is_some() => format!("https://{addr}"),
            addr => addr.to_string(),
        })
    }

    /// The address for scopes; a connection of a listener on all addresses asks its own socket.
    pub(super) fn server_addr(&self) -> Option<ServerAddr> {
        match self.local_addr().ok()? {
            LocalAddr::Tcp(addr) if addr.ip().is_unspecified() => None,
            LocalAddr::Tcp(addr) => Some(addr.into()),
            LocalAddr::Unix(path) => path.as_deref().map(ServerAddr::from),
        }
    }

    /// Makes a socket for each of so many runtimes, if they are to have their own.
    pub(crate) fn spread(&mut self, runtimes: usize) -> io::Result<()> {
        if let (Some(options), LocalAddr::Tcp(addr)) = (&self.spread, self.local_addr()?) {
            while self.sockets.len() < runtimes {
                let socket = Socket::Tcp(options.bind_tcp(addr)?);
                socket.prepare()?;
                self.sockets.push(socket);
            }
        }
        Ok(())
    }

    /// How many sockets it has.
    pub(crate) const fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// A socket once more, for the runtime that this is called in.
    pub(super) fn share(&self, index: usize) -> io::Result<acceptor::Socket> {
        match &self.sockets[index % self.sockets.len()] {
            Socket::Tcp(listener) => {
                tokio::net::TcpListener::from_std(listener.try_clone()?).map(acceptor::Socket::Tcp)
            }
            Socket::Unix(listener) => {
                tokio::net::UnixListener::from_std(listener.try_clone()?).map(acceptor::Socket::Unix)
            }
        }
    }

    /// The sockets for a new process, with what it finds them by; those that it cannot know of are left out.
    pub(crate) fn hand_over(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        let Some(addr) = &self.addr else {
            return Ok(Vec::new());
        };
        let name = addr.to_string();
        let clones = self.sockets.iter().map(|socket| {
            let clone = match socket {
                Socket::Tcp(listener) => listener.try_clone()?.into(),
                Socket::Unix(listener) => listener.try_clone()?.into(),
            };
            Ok((name.clone(), clone))
        });
        clones.collect()
    }

    /// Another process has the sockets now, and looks after the file.
    pub(crate) fn release(&mut self) {
        self.place = None;
    }
}

impl Socket {
    fn prepare(&self) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => {
                #[cfg(target_os = "linux")]
                // Its connections inherit it. Where it fails there is only more in the system's buffers.
                let _ = SockRef::from(listener).set_tcp_notsent_lowat(MAX_UNSENT);
                listener.set_nonblocking(true)
            }
            Self::Unix(listener) => listener.set_nonblocking(true),
        }
    }
}

impl TryFrom<TcpListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: TcpListener) -> io::Result<Self> {
        Self::of(vec![Socket::Tcp(listener)])
    }
}

impl TryFrom<UnixListener> for Listener {
    type Error = io::Error;

    /// Its path stays when the server ends.
    fn try_from(listener: UnixListener) -> io::Result<Self> {
        Self::of(vec![Socket::Unix(listener)])
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
        if let Some(place) = &self.place {
            place.clear();
        }
    }
}

/// Octets that the system takes for a client beyond what is on its way: without a limit, a client that reads nothing
/// has megabytes written for it.
#[cfg(target_os = "linux")]
const MAX_UNSENT: u32 = 256 * 1024;
