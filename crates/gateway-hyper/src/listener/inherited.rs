//! Sockets that the process was started with.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use listenfd::ListenFd;
use socket2::SockRef;

use super::address::ListenAddr;
use super::listener::{Listener, Socket};

/// The listening sockets that whoever started the process handed in, as systemd does for socket units
/// (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`), or a server that this process is to replace
/// ([`Restart`](crate::Restart)).
pub struct Inherited {
    sockets: ListenFd,
    /// What each socket is that was not taken.
    given: Vec<Option<Given>>,
    /// Where the server that is to be replaced waits for word.
    replaced: Option<UnixStream>,
}

#[derive(Debug, Eq, PartialEq)]
enum Given {
    /// Of that name.
    Named(String),
    /// By another server, which listened on it by that address.
    HandedOver(String),
}

impl Inherited {
    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self { sockets: ListenFd::empty(), given: Vec::new(), replaced: None }
    }

    /// Those that the environment names, unless it names them for another process.
    ///
    /// It takes the variables away, so that no process started from here takes the sockets for its own; so it
    /// belongs at the beginning of `main`, before there is any other thread.
    #[must_use]
    pub fn from_env() -> Self {
        let mut sockets = ListenFd::from_env();
        let count = sockets.len();
        let addrs = std::env::var(HANDED_OVER).unwrap_or_default();
        let addrs: Vec<&str> = addrs.lines().collect();
        if count > 0 && addrs.len() + 1 == count {
            let given = addrs.into_iter().map(|addr| Some(Given::HandedOver(addr.to_owned()))).collect();
            let replaced = sockets.take_unix_listener(count - 1).ok().flatten();
            let replaced = replaced.map(|stream| UnixStream::from(OwnedFd::from(stream)));
            return Self { sockets, given, replaced };
        }
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let name = |_| Some(Given::Named(names.next().unwrap_or_default().to_owned()));
        Self { sockets, given: (0..count).map(name).collect(), replaced: None }
    }

    /// Whether there is nothing left for [`ListenAddr::inherited`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.has(None) && !self.is_handed_over(&ListenAddr::inherited())
    }

    /// Takes those of that name, or all that are left.
    ///
    /// # Errors
    ///
    /// There is none, or one is not a socket that listens for connections.
    pub fn take(&mut self, name: Option<&str>) -> io::Result<Vec<Listener>> {
        let sockets = self.take_where(|given| is_named(given, name))?;
        if sockets.is_empty() {
            let which = name.map_or_else(String::new, |name| format!(" named {name:?}"));
            let message = format!("no socket{which} was handed in (LISTEN_FDS)");
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        sockets.into_iter().map(|socket| Listener::of(vec![socket])).collect()
    }

    /// Takes the sockets of the server that is to be replaced.
    pub(super) fn take_handed_over(&mut self, addr: &ListenAddr) -> io::Result<Vec<Socket>> {
        let addr = Given::HandedOver(addr.to_string());
        self.take_where(|given| *given == addr)
    }

    /// Whether the server that is to be replaced listened by that address.
    pub(super) fn is_handed_over(&self, addr: &ListenAddr) -> bool {
        let addr = Given::HandedOver(addr.to_string());
        self.given.iter().flatten().any(|given| *given == addr)
    }

    /// Whether there is one of that name, or any.
    pub(super) fn has(&self, name: Option<&str>) -> bool {
        self.given.iter().flatten().any(|given| is_named(given, name))
    }

    /// Where the server that is to be replaced waits for word, if there is one.
    pub(crate) const fn take_replaced(&mut self) -> Option<UnixStream> {
        self.replaced.take()
    }

    fn take_where(&mut self, wanted: impl Fn(&Given) -> bool) -> io::Result<Vec<Socket>> {
        let mut taken = Vec::new();
        for index in 0..self.given.len() {
            if self.given[index].as_ref().is_some_and(&wanted) {
                taken.push(self.take_one(index)?);
                self.given[index] = None;
            }
        }
        Ok(taken)
    }

    fn take_one(&mut self, index: usize) -> io::Result<Socket> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "the socket was taken before");
        if let Ok(listener) = self.sockets.take_tcp_listener(index) {
            let listener = listener.ok_or_else(missing)?;
            check(&SockRef::from(&listener))?;
            return Ok(Socket::Tcp(listener));
        }
        let listener = self.sockets.take_unix_listener(index)?.ok_or_else(missing)?;
        check(&SockRef::from(&listener))?;
        Ok(Socket::Unix(listener))
    }
}

fn is_named(given: &Given, name: Option<&str>) -> bool {
    matches!(given, Given::Named(known) if name.is_none_or(|name| name == known))
}

/// A connection can be handed in the same way (`Accept=yes`), which is not for a server.
fn check(socket: &SockRef<'_>) -> io::Result<()> {
    if socket.is_listener()? {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket that was handed in does not listen"))
}

impl fmt::Debug for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherited").field("given", &self.given).finish_non_exhaustive()
    }
}

/// By what address each socket was bound, one a line; the last socket has none, it is where the old server waits.
pub(crate) const HANDED_OVER: &str = "GATEWAY_HANDED_OVER";
