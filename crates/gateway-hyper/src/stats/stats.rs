//! The figures of a server at one moment.

use std::time::Duration;

use super::{Limit, prometheus};

/// The figures of a server at one moment; [`Handle::stats`](crate::Handle::stats) takes them.
///
/// They are sums over all threads, without a lock: what happens meanwhile is in some and not yet in others.
///
/// # Examples
///
/// ```
/// use gateway_hyper::Server;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Server::builder().bind("127.0.0.1:0").await?;
/// let stats = server.handle().stats();
/// assert_eq!(stats.requests(), 0);
/// assert!(stats.to_prometheus().contains("gateway_requests_total 0\n"));
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stats {
    uptime: Duration,
    draining: bool,
    pub(super) accepted: u64,
    pub(super) closed: u64,
    pub(super) requests: u64,
    pub(super) ended: u64,
    pub(super) responses: [u64; 5],
    pub(super) malformed: u64,
    pub(super) errors: u64,
    pub(super) panics: u64,
    pub(super) limits: [u64; Limit::ALL.len()],
    pub(super) websockets: u64,
    pub(super) websockets_closed: u64,
    pub(super) received: u64,
    pub(super) sent: u64,
}

impl Stats {
    pub(super) const fn new(uptime: Duration, draining: bool) -> Self {
        Self {
            uptime,
            draining,
            accepted: 0,
            closed: 0,
            requests: 0,
            ended: 0,
            responses: [0; 5],
            malformed: 0,
            errors: 0,
            panics: 0,
            limits: [0; Limit::ALL.len()],
            websockets: 0,
            websockets_closed: 0,
            received: 0,
            sent: 0,
        }
    }

    /// How long ago the server began to listen.
    #[must_use]
    pub const fn uptime(&self) -> Duration {
        self.uptime
    }

    /// Whether it was told to stop.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    /// Connections that were accepted.
    #[must_use]
    pub const fn connections(&self) -> u64 {
        self.accepted
    }

    /// Connections that are open, or whose last call goes on.
    #[must_use]
    pub const fn open_connections(&self) -> u64 {
        self.accepted.saturating_sub(self.closed)
    }

    /// Requests that came by, those included that the server refused by itself.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Requests whose application's call goes on.
    #[must_use]
    pub const fn requests_in_flight(&self) -> u64 {
        self.requests.saturating_sub(self.ended)
    }

    /// Responses whose status has this first digit, from 1 to 5; a status above 599 counts as 5.
    #[must_use]
    pub fn responses(&self, class: u8) -> u64 {
        let index = usize::from(class).checked_sub(1);
        index.and_then(|index| self.responses.get(index)).copied().unwrap_or_default()
    }

    /// What came and was no request: it was answered with 400, 414 or 431, or not at all, and is not
    /// among the requests. So is what was no header of the PROXY protocol, or of someone who is not to send one.
    #[must_use]
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// WebSockets whose handshake was accepted; each is among the requests, which go on as long as their socket.
    #[must_use]
    pub const fn websockets(&self) -> u64 {
        self.websockets
    }

    /// WebSockets that are open, or whose call goes on.
    #[must_use]
    pub const fn open_websockets(&self) -> u64 {
        self.websockets.saturating_sub(self.websockets_closed)
    }

    /// Octets that came on connections, those of TLS and of the framing of each protocol among them.
    #[must_use]
    pub const fn octets_received(&self) -> u64 {
        self.received
    }

    /// Octets that went out on connections, counted as those that came.
    #[must_use]
    pub const fn octets_sent(&self) -> u64 {
        self.sent
    }

    /// Requests that the application failed, other than by a panic: with an error, or by returning before its
    /// response was complete.
    #[must_use]
    pub const fn application_errors(&self) -> u64 {
        self.errors
    }

    /// Requests in which the application panicked.
    #[must_use]
    pub const fn application_panics(&self) -> u64 {
        self.panics
    }

    /// How often a limit was hit.
    #[must_use]
    pub const fn limit_hits(&self, limit: Limit) -> u64 {
        self.limits[limit as usize]
    }

    /// The figures in the text format of Prometheus.
    ///
    /// The type of the content is `text/plain; version=0.0.4; charset=utf-8`.
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        prometheus::text(self)
    }
}
