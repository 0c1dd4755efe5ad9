//! The application's call for one WebSocket.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gateway_iface::asgi::{self, Disconnect, Receive, Scope, WebSocketScope};
use gateway_iface::{Error, RequestHead};
use http::Response;
use http::header::{CONNECTION, UPGRADE};
use hyper::upgrade::OnUpgrade;
use tokio::time::{Sleep, sleep};

use super::exchange::{Denied, WebSocketExchange};
use super::handshake::Handshake;
use super::reader::Reader;
use super::response::{self, Content};
use super::settings::Settings;
use super::state::Reply;
use crate::control::Control;
use crate::serving::{Admitted, Serving};
use crate::stats::{Counters, Limit};

/// The application's call for one WebSocket, from its handshake on.
pub(crate) struct Session {
    call: Option<Call>,
    exchange: Arc<WebSocketExchange>,
    handshake: Handshake,
    serving: Arc<Serving>,
    counters: Arc<Counters>,
    accepted: bool,
    timeout: Option<Pin<Box<Sleep>>>,
}

type Call = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Session {
    /// Begins the call; nothing of the application runs yet.
    pub(crate) fn begin(
        serving: Arc<Serving>,
        control: &Control,
        mut head: Box<RequestHead>,
        handshake: Handshake,
        admitted: Option<Admitted>,
    ) -> Self {
        head.set_bodiless(true);
        head.extensions_mut().remove::<OnUpgrade>();
        let scope = WebSocketScope::new(head);
        let exchange = Arc::new(WebSocketExchange::new(&scope));
        let receive = Receive::shared(Arc::clone(&exchange) as _);
        let send = asgi::Send::shared(Arc::clone(&exchange) as _);
        let timeout = serving.settings().websocket.handshake_timeout;
        let timeout = timeout.map(|timeout| Box::pin(sleep(timeout)));
        let app = Arc::clone(serving.app());
        let call = async move {
            let result = app.call(Scope::WebSocket(scope), receive, send).await;
            drop(admitted);
            result
        };
        let counters = Arc::clone(control.counters());
        Self { call: Some(Box::pin(call)), exchange, handshake, serving, counters, accepted: false, timeout }
    }

    /// Polls the call until it answers the handshake (S-15), or has taken too long for it (S-25).
    pub(crate) fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Reply> {
        self.poll(cx);
        if let Poll::Ready(reply) = self.exchange.poll_reply(cx) {
            self.timeout = None;
            self.accepted = matches!(reply, Reply::Accept(_));
            return Poll::Ready(reply);
        }
        let timeout = self.timeout.as_mut().is_some_and(|timeout| timeout.as_mut().poll(cx).is_ready());
        if timeout {
            self.timeout = None;
            self.counters.hit(Limit::WebSocketHandshakeTime);
            self.exchange.lose(Disconnect::Timeout);
            return self.exchange.poll_reply(cx);
        }
        Poll::Pending
    }

    /// The answer on HTTP/1.1.
    pub(crate) fn response(&self, reply: Reply) -> Response<Content> {
        match reply {
            Reply::Accept(accept) => response::switching(&self.handshake, *accept).map(Content::Whole),
            Reply::Refuse(status) => response::refusal(status).map(Content::Whole),
            Reply::Deny(start) => {
                let denied = Denied::new(Arc::clone(&self.exchange));
                response::denial(start, denied).map(Content::Denied)
            }
        }
    }

    /// The answer on HTTP/2 (S-63): with nothing of the connection, which goes on.
    pub(crate) fn response_over_http_2(&self, reply: Reply) -> Response<Content> {
        let mut response = match reply {
            Reply::Accept(accept) => response::opening(&self.handshake, *accept).map(Content::Whole),
            reply => self.response(reply),
        };
        for name in [CONNECTION, UPGRADE] {
            response.headers_mut().remove(name);
        }
        response
    }

    /// Whether the handshake was accepted.
    pub(crate) const fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// Whether the client waits for 100 before the answer (S-13).
    pub(crate) const fn expects(&self) -> bool {
        self.handshake.expects
    }

    /// Polls the call, if it is under way.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) {
        let Some(call) = &mut self.call else {
            return;
        };
        let polled = self.exchange.drive(|| catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))));
        let result = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(result)) => {
                self.counters.returned(&result);
                result
            }
            Err(payload) => {
                self.counters.panicked();
                Err(Error::from_panic(&*payload))
            }
        };
        self.call = None;
        self.counters.request_ended();
        if self.exchange.end(&result) && result.is_ok() {
            self.counters.incomplete();
        }
    }

    pub(crate) const fn is_active(&self) -> bool {
        self.call.is_some()
    }

    /// The connection is lost, or over; whether the socket was not.
    pub(crate) fn lose(&self, reason: Disconnect) -> bool {
        self.exchange.lose(reason)
    }

    /// The server shuts down.
    pub(crate) fn shut_down(&self) {
        self.exchange.shut_down();
    }

    /// Drops the call where it is.
    pub(crate) fn cancel(&mut self) {
        if self.call.take().is_some() {
            self.counters.request_ended();
            self.exchange.finish();
        }
    }

    /// The socket is open: what reads its messages.
    pub(super) fn open(&mut self) -> Reader {
        self.timeout = None;
        let settings = &self.serving.settings().websocket;
        let pool = || settings.pool.clone();
        self.exchange.open(self.handshake.deflate.map(|agreed| agreed.deflater(pool())));
        let inflater = self.handshake.deflate.map(|agreed| agreed.inflater(pool()));
        Reader::new(settings.max_message, settings.max_frame, inflater)
    }

    pub(super) const fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(super) fn exchange(&self) -> &WebSocketExchange {
        &self.exchange
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.serving.settings().websocket
    }

    pub(super) fn serving(&self) -> &Serving {
        &self.serving
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The runtime ends before the call does, or the server gives it up.
        if self.is_active() {
            self.lose(Disconnect::Shutdown);
            self.cancel();
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("active", &self.is_active()).finish_non_exhaustive()
    }
}
