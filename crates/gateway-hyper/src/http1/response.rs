//! The response of a call, on its way to hyper.

use std::sync::Arc;
use std::task::{Context, Poll};

use gateway_iface::Error;
use http::{HeaderValue, Response, StatusCode, header};

use super::body::Body;
use super::link::Link;
use crate::exchange::{Aborted, HttpExchange, Reply};
use crate::waits::Wait;

impl Link {
    /// Polls the call, and for the head of its response.
    pub(super) fn poll_response(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<Body>, Aborted>> {
        let mut call = self.lock();
        if call.websocket.is_some() {
            return self.poll_websocket(&mut call, cx);
        }
        let ended = self.poll_call(&mut call, cx);
        match &call.exchange {
            Some(exchange) => self.poll_exchange(exchange, cx, ended.as_ref()),
            None => Poll::Ready(Err(Aborted)),
        }
    }

    /// Polls for the head of the response; it is changed where it is, since it is large to move.
    #[inline]
    fn poll_exchange(
        self: &Arc<Self>,
        exchange: &Arc<HttpExchange>,
        cx: &mut Context<'_>,
        ended: Option<&Result<(), Error>>,
    ) -> Poll<Result<Response<Body>, Aborted>> {
        let mut polled = exchange.poll_response(cx, ended, |reply| match reply {
            Reply::Whole(block) => Body::full(block),
            Reply::Streamed => Body::stream(Arc::clone(exchange), Arc::clone(self)),
        });
        if exchange.has_hints() {
            self.interim().hint(exchange.take_hints());
        }
        if let Poll::Ready(result) = &mut polled {
            self.control().waits().end(Wait::Call);
            if let Ok(response) = result {
                self.control().counters().answered(response.status());
                let leaves =
                    self.control().is_stopping() && response.status() != StatusCode::SWITCHING_PROTOCOLS;
                if self.is_last() || leaves {
                    response.headers_mut().insert(header::CONNECTION, CLOSE);
                }
            }
        }
        polled
    }
}

const CLOSE: HeaderValue = HeaderValue::from_static("close");
