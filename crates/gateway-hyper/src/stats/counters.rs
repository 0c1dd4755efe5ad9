//! The counters, and where those of a server are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use gateway_iface::Error;
use http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::{Limit, Stats};

/// What the connections of one runtime count; each runtime has its own, so that threads do not share a
/// cache line for every request.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    closed: AtomicU64,
    begun: AtomicU64,
    ended: AtomicU64,
    responses: [AtomicU64; 5],
    malformed: AtomicU64,
    errors: AtomicU64,
    panics: AtomicU64,
    limits: [AtomicU64; Limit::ALL.len()],
    websockets_opened: AtomicU64,
    websockets_closed: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

impl Counters {
    #[inline]
    pub(crate) fn request_begun(&self) {
        add(&self.begun);
    }

    /// The application's call is over, or there is none.
    #[inline]
    pub(crate) fn request_ended(&self) {
        add(&self.ended);
    }

    /// The head of a final response is on its way.
    #[inline]
    pub(crate) fn answered(&self, status: StatusCode) {
        // Statuses begin at 100; what is above 599 has no class of its own.
        let class = usize::from(status.as_u16() / 100 - 1).min(4);
        add(&self.responses[class]);
    }

    /// What came was no request.
    pub(crate) fn malformed(&self) {
        add(&self.malformed);
    }

    /// What the application's call came to.
    #[inline]
    pub(crate) fn returned(&self, result: &Result<(), Error>) {
        if let Err(error) = result {
            self.failed(error);
        }
    }

    /// The application's call failed; a client that is gone is no failure.
    #[inline]
    pub(crate) fn failed(&self, error: &Error) {
        if !error.is_disconnected() {
            add(&self.errors);
        }
    }

    /// The application returned as if all were well, before its response was complete.
    pub(crate) fn incomplete(&self) {
        add(&self.errors);
    }

    /// The application panicked.
    pub(crate) fn panicked(&self) {
        add(&self.panics);
    }

    pub(crate) fn hit(&self, limit: Limit) {
        add(&self.limits[limit as usize]);
    }

    /// Octets came on a socket.
    #[inline]
    pub(crate) fn received(&self, octets: usize) {
        self.received.fetch_add(octets as u64, Ordering::Relaxed);
    }

    /// Octets went out on a socket.
    #[inline]
    pub(crate) fn sent(&self, octets: usize) {
        self.sent.fetch_add(octets as u64, Ordering::Relaxed);
    }

    fn add_to(&self, stats: &mut Stats) {
        // In this order, so that what ends meanwhile never outnumbers what began.
        stats.closed += get(&self.closed);
        stats.ended += get(&self.ended);
        stats.websockets_closed += get(&self.websockets_closed);
        stats.accepted += get(&self.accepted);
        stats.requests += get(&self.begun);
        stats.websockets += get(&self.websockets_opened);
        stats.received += get(&self.received);
        stats.sent += get(&self.sent);
        stats.malformed += get(&self.malformed);
        stats.errors += get(&self.errors);
        stats.panics += get(&self.panics);
        for (sum, counter) in stats.responses.iter_mut().zip(&self.responses) {
            *sum += get(counter);
        }
        for (sum, counter) in stats.limits.iter_mut().zip(&self.limits) {
            *sum += get(counter);
        }
    }
}

/// A connection that is open, as it is counted.
#[derive(Debug)]
pub(crate) struct Open {
    counters: Arc<Counters>,
}

impl Open {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        add(&counters.accepted);
        Self { counters }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        add(&self.counters.closed);
    }
}

/// A WebSocket whose handshake was accepted, as it is counted.
#[derive(Debug)]
pub(crate) struct OpenWebSocket {
    counters: Arc<Counters>,
}

impl OpenWebSocket {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        add(&counters.websockets_opened);
        Self { counters }
    }
}

impl Drop for OpenWebSocket {
    fn drop(&mut self) {
        add(&self.counters.websockets_closed);
    }
}

#[inline]
fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Acquire)
}

/// What a server and its handles have in common.
#[derive(Debug)]
pub(crate) struct Status {
    stop: watch::Sender<bool>,
    reload: Notify,
    draining: AtomicBool,
    since: Instant,
    counters: Mutex<Vec<Arc<Counters>>>,
}

impl Status {
    pub(crate) fn new() -> Self {
        Self {
            stop: watch::channel(false).0,
            reload: Notify::new(),
            draining: AtomicBool::new(false),
            since: Instant::now(),
            counters: Mutex::default(),
        }
    }

    /// The counters of one more runtime.
    pub(crate) fn counters(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters::default());
        self.counters.lock().push(Arc::clone(&counters));
        counters
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// What tells that the server is to stop.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Has the certificates read anew.
    pub(crate) fn reload(&self) {
        self.reload.notify_one();
    }

    /// What tells that the certificates are to be read anew.
    pub(crate) const fn reloading(&self) -> &Notify {
        &self.reload
    }

    /// The server has begun to stop.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = Stats::new(self.since.elapsed(), self.is_draining());
        for counters in &*self.counters.lock() {
            counters.add_to(&mut stats);
        }
        stats
    }
}
