//! One stream: a request, its call, and its response.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_iface::asgi::{self, Disconnect, HttpScope, Receive, Scope};
use gateway_iface::{Error, RequestHead, RequestTrailers};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{StatusCode, header};

use super::body::Lost;
use super::connection::Shared;
use super::outgoing::Outgoing;
use crate::builder::OnDisconnect;
use crate::exchange::{HttpExchange, Input};
use crate::serving::{Admitted, Registered};
use crate::waits::Wait;

/// The task of one stream: it ends when the response is out, or lost, and the call is over.
pub(super) struct Stream {
    shared: Arc<Shared>,
    registered: Registered,
    told: bool,
    exchange: Arc<HttpExchange>,
    call: Option<Call>,
    /// `None` when nothing more goes out.
    outgoing: Option<Outgoing>,
}

type Call = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Stream {
    pub(super) fn new(
        shared: Arc<Shared>,
        mut head: Box<RequestHead>,
        body: RecvStream,
        respond: SendResponse<Bytes>,
        admitted: Option<Admitted>,
    ) -> Self {
        let registered = shared.serving.register(shared.counters());
        let control = registered.control();
        let body = if body.is_end_stream() { None } else { Some(Input::Http2(body)) };
        head.set_bodiless(body.is_none());
        if body.is_some() && head.headers().contains_key(header::TRAILER) {
            head.extensions_mut().insert(RequestTrailers::new());
        }
        let exchange = Arc::new(HttpExchange::new(&shared.serving, control, &head, body));
        control.waits().begin(Wait::Call, shared.serving.limits().call);
        let outgoing = Some(Outgoing::new(&head, respond));
        let receive = Receive::shared(Arc::clone(&exchange) as _);
        let send = asgi::Send::shared(Arc::clone(&exchange) as _);
        let app = Arc::clone(shared.serving.app());
        let call = async move {
            let result = app.call(Scope::Http(HttpScope::new(head)), receive, send).await;
            drop(admitted);
            result
        };
        shared.counters().request_begun();
        Self { shared, registered, told: false, exchange, call: Some(Box::pin(call)), outgoing }
    }

    /// Polls the call: what it came to, if it is over now.
    fn poll_call(&mut self, cx: &mut Context<'_>) -> Option<Result<(), Error>> {
        let call = self.call.as_mut()?;
        let polled = self.exchange.drive(|| catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))));
        let result = match polled {
            Ok(Poll::Pending) => return None,
            Ok(Poll::Ready(result)) => {
                self.shared.counters().returned(&result);
                result
            }
            Err(payload) => {
                self.shared.counters().panicked();
                Err(Error::from_panic(&*payload))
            }
        };
        self.call = None;
        Some(result)
    }

    /// Looks at what the server tells, and at the waits that were too long.
    fn look(&mut self, cx: &Context<'_>) {
        let control = Arc::clone(self.registered.control());
        control.wait(cx);
        if control.is_cut_off() {
            self.lose(Disconnect::Shutdown);
        } else if !self.told && (control.is_stopping() || self.shared.is_stopping()) {
            self.told = true;
            self.exchange.shut_down();
        }
        let Some(expired) = control.waits().take_expired() else {
            return;
        };
        if expired.contains(Wait::Write) {
            self.lose(Disconnect::Timeout);
        }
        if expired.contains(Wait::Body) {
            self.exchange.refuse_body(StatusCode::REQUEST_TIMEOUT, Disconnect::Timeout);
        }
        if expired.contains(Wait::Call) && self.exchange.time_out() && self.cancels() {
            self.call = None;
            self.exchange.finish();
        }
    }

    fn cancels(&self) -> bool {
        self.shared.serving.settings().on_disconnect == OnDisconnect::Cancel
    }

    /// Nothing more reaches the client.
    fn lose(&mut self, reason: Disconnect) {
        if let Some(outgoing) = self.outgoing.take()
            && reason != Disconnect::Client
        {
            outgoing.reset(Reason::CANCEL);
        }
        let lost = self.exchange.lose(reason);
        if lost && self.call.is_some() && self.cancels() {
            self.call = None;
            self.exchange.finish();
        }
    }
}

impl Future for Stream {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.look(cx);
        let ended = this.poll_call(cx);
        if let Some(outgoing) = &mut this.outgoing {
            let control = this.registered.control();
            match outgoing.poll(cx, &this.exchange, &this.shared, control.waits(), ended.as_ref()) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    control.waits().end(Wait::Write);
                    this.outgoing = None;
                    this.shared.ended(false);
                }
                Poll::Ready(Err(Lost)) => {
                    this.shared.ended(true);
                    this.lose(Disconnect::Client);
                    // Whoever waits for that learns of it now.
                    cx.waker().wake_by_ref();
                }
            }
        } else if let Some(result) = &ended {
            this.exchange.end(result);
        }
        if this.outgoing.is_none() && this.call.is_none() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.exchange.abandon();
        self.shared.counters().request_ended();
        self.shared.over();
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
