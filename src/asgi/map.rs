//! A half whose events are changed on their way out.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::event::SendEvent;
use super::{PollSend, SendError};
use crate::outcome::Observe;

/// Changes each event once, however often the server has to be asked to take it.
pub(super) struct Map<F> {
    inner: super::Send,
    change: F,
    /// Whether the start in the slot was changed before it had to wait.
    changed: bool,
}

impl<F> Map<F> {
    pub(super) const fn new(inner: super::Send, change: F) -> Self {
        Self { inner, change, changed: false }
    }
}

impl<F: FnMut(&mut SendEvent) + Send> PollSend for Map<F> {
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut Option<SendEvent>,
    ) -> Poll<Result<(), SendError>> {
        let Some(event) = slot else {
            return self.inner.poll_send(cx, slot);
        };
        if matches!(event, SendEvent::ResponseStart(_) | SendEvent::WebSocketDenialStart(_)) {
            // There is one for each response, and a copy of its fields would cost.
            if !self.changed {
                (self.change)(event);
            }
            let polled = self.inner.poll_send(cx, slot);
            // One that was refused may be followed by another.
            self.changed = polled.is_pending();
            return polled;
        }
        let original = event.clone();
        (self.change)(event);
        let polled = self.inner.poll_send(cx, slot);
        if polled.is_pending() {
            // Whoever sends it asks again with this event, or drops it and sends another.
            *slot = Some(original);
        }
        polled
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.inner.poll_flush(cx)
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

impl<F> fmt::Debug for Map<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;

    use crate::asgi::event::SendEvent;
    use crate::asgi::{self, Receive, Scope};
    use crate::error::Error;
    use crate::request::RequestHead;
    use crate::testing::{AsgiClient, block_on};

    #[test]
    fn a_143_each_event_is_changed_once_though_the_reader_stalls() {
        async fn app(scope: Scope, _: Receive, send: asgi::Send) -> Result<(), Error> {
            scope.into_http()?;
            let mut send = send.map(|event| {
                if let SendEvent::ResponseBody(block) = event {
                    block.body = Bytes::from([&block.body[..], b"!"].concat());
                }
            });
            send.start(http::StatusCode::OK, http::HeaderMap::new()).await?;
            send.block("a").await?;
            send.block("b").await?;
            send.last("c").await?;
            Ok(())
        }
        let client = AsgiClient::new(app);
        let mut exchange = client.begin(RequestHead::new(Request::get("/").body(()).unwrap().into_parts().0));
        assert!(exchange.poll_once().is_pending());
        assert!(exchange.poll_once().is_pending());
        let mut blocks = Vec::new();
        while let Some(event) = block_on(exchange.next_event()) {
            // Asked more often than it has room.
            let _ = (exchange.poll_once(), exchange.poll_once());
            if let SendEvent::ResponseBody(block) = event {
                blocks.push(block.body);
            }
        }
        assert_eq!(blocks, ["a!", "b!", "c!"]);
    }

    #[test]
    fn start_that_comes_after_a_refused_one_is_changed_too() {
        async fn app(scope: Scope, _: Receive, send: asgi::Send) -> Result<(), Error> {
            scope.into_http()?;
            let mut send = send.map(|event| {
                if let SendEvent::ResponseStart(start) = event {
                    start.headers.insert("x-stamp", http::HeaderValue::from_static("1"));
                }
            });
            // No final status.
            send.text(103, "early").await.unwrap_err();
            Ok(send.text(200, "final").await?)
        }
        let response = block_on(AsgiClient::new(app).request(Request::get("/").body("").unwrap())).unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.headers().contains_key("x-stamp"));
    }
}
