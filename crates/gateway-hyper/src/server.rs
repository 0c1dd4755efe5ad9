//! The server: accepts, serves, and stops.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_iface::asgi::{Application, State};
use gateway_iface::{Connection, ServerAddr};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{info, warn};

use crate::builder::Builder;
use crate::connection::{OnDisconnect, Task};
use crate::lifespan;
use crate::link::{Link, Service};
use crate::listener::{Accepted, Listener, LocalAddr};
use crate::signal::Stop;
use crate::stream::{Socket, Stream};

/// A server that listens and does not serve yet.
///
/// # Examples
///
/// ```
/// use gateway_hyper::Server;
/// use gateway_iface::{Error, asgi};
///
/// async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.text(200, "Hello, World!").await?;
///     Ok(())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Server::builder().bind("127.0.0.1:0").await?;
/// println!("listening on {}", server.local_addr());
/// let handle = server.handle();
/// # handle.shutdown();
/// server.serve(hello).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a server serves when `serve` is awaited"]
pub struct Server {
    builder: Builder,
    listener: Listener,
    local_addr: LocalAddr,
    stop: Arc<watch::Sender<bool>>,
}

impl Server {
    pub(crate) fn new(builder: Builder, listener: Listener) -> io::Result<Self> {
        let local_addr = listener.local_addr()?;
        Ok(Self { builder, listener, local_addr, stop: Arc::new(watch::channel(false).0) })
    }

    /// Begins a server with the default settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens: with port 0, the port that was free.
    #[must_use]
    pub const fn local_addr(&self) -> &LocalAddr {
        &self.local_addr
    }

    /// A handle that stops the server, from anywhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { stop: Arc::clone(&self.stop) }
    }

    /// Serves the application until the server is told to stop, and everything is done.
    ///
    /// In this order: start-up of the application's lifespan (A-108); connections; on Ctrl-C, SIGTERM
    /// or [`Handle::shutdown`] no more of them; calls that only wait are told
    /// [`Disconnect::Shutdown`](gateway_iface::asgi::Disconnect::Shutdown), and requests finish within
    /// the grace period; shutdown of the lifespan (A-112, A-113), which has as long again. A signal
    /// during start-up ends the start-up, and each further one ends what the server still waits for.
    ///
    /// # Errors
    ///
    /// [`ServeError`] when start-up or shutdown of the application fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections go on in tasks of their own, and lifespan
    /// shutdown is not run.
    pub async fn serve(self, app: impl Application + 'static) -> Result<(), ServeError> {
        let Self { builder, listener, local_addr, stop } = self;
        let mut stop = Stop::new(&stop, builder.signals);
        let app: Arc<dyn Application> = Arc::new(app);
        let lifespan = tokio::select! {
            // A start-up that is done counts, so that its shutdown is run.
            biased;
            started = lifespan::start(&app, builder.lifespan) => started?,
            () = stop.requested() => {
                info!("stopped during start-up");
                return Ok(());
            }
        };
        let serving = Arc::new(Serving::new(app, &builder, lifespan.state()));
        info!(address = %local_addr, "listening");
        tokio::select! {
            () = accept(&listener, &serving) => {}
            () = stop.requested() => {}
        }
        info!("stopping");
        drop(listener);
        serving.drain(builder.grace_period, &mut stop).await;
        tokio::select! {
            stopped = lifespan.stop(builder.grace_period) => stopped?,
            () = stop.insisted() => {
                return Err(ServeError::Shutdown("a further signal came before it was done".into()));
            }
        }
        info!("stopped");
        Ok(())
    }
}

/// Stops a server.
#[derive(Clone, Debug)]
pub struct Handle {
    stop: Arc<watch::Sender<bool>>,
}

impl Handle {
    /// Stops it gracefully, as SIGTERM does.
    pub fn shutdown(&self) {
        self.stop.send_replace(true);
    }
}

/// Why a server did not serve, or did not stop as it should.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The socket could not be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The application's start-up failed (A-110); nothing was served.
    #[error("start-up failed: {0}")]
    Startup(String),
    /// The application's shutdown failed (A-114).
    #[error("shutdown failed: {0}")]
    Shutdown(String),
}

/// As it reads, because this is what `main` prints when it returns an error.
impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the connections of a server have in common.
struct Serving {
    app: Arc<dyn Application>,
    http: http1::Builder,
    on_disconnect: OnDisconnect,
    state: Option<State>,
    tracker: TaskTracker,
    cancel: CancellationToken,
    links: Mutex<HashMap<u64, Arc<Link>>>,
}

impl Serving {
    fn new(app: Arc<dyn Application>, builder: &Builder, state: Option<State>) -> Self {
        let mut http = http1::Builder::new();
        http.half_close(builder.half_close).max_header_size(builder.max_head_size);
        if let Some(timeout) = builder.header_read_timeout {
            http.timer(TokioTimer::new()).header_read_timeout(timeout);
        } else {
            http.header_read_timeout(None);
        }
        let on_disconnect = builder.on_disconnect;
        Self {
            app,
            http,
            on_disconnect,
            state,
            tracker: TaskTracker::new(),
            cancel: CancellationToken::new(),
            links: Mutex::default(),
        }
    }

    fn connect(self: &Arc<Self>, id: u64, accepted: Accepted, server: Option<ServerAddr>) {
        let mut connection = Connection::new();
        if let Some(state) = &self.state {
            connection = connection.with_state(state.clone());
        }
        connection.set_server(server);
        match accepted {
            Accepted::Tcp(stream, peer) => {
                if connection.server().is_none() {
                    connection.set_server(stream.local_addr().ok().map(ServerAddr::from));
                }
                self.spawn(id, Socket::Tcp(TokioIo::new(stream)), connection.with_client(peer));
            }
            Accepted::Unix(stream) => self.spawn(id, Socket::Unix(TokioIo::new(stream)), connection),
        }
    }

    fn spawn(self: &Arc<Self>, id: u64, socket: Socket, connection: Connection) {
        let link = Arc::new(Link::new(
            Arc::clone(&self.app),
            Arc::new(connection),
            self.tracker.clone(),
            self.cancel.clone(),
        ));
        self.links().insert(id, Arc::clone(&link));
        let stream = Stream::new(socket, Arc::clone(&link));
        let http = self.http.serve_connection(stream, Service::new(Arc::clone(&link)));
        let registered = Registered { serving: Arc::clone(self), id, _token: self.tracker.token() };
        tokio::spawn(Task::new(http, link, self.on_disconnect, registered));
    }

    /// Lets what is under way finish within the grace period, and cuts off the rest.
    async fn drain(&self, grace_period: Duration, stop: &mut Stop) {
        self.tracker.close();
        for link in self.all_links() {
            link.shut_down();
        }
        tokio::select! {
            () = self.tracker.wait() => return,
            () = tokio::time::sleep(grace_period) => {}
            () = stop.insisted() => {}
        }
        warn!(tasks = self.tracker.len(), "cutting off what is not done");
        self.cancel.cancel();
        for link in self.all_links() {
            link.cut_off();
        }
        if tokio::time::timeout(CUT_OFF, self.tracker.wait()).await.is_err() {
            warn!(tasks = self.tracker.len(), "calls that ignore the end are left behind");
        }
    }

    fn all_links(&self) -> Vec<Arc<Link>> {
        self.links().values().cloned().collect()
    }

    fn links(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("connections", &self.links().len()).finish_non_exhaustive()
    }
}

/// Holds a connection's place on the list, and among what a server waits for when it stops.
pub(crate) struct Registered {
    serving: Arc<Serving>,
    id: u64,
    _token: TaskTrackerToken,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.serving.links().remove(&self.id);
    }
}

async fn accept(listener: &Listener, serving: &Arc<Serving>) {
    let server = listener.server_addr();
    let mut id = 0;
    loop {
        match listener.accept().await {
            Ok(accepted) => {
                serving.connect(id, accepted, server.clone());
                id += 1;
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                warn!(%error, "cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// How long accepting pauses when the system is out of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long calls may take to end once they were cut off.
const CUT_OFF: Duration = Duration::from_secs(1);
