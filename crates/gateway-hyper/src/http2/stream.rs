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
use h2::{RecvStream, StreamId};
use http::header;

use super::connection::Shared;
use super::outgoing::{Lost, Outgoing};
use crate::builder::OnDisconnect;
use crate::exchange::{HttpExchange, Input};

/// The task of one stream: it ends when the response is out, or lost, and the call is over.
pub(super) struct Stream {
    shared: Arc<Shared>,
    id: StreamId,
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
    ) -> Self {
        let id = respond.stream_id();
        let body = if body.is_end_stream() { None } else { Some(Input::Http2(body)) };
        head.set_bodiless(body.is_none());
        if body.is_some() && head.headers().contains_key(header::TRAILER) {
            head.extensions_mut().insert(RequestTrailers::new());
        }
        let exchange = Arc::new(HttpExchange::new(&head, body));
        let outgoing = Some(Outgoing::new(&head, respond));
        let receive = Receive::shared(Arc::clone(&exchange) as _);
        let send = asgi::Send::shared(Arc::clone(&exchange) as _);
        let app = Arc::clone(shared.serving.app());
        let call = async move { app.call(Scope::Http(HttpScope::new(head)), receive, send).await };
        Self { shared, id, exchange, call: Some(Box::pin(call)), outgoing }
    }

    pub(super) const fn exchange(&self) -> &Arc<HttpExchange> {
        &self.exchange
    }

    /// Polls the call: what it came to, if it is over now.
    fn poll_call(&mut self, cx: &mut Context<'_>) -> Option<Result<(), Error>> {
        let call = self.call.as_mut()?;
        let polled = self.exchange.drive(|| catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))));
        let result = match polled {
            Ok(Poll::Pending) => return None,
            Ok(Poll::Ready(result)) => result,
            Err(payload) => Err(Error::from_panic(&*payload)),
        };
        self.call = None;
        Some(result)
    }

    /// The client took the request back, or is gone.
    fn lose(&mut self) {
        self.outgoing = None;
        self.shared.ended(true);
        let lost = self.exchange.lose(Disconnect::Client);
        if lost && self.call.is_some() && self.shared.serving.settings().on_disconnect == OnDisconnect::Cancel
        {
            self.call = None;
            self.exchange.finish();
        }
    }
}

impl Future for Stream {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let ended = this.poll_call(cx);
        if let Some(outgoing) = &mut this.outgoing {
            match outgoing.poll(cx, &this.exchange, &this.shared.serving, ended.as_ref()) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    this.outgoing = None;
                    this.shared.ended(false);
                }
                Poll::Ready(Err(Lost)) => {
                    this.lose();
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
        self.shared.over(self.id);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("id", &self.id)
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}
