//! What the connections of a server have in common.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_iface::asgi::{Application, State};
use gateway_iface::{Connection, ServerAddr};
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::warn;

use crate::builder::{Builder, OnDisconnect};
use crate::control::Control;
use crate::http1::{Link, Service, Stream, Task};
use crate::listener::Accepted;
use crate::signal::Stop;
use crate::socket::Socket;

/// What the connections of a server have in common.
pub(crate) struct Serving {
    app: Arc<dyn Application>,
    http: http1::Builder,
    on_disconnect: OnDisconnect,
    state: Option<State>,
    tracker: TaskTracker,
    cancel: CancellationToken,
    connections: Mutex<HashMap<u64, Arc<Control>>>,
}

impl Serving {
    pub(crate) fn new(app: Arc<dyn Application>, builder: &Builder, state: Option<State>) -> Self {
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
            connections: Mutex::default(),
        }
    }

    pub(crate) fn connect(self: &Arc<Self>, id: u64, accepted: Accepted, server: Option<ServerAddr>) {
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
                self.spawn(id, Socket::Tcp(stream), connection.with_client(peer));
            }
            Accepted::Unix(stream) => self.spawn(id, Socket::Unix(stream), connection),
        }
    }

    fn spawn(self: &Arc<Self>, id: u64, socket: Socket, connection: Connection) {
        let control = Arc::new(Control::default());
        self.connections().insert(id, Arc::clone(&control));
        let link = Arc::new(Link::new(
            Arc::clone(&self.app),
            control,
            Arc::new(connection),
            self.tracker.clone(),
            self.cancel.clone(),
        ));
        let stream = Stream::new(socket, Arc::clone(&link));
        let http = self.http.serve_connection(stream, Service::new(Arc::clone(&link)));
        let registered = Registered { serving: Arc::clone(self), id, _token: self.tracker.token() };
        tokio::spawn(Task::new(http, link, self.on_disconnect, registered));
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

/// Holds a connection's place on the list, and among what a server waits for when it stops.
pub(crate) struct Registered {
    serving: Arc<Serving>,
    id: u64,
    _token: TaskTrackerToken,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.serving.connections().remove(&self.id);
    }
}

/// How long calls may take to end once they were cut off.
const CUT_OFF: Duration = Duration::from_secs(1);
