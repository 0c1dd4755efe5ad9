//! Counts requests and responses.
//!
//! It looks and forwards: nothing of a request or response is changed, and it costs no allocation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;

use crate::asgi::call::CallFuture;
use crate::error::Error;
use crate::outcome::{Observe, Outcome};
use crate::{asgi, wsgi};

/// Counts the requests that reach the inner application, and what becomes of them.
///
/// It counts HTTP requests and WebSockets. A WebSocket is one request; it is informational (101) when
/// it was accepted, a client error (403) when it was closed instead, and its octets are those of
/// messages sent. Lifespans pass untouched (A-144).
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::Counter;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.text(200, "hello").await?;
///     Ok(())
/// }
///
/// let app = Counter::new(hello);
/// let counts = app.counts();
/// block_on(AsgiClient::new(app).request(Request::get("/").body("")?))?;
/// let now = counts.snapshot();
/// assert_eq!((now.requests, now.success, now.in_flight, now.bytes_out), (1, 1, 0, 5));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Counter<A> {
    inner: A,
    counts: Counts,
}

impl<A> Counter<A> {
    /// Counts from zero what reaches `inner`.
    ///
    /// In the middle of a chain, where [`counts`](Self::counts) is out of reach afterwards, make
    /// [`Counts`] first and use [`with_counts`](Self::with_counts).
    #[must_use]
    pub fn new(inner: A) -> Self {
        Self::with_counts(inner, Counts::default())
    }

    /// Adds to counts that others add to as well.
    #[must_use]
    pub const fn with_counts(inner: A, counts: Counts) -> Self {
        Self { inner, counts }
    }

    /// A handle on the counts, to read them while they change.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }
}

impl<A: asgi::Application> asgi::Application for Counter<A> {
    #[inline]
    fn call<'a, 'b>(&'a self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if !matches!(scope, asgi::Scope::Lifespan(_)) {
            send.observe(self.counts.begin());
        }
        self.inner.call(scope, receive, send)
    }
}

impl<A: wsgi::Application> wsgi::Application for Counter<A> {
    #[inline]
    fn call(
        &self,
        environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        start_response.observe(self.counts.begin());
        self.inner.call(environ, start_response)
    }
}

/// A handle on the counts of a [`Counter`]; a clone is the same counts.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    tally: Arc<Tally>,
}

impl Counts {
    /// Zero of everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The counts now.
    ///
    /// Each number is right; between two of them others may have changed.
    #[must_use]
    pub fn snapshot(&self) -> CountsSnapshot {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let [unanswered, informational, success, redirect, client_error, server_error] =
            self.tally.finished.each_ref().map(read);
        let finished = unanswered + informational + success + redirect + client_error + server_error;
        let requests = read(&self.tally.requests);
        CountsSnapshot {
            requests,
            in_flight: requests.saturating_sub(finished),
            informational,
            success,
            redirect,
            client_error,
            server_error,
            unanswered,
            bytes_out: read(&self.tally.bytes_out),
        }
    }

    #[inline]
    fn begin(&self) -> Arc<dyn Observe> {
        self.tally.requests.fetch_add(1, Ordering::Relaxed);
        self.tally.clone()
    }
}

/// What a [`Counter`] has counted at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct CountsSnapshot {
    /// Calls for an HTTP request or a WebSocket.
    pub requests: u64,
    /// Those of them that are not over yet.
    pub in_flight: u64,
    /// WebSockets that were accepted and are over.
    pub informational: u64,
    /// Responses with 200 to 299.
    pub success: u64,
    /// Responses with 300 to 399.
    pub redirect: u64,
    /// Responses with 400 to 499.
    pub client_error: u64,
    /// Responses with 500 to 599.
    pub server_error: u64,
    /// Requests that nobody started a response for: lost or dropped before.
    pub unanswered: u64,
    /// Octets of body that the server accepted, those of unfinished responses included.
    pub bytes_out: u64,
}

#[derive(Debug, Default)]
struct Tally {
    requests: AtomicU64,
    bytes_out: AtomicU64,
    /// By the first digit of the status; 0 is no status.
    finished: [AtomicU64; 6],
}

impl Observe for Tally {
    #[inline]
    fn block(&self, len: usize) {
        self.bytes_out.fetch_add(len as u64, Ordering::Relaxed);
    }

    #[inline]
    fn finished(&self, outcome: &Outcome) {
        let untold = outcome.bytes.saturating_sub(outcome.told);
        if untold > 0 {
            self.bytes_out.fetch_add(untold, Ordering::Relaxed);
        }
        let class = outcome.status.map_or(0, |status: StatusCode| usize::from(status.as_u16() / 100));
        if let Some(number) = self.finished.get(class) {
            number.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Request};

    use super::*;
    use crate::RequestHead;
    use crate::asgi::event::{Accept, Message};
    use crate::asgi::{Disconnect, Handshake, Receive, Scope, Send};
    use crate::asgi::{LifespanError, LifespanExchange};
    use crate::testing::{AsgiClient, WsgiClient, block_on};
    use crate::wsgi::{Body, Environ, StartResponse};

    async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        let scope = scope.into_http()?;
        let status = scope.path_info()[1..].parse::<u16>()?;
        send.start(StatusCode::from_u16(status)?, HeaderMap::new()).await?;
        send.block("one").await?;
        send.last("four").await?;
        Ok(())
    }

    fn get(path: &str) -> Request<&'static str> {
        Request::get(path).body("").unwrap()
    }

    fn head(path: &str) -> RequestHead {
        RequestHead::new(get(path).into_parts().0)
    }

    #[test]
    fn responses_are_counted_by_class_and_octets() {
        let app = Counter::new(app);
        let (counts, client) = (app.counts(), AsgiClient::new(app));
        for path in ["/200", "/299", "/301", "/404", "/418", "/500", "/none"] {
            block_on(client.request(get(path))).unwrap();
        }
        let now = counts.snapshot();
        assert_eq!((now.requests, now.in_flight), (7, 0));
        assert_eq!((now.success, now.redirect, now.client_error, now.server_error), (2, 1, 2, 2));
        assert_eq!((now.informational, now.unanswered, now.bytes_out), (0, 0, 6 * 7));
    }

    #[test]
    fn octets_and_requests_in_flight_are_readable_while_it_runs() {
        let app = Counter::new(app);
        let (counts, client) = (app.counts(), AsgiClient::new(app));
        let mut exchange = client.begin(head("/200"));
        assert_eq!(counts.snapshot().in_flight, 1);
        block_on(exchange.next_event()).unwrap();
        block_on(exchange.next_event()).unwrap();
        assert_eq!((counts.snapshot().in_flight, counts.snapshot().bytes_out), (1, 3));
        block_on(exchange.finish()).unwrap();
        assert_eq!((counts.snapshot().in_flight, counts.snapshot().bytes_out), (0, 7));
    }

    #[test]
    fn lost_and_dropped_exchanges_are_over_too() {
        let app = Counter::new(app);
        let (counts, client) = (app.counts(), AsgiClient::new(app));
        let mut lost = client.begin(head("/200"));
        assert!(lost.poll_once().is_pending());
        lost.disconnect(Disconnect::Client);
        assert!(block_on(lost.finish()).is_err());
        drop(client.begin(head("/200")));
        let now = counts.snapshot();
        assert_eq!((now.requests, now.in_flight, now.success, now.unanswered), (2, 0, 1, 1));
    }

    #[test]
    fn a_144_websockets_are_counted_and_lifespans_pass() {
        async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
            let accept = scope.into_websocket()?.head().path_info() == "/open";
            let handshake = Handshake::begin(receive, send).await?;
            if accept {
                handshake.accept(Accept::new()).await?.send("four").await?;
            } else {
                handshake.close().await?;
            }
            Ok(())
        }
        let app = Counter::new(app);
        let counts = app.counts();
        assert!(matches!(block_on(LifespanExchange::new(&app).startup()), Err(LifespanError::Unsupported)));
        assert_eq!(counts.snapshot(), CountsSnapshot::default());
        let client = AsgiClient::new(app);
        let mut socket = client.websocket(Request::get("/open").body(()).unwrap());
        block_on(socket.connect()).unwrap();
        assert_eq!(block_on(socket.next()), Some(Message::from("four")));
        block_on(socket.finish()).unwrap();
        assert!(block_on(client.websocket(Request::get("/refuse").body(()).unwrap()).connect()).is_err());
        let now = counts.snapshot();
        assert_eq!((now.requests, now.informational, now.client_error, now.in_flight), (2, 1, 1, 0));
        assert_eq!(now.bytes_out, 4);
    }

    #[test]
    fn synchronous_responses_are_counted_the_same() {
        let app = |environ: Environ, start_response: &mut dyn StartResponse| -> Result<Body, Error> {
            let status = environ.path_info()[1..].parse::<u16>()?;
            start_response.start(StatusCode::from_u16(status)?, HeaderMap::new())?;
            Ok(Body::blocks(["one", "four"]))
        };
        let app = Counter::new(app);
        let (counts, client) = (app.counts(), WsgiClient::new(app));
        for path in ["/200", "/404", "/none"] {
            client.request(get(path)).unwrap();
        }
        assert!(!client.begin(head("/200")).lose_after(1).run().is_complete());
        let now = counts.snapshot();
        assert_eq!((now.requests, now.in_flight), (4, 0));
        assert_eq!((now.success, now.client_error, now.server_error), (2, 1, 1));
    }

    #[test]
    fn counts_can_be_shared_between_counters() {
        let counts = Counts::new();
        for _ in 0..2 {
            let client = AsgiClient::new(Counter::with_counts(app, counts.clone()));
            block_on(client.request(get("/200"))).unwrap();
        }
        assert_eq!(counts.snapshot().requests, 2);
    }
}
