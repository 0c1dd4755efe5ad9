//! The task of one HTTP/2 connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_iface::{Connection, RequestHead};
use gateway_websocket::{Handshake, Session};
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Method, Request, StatusCode};
use tracing::debug;

use super::outgoing::refuse;
use super::stream::Stream;
use super::turns::{Turn, Turns};
use super::watched::Watched;
use super::websocket::WebSocket;
use crate::control::Control;
use crate::refusal::{refusal, take_authority, too_large};
use crate::serving::{Admitted, Serving};
use crate::socket::Rewound;
use crate::stats::{Counters, Limit};
use crate::waits::Wait;
use crate::websocket::Watch;

/// What the streams of a connection have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) serving: Arc<Serving>,
    control: Arc<Control>,
    connection: Arc<Connection>,
    /// Calls under way, those that outlive their stream included.
    calls: AtomicU32,
    /// How often the client took a request back, less the requests that it let finish.
    resets: AtomicU32,
    turns: Turns,
}

/// Serves the streams of a connection until it ends.
pub(crate) async fn serve(
    serving: Arc<Serving>,
    control: Arc<Control>,
    connection: Arc<Connection>,
    io: Rewound,
) {
    control.waits().begin(Wait::Head, serving.limits().head);
    let io = Watched::new(io, Arc::clone(&control), serving.limits().write);
    let mut handshake = Box::pin(serving.http2().handshake::<_, Bytes>(io));
    let shaken = poll_fn(|cx| {
        control.wait(cx);
        if control.is_cut_off() || control.waits().take_expired().is_some() {
            return Poll::Ready(None);
        }
        handshake.as_mut().poll(cx).map(Some)
    });
    let mut h2 = match shaken.await {
        Some(Ok(h2)) => h2,
        Some(Err(error)) => {
            debug!(%error, "HTTP/2 did not begin");
            return;
        }
        None => {
            debug!("HTTP/2 did not begin in time");
            return;
        }
    };
    control.waits().end(Wait::Head);
    let shared = Arc::new(Shared {
        serving,
        control,
        connection,
        calls: AtomicU32::new(0),
        resets: AtomicU32::new(0),
        turns: Turns::default(),
    });
    let (mut stopping, mut abused) = (false, false);
    poll_fn(|cx| {
        let control = &shared.control;
        control.wait(cx);
        if control.is_cut_off() {
            return Poll::Ready(());
        }
        let expired = control.waits().take_expired();
        let idle = expired.is_some_and(|expired| expired.contains(Wait::Idle));
        if expired.is_some_and(|expired| expired.contains(Wait::Write)) || (idle && stopping) {
            // It takes nothing; or was told to go, and stays.
            return Poll::Ready(());
        }
        if (control.is_stopping() || idle) && !stopping {
            stopping = true;
            h2.graceful_shutdown();
        }
        if shared.is_abused() && !abused {
            abused = true;
            shared.counters().hit(Limit::Http2Resets);
            h2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        }
        let polled = shared.poll_accept(cx, &mut h2);
        shared.turns.count();
        polled
    })
    .await;
}

impl Shared {
    fn poll_accept(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        h2: &mut h2::server::Connection<Watched, Bytes>,
    ) -> Poll<()> {
        loop {
            match h2.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => self.begin(request, respond),
                Poll::Ready(Some(Err(error))) => {
                    debug!(%error, "connection ended");
                    if error.is_library() {
                        self.counters().malformed();
                    }
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {
                    if self.calls.load(Ordering::Relaxed) == 0 {
                        self.rest();
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Begins the call for a request, in a task of its own.
    fn begin(self: &Arc<Self>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        self.control.waits().end(Wait::Idle);
        let settings = self.serving.settings();
        let (parts, body) = request.into_parts();
        let mut head = Box::new(RequestHead::on(parts, Arc::clone(&self.connection)));
        let is_head = head.method() == Method::HEAD;
        let protocol = head.extensions_mut().remove::<Protocol>();
        let websocket = protocol.as_ref().is_some_and(|protocol| protocol.as_str() == "websocket");
        if websocket {
            // A handshake reads as one of HTTP/1 does, from here on.
            head.set_method(Method::GET);
        }
        // Of a protocol that is not spoken here there is nothing more to check.
        let unknown = (protocol.is_some() && !websocket).then_some(StatusCode::NOT_IMPLEMENTED);
        let many = head.headers().len() > settings.max_headers;
        let refused = unknown.or_else(|| {
            many.then(|| self.counters().hit(Limit::HeadSize))?;
            Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
        });
        let refused = refused.or_else(|| take_authority(&mut head));
        let refused = refused.or_else(|| refusal(&head, false)).or_else(|| {
            let status = too_large(&head, settings.max_body_size)?;
            self.counters().hit(Limit::BodySize);
            Some(status)
        });
        let admitted = self.serving.admit();
        let refused = refused.or_else(|| {
            admitted.is_err().then(|| self.counters().hit(Limit::ConcurrentRequests))?;
            Some(StatusCode::SERVICE_UNAVAILABLE)
        });
        if let Some(status) = refused {
            self.counters().request_begun();
            self.counters().answered(status);
            self.counters().request_ended();
            refuse(&mut respond, status, is_head, &self.serving);
            return;
        }
        if self.calls.fetch_add(1, Ordering::Relaxed) >= settings.http2_max_streams.saturating_mul(2) {
            // Calls whose client went away run to their end, and count.
            self.calls.fetch_sub(1, Ordering::Relaxed);
            self.counters().hit(Limit::Http2Streams);
            respond.send_reset(Reason::REFUSED_STREAM);
            return;
        }
        let admitted = admitted.ok().flatten();
        if websocket {
            self.begin_websocket(head, body, respond, admitted);
            return;
        }
        self.serving.spawn_call(Stream::new(Arc::clone(self), head, body, respond, admitted));
    }

    /// Begins the call for a WebSocket, unless its handshake is not valid.
    fn begin_websocket(
        self: &Arc<Self>,
        head: Box<RequestHead>,
        body: RecvStream,
        mut respond: SendResponse<Bytes>,
        admitted: Option<Admitted>,
    ) {
        let counters = self.counters();
        counters.request_begun();
        let settings = &self.serving.settings().websocket;
        let handshake = match Handshake::read(&head, false, settings) {
            Ok(handshake) => handshake,
            Err(status) => {
                counters.answered(status);
                counters.request_ended();
                self.over();
                refuse(&mut respond, status, false, &self.serving);
                return;
            }
        };
        let registered = self.serving.register(counters);
        let watch = Watch::new(Arc::clone(&self.serving), Arc::clone(registered.control()), admitted);
        let session = Session::begin(Arc::clone(self.serving.app()), head, handshake, settings, watch);
        let socket = WebSocket::new(Arc::clone(self), registered, session, body, respond);
        self.serving.spawn_call(socket.run());
    }

    /// Ready when the connection has written what streams had left when this was first asked, as far as its client
    /// takes it.
    pub(super) fn poll_written(&self, cx: &Context<'_>, turn: &mut Option<Turn>) -> Poll<()> {
        let turn = *turn.get_or_insert_with(|| self.turns.next());
        let polled = self.turns.poll_over(cx, turn);
        if polled.is_pending() {
            self.control.wake();
        }
        polled
    }

    /// Where its requests are counted.
    pub(super) fn counters(&self) -> &Arc<Counters> {
        self.control.counters()
    }

    /// A stream is over, and its call.
    pub(super) fn over(&self) {
        if self.calls.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.rest();
        }
    }

    /// Nothing is under way: the next request is waited for.
    fn rest(&self) {
        let waits = self.control.waits();
        if !waits.is_waiting(Wait::Idle) {
            waits.begin(Wait::Idle, self.serving.limits().idle);
        }
    }

    /// A stream ended; `reset` tells whether the client took the request back.
    pub(super) fn ended(&self, reset: bool) {
        if reset {
            self.resets.fetch_add(1, Ordering::Relaxed);
            if self.is_abused() {
                self.control.wake();
            }
        } else {
            let less = |resets: u32| resets.checked_sub(1);
            // Below nothing there is nothing to take off.
            let _ = self.resets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// Whether the server is shutting down.
    pub(super) fn is_stopping(&self) -> bool {
        self.control.is_stopping()
    }

    /// Whether the client does little else than to take requests back (rapid reset, CVE-2023-44487).
    fn is_abused(&self) -> bool {
        self.resets.load(Ordering::Relaxed) > self.serving.settings().http2_max_resets
    }
}
