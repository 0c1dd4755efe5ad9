//! How a socket listens.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::PathBuf;

use socket2::{Domain, Type};

use super::address::{ListenAddr, Target};
use super::inherited::Inherited;
use super::listener::{Listener, Socket};
use super::place::{self, Place};

/// How a socket listens.
///
/// # Examples
///
/// ```
/// use gateway_hyper::{Inherited, ListenOptions};
///
/// let options = ListenOptions::new().backlog(1024);
/// let listeners = options.bind(&"127.0.0.1:0".parse()?, &mut Inherited::none())?;
/// assert_eq!(listeners.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are bound"]
pub struct ListenOptions {
    backlog: u32,
    reuse_port: bool,
    unix_mode: Option<u32>,
}

impl ListenOptions {
    /// How many connections wait in the system's queue, by default: as many as Linux allows unless it is told
    /// otherwise. Who finds it full tries again only after a second.
    pub const BACKLOG: u32 = 4096;

    /// The default ones.
    pub const fn new() -> Self {
        Self { backlog: Self::BACKLOG, reuse_port: false, unix_mode: None }
    }

    /// How many connections may wait in the system's queue; 4096 by default. The system has a limit of its own.
    pub const fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Whether each thread of [`Runtime::PerThread`](crate::Runtime::PerThread) has a socket of its own at a
    /// TCP address, among which the system spreads connections (`SO_REUSEPORT`); `false` by default.
    ///
    /// Then another process of the same user can listen at that address at the same time, and no one is told
    /// that it is taken. Sockets that are inherited, and unix ones, are shared by the threads.
    pub const fn reuse_port(mut self, reuse_port: bool) -> Self {
        self.reuse_port = reuse_port;
        self
    }

    /// The permissions of the file of a unix socket, such as `0o660`; what the process's mask leaves, by
    /// default.
    pub const fn unix_mode(mut self, mode: Option<u32>) -> Self {
        self.unix_mode = mode;
        self
    }

    /// Listens, or takes the sockets that the process inherited for this address, of who started it or of the one that
    /// it replaces ([`Restart`](crate::Restart)): one listener, or as many as `systemd:` names.
    ///
    /// # Errors
    ///
    /// Those of binding a socket: the address is taken, not allowed, unknown, or not of this machine;
    /// a socket that was to be inherited was not, or is none that listens.
    pub fn bind(&self, addr: &ListenAddr, inherited: &mut Inherited) -> io::Result<Vec<Listener>> {
        let mut sockets = inherited.take_handed_over(addr)?;
        let listeners = match addr.target() {
            Target::Inherited(name) if sockets.is_empty() => inherited.take(name.as_deref())?,
            Target::Inherited(_) => {
                sockets.into_iter().map(|socket| Listener::of(vec![socket])).collect::<io::Result<_>>()?
            }
            Target::Tcp(name) => {
                if sockets.is_empty() {
                    sockets = vec![Socket::Tcp(Self::first(name, |addr| self.bind_tcp(addr))?)];
                }
                vec![Listener::of(sockets)?.with_spread(self.spread())]
            }
            Target::Unix(path) if sockets.is_empty() => vec![self.bind_unix(path)?],
            Target::Unix(path) => vec![Listener::of(sockets)?.with_place(Place::of(path.clone()))],
        };
        Ok(listeners.into_iter().map(|listener| listener.with_addr(addr)).collect())
    }

    /// Whether [`bind`](Self::bind) would do, without a moment in which a client could connect.
    ///
    /// # Errors
    ///
    /// Those of `bind`, as far as they show before listening.
    pub fn check(&self, addr: &ListenAddr, inherited: &Inherited) -> io::Result<()> {
        match addr.target() {
            _ if inherited.is_handed_over(addr) => Ok(()),
            Target::Tcp(name) => Self::first(name, |addr| self.bound(addr)).map(drop),
            Target::Unix(path) => place::check(path),
            Target::Inherited(name) if inherited.has(name.as_deref()) => Ok(()),
            Target::Inherited(_) => {
                Err(io::Error::new(io::ErrorKind::NotFound, "no such socket was handed in"))
            }
        }
    }

    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Those of binding a socket.
    pub fn bind_addr(&self, addr: SocketAddr) -> io::Result<Listener> {
        Ok(Listener::of(vec![Socket::Tcp(self.bind_tcp(addr)?)])?.with_spread(self.spread()))
    }

    pub(super) fn bind_tcp(&self, addr: SocketAddr) -> io::Result<TcpListener> {
        let socket = self.bound(addr)?;
        socket.listen(self.system_backlog())?;
        Ok(socket.into())
    }

    fn bound(&self, addr: SocketAddr) -> io::Result<socket2::Socket> {
        let socket = socket2::Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        // Else a restarted server finds its own address taken while old connections fade away.
        socket.set_reuse_address(true)?;
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        socket.bind(&addr.into())?;
        Ok(socket)
    }

    /// Listens on a unix socket, as [`Listener::bind_unix`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Listener::bind_unix`], and of setting the permissions.
    pub fn bind_unix(&self, path: impl Into<PathBuf>) -> io::Result<Listener> {
        let path = path.into();
        let socket = place::bind(&path, self.unix_mode, self.system_backlog())?;
        Ok(Listener::of(vec![Socket::Unix(socket)])?.with_place(Place::of(path)))
    }

    /// What comes of the first address of a host that something comes of.
    fn first<T>(name: &str, bind: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no such host");
        for addr in name.to_socket_addrs()? {
            match bind(addr) {
                Ok(bound) => return Ok(bound),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn spread(&self) -> Option<Self> {
        self.reuse_port.then(|| self.clone())
    }

    fn system_backlog(&self) -> i32 {
        i32::try_from(self.backlog).unwrap_or(i32::MAX)
    }
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self::new()
    }
}
