//! Sockets that the process was started with.

use std::fmt;
use std::io;

use listenfd::ListenFd;
use socket2::SockRef;

use super::listener::Listener;

/// The listening sockets that whoever started the process handed in, as systemd does for socket units
/// (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`).
pub struct Inherited {
    sockets: ListenFd,
    /// The name of each socket that was not taken.
    names: Vec<Option<String>>,
}

impl Inherited {
    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self { sockets: ListenFd::empty(), names: Vec::new() }
    }

    /// Those that the environment names, unless it names them for another process.
    ///
    /// It takes the variables away, so that no process started from here takes the sockets for its own; so it
    /// belongs at the beginning of `main`, before there is any other thread.
    #[must_use]
    pub fn from_env() -> Self {
        let sockets = ListenFd::from_env();
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let name = |_| Some(names.next().unwrap_or_default().to_owned());
        let names = (0..sockets.len()).map(name).collect();
        Self { sockets, names }
    }

    /// How many are not taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.iter().flatten().count()
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes those of that name, or all that are left.
    ///
    /// # Errors
    ///
    /// There is none, or one is not a socket that listens for connections.
    pub fn take(&mut self, name: Option<&str>) -> io::Result<Vec<Listener>> {
        let mut listeners = Vec::new();
        for index in 0..self.names.len() {
            let known = self.names[index].as_deref();
            if known.is_some_and(|known| name.is_none_or(|name| name == known)) {
                listeners.push(self.take_one(index)?);
                self.names[index] = None;
            }
        }
        if listeners.is_empty() {
            let which = name.map_or_else(String::new, |name| format!(" named {name:?}"));
            let message = format!("no socket{which} was handed in (LISTEN_FDS)");
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        Ok(listeners)
    }

    /// Whether there is one of that name, or any.
    pub(super) fn has(&self, name: Option<&str>) -> bool {
        self.names.iter().flatten().any(|known| name.is_none_or(|name| name == known))
    }

    fn take_one(&mut self, index: usize) -> io::Result<Listener> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "the socket was taken before");
        if let Ok(listener) = self.sockets.take_tcp_listener(index) {
            let listener = listener.ok_or_else(missing)?;
            check(&SockRef::from(&listener))?;
            return listener.try_into();
        }
        let listener = self.sockets.take_unix_listener(index)?.ok_or_else(missing)?;
        check(&SockRef::from(&listener))?;
        listener.try_into()
    }
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
        f.debug_struct("Inherited").field("names", &self.names).finish_non_exhaustive()
    }
}
