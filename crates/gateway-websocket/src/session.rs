//! The application's call for one WebSocket.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gateway_iface::asgi::{self, Application, Disconnect, Receive, Scope, WebSocketScope};
use gateway_iface::{Error, RequestHead};
use http::{Method, Response};
use tokio::time::{Sleep, sleep};

use super::content::Content;
use super::exchange::WebSocketExchange;
use super::handshake::{Handshake, is_multiplexed};
use super::reader::Reader;
use super::response;
use super::settings::{Settings, Values};
use super::state::Reply;
use super::watch::{CallEnd, Limit, Watch};

/// The application's call for one WebSocket, from its handshake on.
///
/// Nothing runs by itself: [`poll_reply`](Self::poll_reply) polls the call until it has answered the handshake. What
/// is left then goes on by [`Driver`](crate::Driver) where the socket opens, by [`poll_call`](Self::poll_call) or
/// [`finish`](Self::finish) where it does not; [`run`](Self::run) knows which.
///
/// One that is dropped before its call is over drops that too; a half that is kept in another task is told
/// [`Disconnect::Shutdown`] then, unless the session was [lost](Self::lose) before.
#[must_use = "the application is called when this is polled"]
pub struct Session<W: Watch = ()> {
    call: Option<Call>,
    exchange: Arc<WebSocketExchange>,
    handshake: Handshake,
    settings: Settings,
    watch: W,
    accepted: bool,
    timeout: Option<Pin<Box<Sleep>>>,
}

type Call = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl<W: Watch> Session<W> {
    /// Begins the call; nothing of the application runs yet.
    ///
    /// Extensions that a server keeps in the head for itself are to be taken out before.
    pub fn begin<A: Application + ?Sized + 'static>(
        app: Arc<A>,
        head: impl Into<Box<RequestHead>>,
        handshake: Handshake,
        settings: &Settings,
        watch: W,
    ) -> Self {
        let mut head = head.into();
        if is_multiplexed(head.version()) {
            // From here on a handshake reads as one of HTTP/1 does.
            head.set_method(Method::GET);
        }
        head.set_bodiless(true);
        let scope = WebSocketScope::new(head);
        let exchange = Arc::new(WebSocketExchange::new(&scope));
        let receive = Receive::shared(Arc::clone(&exchange) as _);
        let send = asgi::Send::shared(Arc::clone(&exchange) as _);
        let timeout = settings.values().handshake_timeout.map(|timeout| Box::pin(sleep(timeout)));
        let call = async move { app.call(Scope::WebSocket(scope), receive, send).await };
        Self {
            call: Some(Box::pin(call)),
            exchange,
            handshake,
            settings: settings.clone(),
            watch,
            accepted: false,
            timeout,
        }
    }

    /// Polls the call until it answers the handshake (S-15), or has taken too long for it (S-25).
    ///
    /// The answer is one of HTTP/1.1 or of HTTP/2 (S-63), as the handshake was. Once it is there this is not to be
    /// polled again.
    pub fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Response<Content>> {
        self.poll_call(cx);
        if let Poll::Ready(reply) = self.exchange.poll_reply(cx) {
            return Poll::Ready(self.answer(reply));
        }
        let timeout = self.timeout.as_mut().is_some_and(|timeout| timeout.as_mut().poll(cx).is_ready());
        if timeout {
            self.watch.hit(Limit::HandshakeTime);
            self.exchange.lose(Disconnect::Timeout);
            return self.exchange.poll_reply(cx).map(|reply| self.answer(reply));
        }
        Poll::Pending
    }

    fn answer(&mut self, reply: Reply) -> Response<Content> {
        self.timeout = None;
        let version = self.handshake.version;
        match reply {
            Reply::Accept(accept) => {
                self.accepted = true;
                response::opening(&self.handshake, *accept).map(Content::whole)
            }
            Reply::Refuse(status) => response::refusal(version, status).map(Content::whole),
            Reply::Deny(start) => {
                response::denial(version, start, Content::denied(Arc::clone(&self.exchange)))
            }
        }
    }

    /// Polls the call, if it is under way; [`is_active`](Self::is_active) tells whether it still is.
    pub fn poll_call(&mut self, cx: &mut Context<'_>) {
        let Some(call) = &mut self.call else {
            return;
        };
        let polled = self.exchange.drive(|| catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))));
        let (result, panicked) = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(result)) => (result, false),
            Err(payload) => (Err(Error::from_panic(&*payload)), true),
        };
        self.call = None;
        let fault = self.exchange.end(&result);
        self.watch.call_ended(match &result {
            Err(_) if panicked => CallEnd::Panicked,
            Err(error) => CallEnd::Failed(error),
            Ok(()) if fault => CallEnd::Incomplete,
            Ok(()) => CallEnd::Complete,
        });
    }

    /// Whether the handshake was accepted.
    pub const fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// Whether the client waits for 100 before the answer (S-13).
    pub const fn expects_continue(&self) -> bool {
        self.handshake.expects
    }

    /// Whether the call is under way.
    pub const fn is_active(&self) -> bool {
        self.call.is_some()
    }

    /// The connection is lost, or over; whether the socket was not.
    ///
    /// The application is told so, with the code 1006 where it had none, and its sends fail. Its call goes
    /// on as long as it is polled.
    pub fn lose(&self, reason: Disconnect) -> bool {
        self.exchange.lose(reason)
    }

    /// The server shuts down: an open socket is closed with 1001 (S-59), a handshake may still be answered.
    pub fn shut_down(&self) {
        self.exchange.shut_down();
    }

    /// Drops the call where it is.
    pub fn cancel(&mut self) {
        if self.call.take().is_some() {
            self.exchange.finish();
            self.watch.call_ended(CallEnd::Cancelled);
        }
    }

    /// The socket is open: what reads its messages.
    pub(super) fn open(&mut self) -> Reader {
        self.timeout = None;
        self.watch.opened();
        let settings = self.settings.values();
        let pool = || settings.pool.clone();
        self.exchange.open(self.handshake.deflate.map(|agreed| agreed.deflater(pool())));
        let inflater = self.handshake.deflate.map(|agreed| agreed.inflater(pool()));
        Reader::new(settings.max_message, settings.max_frame, inflater)
    }

    /// Wakes whoever takes the body of a denial, who is another task, as a rule.
    pub(super) fn wake(&self) {
        self.exchange.wake();
    }

    pub(super) const fn watch(&mut self) -> &mut W {
        &mut self.watch
    }

    pub(super) fn exchange(&self) -> &WebSocketExchange {
        &self.exchange
    }

    pub(super) fn settings(&self) -> &Values {
        self.settings.values()
    }
}

impl<W: Watch> Drop for Session<W> {
    fn drop(&mut self) {
        // The runtime ends before the call does, or the server gives it up.
        if self.is_active() {
            self.exchange.lose(Disconnect::Shutdown);
            self.cancel();
        }
    }
}

impl<W: Watch> fmt::Debug for Session<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("accepted", &self.accepted)
            .field("active", &self.is_active())
            .finish_non_exhaustive()
    }
}
