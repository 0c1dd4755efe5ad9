//! A new process in place of this one, with no request lost between the two.

use std::ffi::OsString;
use std::future::pending;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use command_fds::{CommandFdExt as _, FdMapping};
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use crate::listener::{HANDED_OVER, Inherited};

/// How a server is replaced by a new process of its program: on SIGUSR2, without a request being lost.
///
/// The program is started anew with the same arguments, from the file that it was started from, which may be another
/// version by then. The new process has the listening sockets from the beginning, and takes them by
/// [`ListenOptions::bind`](crate::ListenOptions::bind) with the same [`ListenAddr`](crate::ListenAddr); it runs the
/// start-up of its application, begins to accept, and tells the old one, which accepts no more, finishes what is under
/// way as on SIGTERM, and ends. A new process that fails before that is logged, and the old one serves on. SIGTERM
/// meanwhile ends both.
///
/// The old process exits when it is done, so what watches it has to follow the new one, as systemd does by
/// [`Builder::notify`](crate::Builder::notify). As process 1 of a container it would end the container, and the new process
/// with it: containers are replaced by their orchestrator.
///
/// What both share is the sockets and the files; each has a lifespan of its own (A-108), so for a while two are up.
///
/// # Examples
///
/// ```no_run
/// use gateway_hyper::{Inherited, ListenOptions, Restart, Server};
/// # use gateway_iface::{Error, asgi};
/// # async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
/// #     scope.into_http()?;
/// #     send.text(200, "Hello, World!").await?;
/// #     Ok(())
/// # }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let mut inherited = Inherited::from_env();
///     let restart = Restart::new(&mut inherited)?;
///     let listeners = ListenOptions::new().bind(&"127.0.0.1:8000".parse()?, &mut inherited)?;
///     Ok(Server::builder().listen_all(listeners)?.with_restart(restart).run(hello)?)
/// }
/// ```
#[derive(Debug)]
pub struct Restart {
    program: PathBuf,
    args: Vec<OsString>,
    /// Where the process waits for word that this one replaces.
    replaced: Option<UnixStream>,
}

impl Restart {
    /// For the program that runs. Where it was started to replace another process, that is told when this one
    /// serves.
    ///
    /// # Errors
    ///
    /// The file that the program was started from is not known.
    pub fn new(inherited: &mut Inherited) -> io::Result<Self> {
        let args = std::env::args_os().collect();
        Ok(Self { program: std::env::current_exe()?, args, replaced: inherited.take_replaced() })
    }

    /// Tells the process that this one replaces that this one serves.
    pub(crate) fn serves(&mut self) {
        if let Some(mut replaced) = self.replaced.take()
            && let Err(error) = replaced.write_all(&[1])
        {
            error!(%error, "the process that this one replaces is gone");
        }
    }

    /// Starts a new process with these sockets, and what it finds them by.
    fn start(&self, sockets: Vec<(String, OwnedFd)>) -> io::Result<New> {
        let (here, there) = UnixStream::pair()?;
        here.set_nonblocking(true)?;
        let addrs: Vec<&str> = sockets.iter().map(|(addr, _)| addr.as_str()).collect();
        let mut command = Command::new(&self.program);
        let mut args = self.args.iter();
        if let Some(name) = args.next() {
            command.arg0(name);
        }
        command
            .args(args)
            .env(HANDED_OVER, addrs.join("\n"))
            .env("LISTEN_FDS", (addrs.len() + 1).to_string())
            // Its number is not known before it runs; without the variable the sockets are for whoever has them.
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDNAMES");
        let sockets = sockets.into_iter().map(|(_, socket)| socket).chain([there.into()]);
        let mappings = (FIRST..).zip(sockets).map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd });
        command.fd_mappings(mappings.collect()).map_err(io::Error::other)?;
        let child = command.spawn()?;
        Ok(New { child: Some(child), word: tokio::net::UnixStream::from_std(here)? })
    }
}

/// What starts a new process when it is to be.
#[derive(Debug)]
pub(crate) struct Replacing {
    restart: Option<Restart>,
    signal: Option<Signal>,
}

impl Replacing {
    /// From now on the signal is noticed, and does not end the process.
    pub(crate) fn new(restart: Option<Restart>) -> io::Result<Self> {
        let signal = restart.as_ref().map(|_| signal(SignalKind::user_defined2())).transpose()?;
        Ok(Self { restart, signal })
    }

    /// Tells the process that this one replaces that this one serves.
    pub(crate) fn serves(&mut self) {
        if let Some(restart) = &mut self.restart {
            restart.serves();
        }
    }

    /// Waits until a new process serves on the sockets: its number.
    pub(crate) async fn replaced(&mut self, sockets: impl Fn() -> io::Result<Vec<(String, OwnedFd)>>) -> u32 {
        let (Some(restart), Some(signal)) = (&self.restart, &mut self.signal) else {
            return pending().await;
        };
        loop {
            signal.recv().await;
            info!("starting a new process");
            let new = sockets().and_then(|sockets| restart.start(sockets));
            let serves = match new {
                Ok(new) => new.serves().await,
                Err(error) => Err(error),
            };
            match serves {
                Ok(pid) => return pid,
                Err(error) => error!(%error, "the new process does not serve, this one serves on"),
            }
        }
    }
}

/// A process that does not serve yet; it is ended when this is dropped.
struct New {
    child: Option<Child>,
    word: tokio::net::UnixStream,
}

impl New {
    async fn serves(mut self) -> io::Result<u32> {
        let told = self.word.read_u8().await;
        match (told, self.child.take()) {
            (Ok(_), Some(child)) => Ok(child.id()),
            (told, child) => {
                // It ended, or is about to: whoever serves keeps this open until it has told so.
                let status = tokio::task::spawn_blocking(|| child.map(|mut child| child.wait())).await;
                match status {
                    Ok(Some(Ok(status))) => Err(io::Error::other(format!("it ended: {status}"))),
                    _ => Err(told.err().unwrap_or_else(|| io::ErrorKind::Other.into())),
                }
            }
        }
    }
}

impl Drop for New {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Where it fails the process is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The first descriptor that is handed in, by the convention of `LISTEN_FDS`.
const FIRST: i32 = 3;
