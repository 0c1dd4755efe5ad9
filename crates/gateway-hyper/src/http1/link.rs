//! What all parts of one connection share: hyper's service and body, the application's call, and the
//! task that drives them.

use std::fmt;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};

use gateway_iface::asgi::{self, Disconnect, HttpScope, Receive, Scope};
use gateway_iface::{Connection, Error, RequestHead, RequestTrailers};
use gateway_websocket::{Session, is_asked};
use http::{Request, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::ReusableBoxFuture;

use super::detached::Detached;
use super::interim::Interim;
use super::service::Responding;
use crate::builder::OnDisconnect;
use crate::control::Control;
use crate::exchange::{HttpExchange, Input};
use crate::refusal::{refusal, replace_host, too_large};
use crate::serving::Serving;
use crate::stats::Limit;
use crate::waits::Wait;
use crate::websocket::Watch;

/// One connection.
///
/// The application's call lives here, in a box that is used again for every request, and is polled by
/// whoever needs something of it: hyper for the head and for each block, the connection's task for the
/// rest. So a request costs no task and no channel, and a call goes on when hyper has lost interest
/// in its body.
pub(crate) struct Link {
    serving: Arc<Serving>,
    control: Arc<Control>,
    connection: Arc<Connection>,
    call: Mutex<Call>,
    /// Whether a call is under way.
    active: AtomicBool,
    /// Whether the call was polled since the connection's task was last woken.
    polled: AtomicBool,
    /// Whether a body waits until hyper has written out what came before: see [`Link::poll_flushed`].
    flush: AtomicU8,
    /// How many requests came.
    requests: AtomicU64,
    interim: Interim,
}

pub(super) struct Call {
    future: ReusableBoxFuture<'static, Result<(), Error>>,
    pub(super) exchange: Option<Arc<HttpExchange>>,
    /// The call of a WebSocket, until its handshake is answered, and after that if it is refused.
    pub(super) websocket: Option<Box<Session<Watch>>>,
}

impl Link {
    pub(crate) fn new(serving: Arc<Serving>, control: Arc<Control>, connection: Arc<Connection>) -> Self {
        control.waits().begin(Wait::Head, serving.limits().head);
        Self {
            serving,
            control,
            connection,
            call: Mutex::default(),
            active: AtomicBool::new(false),
            polled: AtomicBool::new(false),
            flush: AtomicU8::new(IDLE),
            requests: AtomicU64::new(0),
            interim: Interim::default(),
        }
    }

    /// Begins the call for a request; nothing of the application runs yet.
    pub(super) fn begin(self: &Arc<Self>, request: Request<Incoming>) -> Responding {
        let waits = self.control.waits();
        waits.end(Wait::Head);
        waits.end(Wait::Idle);
        let (parts, body) = request.into_parts();
        let mut head = Box::new(RequestHead::on(parts, Arc::clone(&self.connection)));
        let body = if body.is_end_stream() { None } else { Some(body) };
        let chunked = body.as_ref().is_some_and(|body| body.size_hint().exact().is_none());
        self.control.counters().request_begun();
        let settings = self.serving.settings();
        let too_large = || {
            let status = too_large(&head, settings.max_body_size)?;
            self.control.counters().hit(Limit::BodySize);
            Some(status)
        };
        let admitted = self.serving.admit();
        let full = || {
            admitted.is_err().then(|| self.control.counters().hit(Limit::ConcurrentRequests))?;
            Some(StatusCode::SERVICE_UNAVAILABLE)
        };
        if let Some(status) = refusal(&head, chunked).or_else(too_large).or_else(full) {
            self.control.counters().request_ended();
            return Responding { link: Arc::clone(self), refused: Some(status) };
        }
        replace_host(&mut head);
        // hyper leaves something there when a request asks for another protocol.
        if !head.extensions().is_empty() && is_asked(&head) {
            return self.begin_websocket(head, body.is_some(), admitted.ok().flatten());
        }
        head.set_bodiless(body.is_none());
        if chunked && head.headers().contains_key(header::TRAILER) {
            head.extensions_mut().insert(RequestTrailers::new());
        }
        let body = body.map(Input::Http1);
        let mut call = self.lock();
        self.make_way(&mut call);
        let exchange = match &mut call.exchange {
            Some(exchange) => {
                if let Some(exchange) = Arc::get_mut(exchange) {
                    exchange.reset(&head, body);
                } else {
                    *exchange = Arc::new(HttpExchange::new(&self.serving, &self.control, &head, body));
                }
                exchange
            }
            none => none.insert(Arc::new(HttpExchange::new(&self.serving, &self.control, &head, body))),
        };
        let exchange = Arc::clone(exchange);
        if self.control.is_stopping() {
            exchange.shut_down();
        }
        let receive = Receive::shared(Arc::clone(&exchange) as _);
        let send = asgi::Send::shared(exchange as _);
        let app = Arc::clone(self.serving.app());
        call.future.set(async move {
            let result = app.call(Scope::Http(HttpScope::new(head)), receive, send).await;
            drop(admitted);
            result
        });
        waits.begin(Wait::Call, self.serving.limits().call);
        self.active.store(true, Ordering::Relaxed);
        Responding { link: Arc::clone(self), refused: None }
    }

    /// Polls the application's call, if one is under way.
    pub(crate) fn drive(&self, cx: &mut Context<'_>) {
        let mut call = self.lock();
        if let (Some(result), Some(exchange)) = (self.poll_call(&mut call, cx), &call.exchange) {
            exchange.end(&result);
        }
    }

    /// Whether the application was called for a request on this connection.
    pub(super) fn has_served(&self) -> bool {
        self.lock().exchange.is_some()
    }

    /// Whether the connection has had all requests that it may have.
    pub(super) fn is_last(&self) -> bool {
        let Some(most) = self.serving.settings().max_requests else {
            return false;
        };
        self.requests.fetch_add(1, Ordering::Relaxed) + 1 >= most
    }

    /// Something was read.
    #[inline]
    pub(super) fn received(&self) {
        let waits = self.control.waits();
        if waits.is_waiting(Wait::Idle) {
            waits.end(Wait::Idle);
            waits.begin(Wait::Head, self.serving.limits().head);
        }
    }

    /// Nothing is under way: the next request is waited for.
    #[inline]
    pub(super) fn rest(&self) {
        let waits = self.control.waits();
        if !waits.is_waiting(Wait::Idle) && !waits.is_waiting(Wait::Head) && !waits.is_waiting(Wait::Write) {
            waits.begin(Wait::Idle, self.serving.limits().idle);
        }
    }

    /// Writing waits for the client, or does so no more.
    #[inline]
    pub(super) fn written(&self, blocked: bool) {
        let waits = self.control.waits();
        if waits.is_waiting(Wait::Write) != blocked {
            if blocked {
                waits.begin(Wait::Write, self.serving.limits().write);
            } else {
                waits.end(Wait::Write);
            }
        }
    }

    /// The client is too slow with the body of its request.
    pub(super) fn time_out_body(&self) {
        if let Some(exchange) = &self.lock().exchange {
            exchange.refuse_body(StatusCode::REQUEST_TIMEOUT, Disconnect::Timeout);
        }
    }

    /// The application is too slow with the head of its response.
    pub(super) fn time_out_call(&self) {
        let lost = self.lock().exchange.as_ref().is_some_and(|exchange| exchange.time_out());
        if lost && self.serving.settings().on_disconnect == OnDisconnect::Cancel {
            self.cancel();
        }
    }

    /// What is to be sent ahead of the head.
    #[inline]
    pub(super) const fn interim(&self) -> &Interim {
        &self.interim
    }

    /// Polls the call, if one is under way: what it came to, if it is over now.
    pub(super) fn poll_call(&self, call: &mut Call, cx: &mut Context<'_>) -> Option<Result<(), Error>> {
        if !self.active.load(Ordering::Relaxed) {
            return None;
        }
        self.polled.store(true, Ordering::Relaxed);
        if let Some(session) = &mut call.websocket {
            session.poll_call(cx);
            self.active.store(session.is_active(), Ordering::Relaxed);
            return None;
        }
        let Call { future, exchange: Some(exchange), .. } = call else {
            return None;
        };
        let polled = exchange.drive(|| catch_unwind(AssertUnwindSafe(|| future.poll(cx))));
        let result = match polled {
            Ok(Poll::Pending) => return None,
            Ok(Poll::Ready(result)) => {
                self.control.counters().returned(&result);
                result
            }
            Err(payload) => {
                *future = ReusableBoxFuture::new(pending());
                self.control.counters().panicked();
                Err(Error::from_panic(&*payload))
            }
        };
        self.active.store(false, Ordering::Relaxed);
        self.control.counters().request_ended();
        Some(result)
    }

    /// The connection's task begins to look after everything.
    pub(crate) fn begin_poll(&self) {
        self.polled.store(false, Ordering::Relaxed);
    }

    /// Polls the call, unless hyper did so since [`begin_poll`](Self::begin_poll): it may be waiting for
    /// something else than the client, who may be stalled or gone.
    pub(crate) fn drive_if_unpolled(&self, cx: &mut Context<'_>) {
        if self.is_active() && !self.polled.load(Ordering::Relaxed) {
            self.drive(cx);
        }
    }

    /// Whether a request is under way whose response is not complete.
    pub(crate) fn is_answering(&self) -> bool {
        if !self.is_active() {
            return false;
        }
        let call = self.lock();
        call.websocket.is_some() || !call.exchange.as_ref().is_some_and(|exchange| exchange.is_answered())
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    pub(super) fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Relaxed);
    }

    pub(crate) const fn control(&self) -> &Arc<Control> {
        &self.control
    }

    pub(crate) fn serving(&self) -> &Arc<Serving> {
        &self.serving
    }

    /// Whether hyper has written out all it holds since this was first asked.
    pub(crate) fn poll_flushed(&self) -> Poll<()> {
        let _ = self.flush.compare_exchange(IDLE, WAITING, Ordering::Relaxed, Ordering::Relaxed);
        if self.flush.load(Ordering::Relaxed) == FLUSHED { Poll::Ready(()) } else { Poll::Pending }
    }

    /// hyper has written out all it holds.
    #[inline]
    pub(crate) fn flushed(&self) {
        if self.flush.load(Ordering::Relaxed) == WAITING {
            self.flush.store(FLUSHED, Ordering::Relaxed);
            self.control.wake();
        }
    }

    /// Tells the application that the server is shutting down.
    pub(crate) fn tell_shutdown(&self) {
        let call = self.lock();
        if let Some(session) = &call.websocket {
            session.shut_down();
        } else if let Some(exchange) = &call.exchange {
            exchange.shut_down();
        }
    }

    /// The connection is lost: the call, if it goes on, learns of it. Whether its response was under way.
    pub(crate) fn lose(&self, reason: Disconnect) -> bool {
        let call = self.lock();
        if let Some(session) = &call.websocket {
            return session.lose(reason);
        }
        call.exchange.as_ref().is_some_and(|exchange| exchange.lose(reason))
    }

    /// The connection ended as it should; whether a call lost its client all the same.
    pub(crate) fn close(&self) -> bool {
        let call = self.lock();
        if let Some(session) = &call.websocket {
            return session.lose(Disconnect::Client);
        }
        call.exchange.as_ref().is_some_and(|exchange| exchange.close())
    }

    /// Whether the client learns of a broken response by a reset only (H-87).
    pub(crate) fn needs_reset(&self) -> bool {
        self.lock().exchange.as_ref().is_some_and(|exchange| exchange.needs_reset())
    }

    /// Drops the call where it is.
    pub(crate) fn cancel(&self) {
        let mut call = self.lock();
        call.future = ReusableBoxFuture::new(pending());
        if let Some(session) = &mut call.websocket {
            session.cancel();
            self.set_active(false);
            return;
        }
        if let Some(exchange) = &call.exchange {
            exchange.finish();
        }
        if self.active.swap(false, Ordering::Relaxed) {
            self.control.counters().request_ended();
        }
    }

    /// Makes way for the call of the next request.
    #[inline]
    pub(super) fn make_way(&self, call: &mut Call) {
        if self.active.load(Ordering::Relaxed) {
            self.detach(call);
        }
        self.flush.store(IDLE, Ordering::Relaxed);
    }

    /// A call whose response is complete goes on in a task of its own, while the connection serves its
    /// next request.
    fn detach(&self, call: &mut Call) {
        let future = std::mem::replace(&mut call.future, ReusableBoxFuture::new(pending()));
        if let Some(exchange) = call.exchange.take() {
            exchange.close();
            let control = Arc::clone(&self.control);
            self.serving.spawn_call(Detached::new(future, exchange, control));
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Call> {
        self.call.lock()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("active", &self.active)
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

impl Default for Call {
    fn default() -> Self {
        Self { future: ReusableBoxFuture::new(pending()), exchange: None, websocket: None }
    }
}

const IDLE: u8 = 0;
const WAITING: u8 = 1;
const FLUSHED: u8 = 2;
