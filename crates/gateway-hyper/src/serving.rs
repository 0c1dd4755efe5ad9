//! What the connections of a server have in common.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use gateway_iface::asgi::{Application, Capabilities, Capability, State};
use gateway_iface::{Connection, ServerAddr};
use http::HeaderValue;
use hyper::server::conn::http1;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{info, warn};

use crate::builder::{Builder, MAX_HEADERS};
use crate::connection;
use crate::control::Control;
use crate::date::Date;
use crate::descriptors;
use crate::limits::Limits;
use crate::listener::{Accepted, Acceptor};
use crate::signal::Stop;
use crate::socket::Socket;
use crate::stats::{Counters, Limit, Open};
use crate::waits::{Clock, Waits};

/// What the connections of a server have in common.
pub(crate) struct Serving {
    app: Arc<dyn Application>,
    settings: Builder,
    http1: http1::Builder,
    http2: h2::server::Builder,
    limits: Limits,
    clock: Arc<Clock>,
    date: Date,
    state: Option<State>,
    next_id: AtomicU64,
    /// Connections that are open, and how many may be.
    open: AtomicUsize,
    max_connections: usize,
    /// Requests under way, where that has a limit.
    admitted: AtomicUsize,
    /// Places for connections that are being turned away.
    shedding: Arc<Semaphore>,
    tracker: TaskTracker,
    /// Drops the calls that went on without their connection.
    cancel: CancellationToken,
    connections: Mutex<HashMap<u64, Arc<Control>>>,
}

impl Serving {
    pub(crate) fn new(app: Arc<dyn Application>, settings: Builder, state: Option<State>) -> Self {
        let wanted = settings.max_connections.unwrap_or(usize::MAX);
        let max_connections = wanted.min(descriptors::room());
        if max_connections < wanted {
            info!(connections = max_connections, "the system has descriptors for no more connections");
        }
        let mut http1 = http1::Builder::new();
        http1.half_close(settings.half_close).max_header_size(settings.max_head_size);
        // One task watches over all waits, this one among them.
        http1.header_read_timeout(None);
        if settings.max_headers != MAX_HEADERS {
            http1.max_headers(settings.max_headers);
        }
        Self {
            app,
            http1,
            http2: settings.h2(),
            limits: Limits::new(&settings),
            clock: Arc::new(Clock::new()),
            settings,
            date: Date::new(),
            state,
            next_id: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            max_connections,
            admitted: AtomicUsize::new(0),
            shedding: Arc::new(Semaphore::new(MAX_SHEDDING)),
            tracker: TaskTracker::new(),
            cancel: CancellationToken::new(),
            connections: Mutex::default(),
        }
    }

    pub(crate) fn app(&self) -> &Arc<dyn Application> {
        &self.app
    }

    pub(crate) const fn settings(&self) -> &Builder {
        &self.settings
    }

    pub(crate) const fn http1(&self) -> &http1::Builder {
        &self.http1
    }

    pub(crate) const fn http2(&self) -> &h2::server::Builder {
        &self.http2
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Watches over the waits of all connections as long as there are any, on a thread of its own: one that an
    /// application blocks would hold up the limits of all.
    pub(crate) fn watch(self: &Arc<Self>) -> io::Result<()> {
        let serving = Arc::downgrade(self);
        let tick = self.limits.tick();
        let watch = move || {
            while let Some(serving) = serving.upgrade() {
                serving.clock.tick();
                for connection in serving.connections().values() {
                    connection.check_waits();
                }
                drop(serving);
                thread::sleep(tick);
            }
        };
        thread::Builder::new().name("gateway-watch".to_owned()).spawn(watch).map(drop)
    }

    /// The value of `date` (H-70).
    pub(crate) fn date(&self) -> HeaderValue {
        self.date.now()
    }

    /// Serves a connection in a task of the runtime that this is called in.
    pub(crate) fn connect(
        self: &Arc<Self>,
        accepted: Accepted,
        acceptor: &Acceptor,
        counters: &Arc<Counters>,
    ) {
        if self.is_full() {
            self.shed(accepted, acceptor, counters);
            return;
        }
        let mut connection = Connection::new().with_capabilities(CAPABILITIES);
        if let Some(state) = &self.state {
            connection = connection.with_state(state.clone());
        }
        connection.set_server(acceptor.server_addr().cloned());
        if let Accepted::Tcp(stream, peer) = &accepted {
            connection.set_client(Some(*peer));
            if connection.server().is_none() {
                connection.set_server(stream.local_addr().ok().map(ServerAddr::from));
            }
        }
        self.spawn(Socket::new(accepted, counters), connection, acceptor, counters);
    }

    fn is_full(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.max_connections
    }

    /// Turns a connection away that is one too many: with 503, where that can be said without a handshake.
    fn shed(self: &Arc<Self>, accepted: Accepted, acceptor: &Acceptor, counters: &Arc<Counters>) {
        counters.hit(Limit::Connections);
        let Ok(place) = Arc::clone(&self.shedding).try_acquire_owned() else {
            return;
        };
        if acceptor.tls().is_some() {
            return;
        }
        let socket = Socket::new(accepted, counters);
        tokio::spawn(async move {
            // Who is gone already, or does not leave, needs no answer.
            let _ = tokio::time::timeout(SHEDDING, socket.turn_away(UNAVAILABLE)).await;
            drop(place);
        });
    }

    /// A place among the requests that may be under way at once; `Err` when there is none.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Option<Admitted>, Full> {
        let Some(most) = self.settings.max_concurrent_requests else {
            return Ok(None);
        };
        if self.admitted.fetch_add(1, Ordering::Relaxed) >= most {
            self.admitted.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        Ok(Some(Admitted { serving: Arc::clone(self) }))
    }

    fn spawn(
        self: &Arc<Self>,
        socket: Socket,
        connection: Connection,
        acceptor: &Acceptor,
        counters: &Arc<Counters>,
    ) {
        let registered = self.register(counters);
        let control = Arc::clone(registered.control());
        let (proxies, tls) = (acceptor.proxies().cloned(), acceptor.tls().cloned());
        self.open.fetch_add(1, Ordering::Relaxed);
        let place = Place { registered, _open: Open::new(Arc::clone(counters)) };
        tokio::spawn(connection::serve(Arc::clone(self), control, socket, connection, (proxies, tls), place));
    }

    /// Puts a connection, or a stream of one, on the list of what is told to stop and watched over.
    pub(crate) fn register(self: &Arc<Self>, counters: &Arc<Counters>) -> Registered {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let waits = Waits::new(Arc::clone(&self.clock));
        let control = Arc::new(Control::new(Arc::clone(counters), waits));
        self.connections().insert(id, Arc::clone(&control));
        Registered { serving: Arc::clone(self), id, control, _token: self.tracker.token() }
    }

    /// Runs a call apart from its connection; it is dropped when the server gives up what is not done.
    pub(crate) fn spawn_call(&self, call: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(self.cancel.clone().run_until_cancelled_owned(call));
    }

    /// Lets what is under way finish within the grace period, and cuts off the rest.
    pub(crate) async fn drain(&self, grace_period: Duration, stop: &mut Stop) {
        self.tracker.close();
        for connection in self.all_connections() {
            connection.shut_down();
        }
        tokio::select! {
            () = self.tracker.wait() => return,
            () = tokio::time::sleep(grace_period) => {}
            () = stop.insisted() => {}
        }
        warn!(tasks = self.tracker.len(), "cutting off what is not done");
        self.cancel.cancel();
        for connection in self.all_connections() {
            connection.counters().hit(Limit::GracePeriod);
            connection.cut_off();
        }
        if tokio::time::timeout(CUT_OFF, self.tracker.wait()).await.is_err() {
            warn!(tasks = self.tracker.len(), "calls that ignore the end are left behind");
        }
    }

    fn all_connections(&self) -> Vec<Arc<Control>> {
        self.connections().values().cloned().collect()
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Control>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("connections", &self.connections().len()).finish_non_exhaustive()
    }
}

/// The place of a connection among those that are open.
#[derive(Debug)]
pub(crate) struct Place {
    registered: Registered,
    _open: Open,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.registered.serving.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request among those that may be under way at once.
#[derive(Debug)]
pub(crate) struct Admitted {
    serving: Arc<Serving>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.serving.admitted.fetch_sub(1, Ordering::Relaxed);
    }
}

/// As many requests are under way as may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Full;

/// Holds a connection's place on the list, and among what a server waits for when it stops.
#[derive(Debug)]
pub(crate) struct Registered {
    serving: Arc<Serving>,
    id: u64,
    control: Arc<Control>,
    _token: TaskTrackerToken,
}

impl Registered {
    pub(crate) const fn control(&self) -> &Arc<Control> {
        &self.control
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.serving.connections().remove(&self.id);
    }
}

/// What is supported of the extensions of ASGI.
const CAPABILITIES: Capabilities = Capabilities::none()
    .with(Capability::Trailers)
    .with(Capability::EarlyHints)
    .with(Capability::PathSend)
    .with(Capability::ZeroCopySend)
    .with(Capability::WebSocketDenial);

/// How long calls may take to end once they were cut off.
const CUT_OFF: Duration = Duration::from_secs(1);

/// The answer on a connection that is one too many.
const UNAVAILABLE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";

/// Connections that are turned away with an answer at the same time; more are just closed.
const MAX_SHEDDING: usize = 256;

/// How long a connection that is turned away may take to leave.
const SHEDDING: Duration = Duration::from_secs(1);
