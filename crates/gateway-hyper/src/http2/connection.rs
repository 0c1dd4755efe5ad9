//! The task of one HTTP/2 connection.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_iface::asgi::Disconnect;
use gateway_iface::{Connection, RequestHead};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, StreamId};
use http::Request;
use parking_lot::Mutex;
use tracing::debug;

use super::outgoing::refuse;
use super::stream::Stream;
use crate::control::Control;
use crate::exchange::HttpExchange;
use crate::refusal::{refusal, take_authority};
use crate::serving::Serving;
use crate::socket::Rewound;

/// What the streams of a connection have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) serving: Arc<Serving>,
    connection: Arc<Connection>,
    /// The exchanges under way, those that outlive their stream included.
    exchanges: Mutex<HashMap<StreamId, Arc<HttpExchange>>>,
    /// How often the client took a request back, less the requests that it let finish.
    resets: Mutex<u32>,
}

/// Serves the streams of a connection until it ends.
pub(crate) async fn serve(
    serving: Arc<Serving>,
    control: Arc<Control>,
    connection: Arc<Connection>,
    io: Rewound,
) {
    let mut h2 = match serving.http2().handshake::<_, Bytes>(io).await {
        Ok(h2) => h2,
        Err(error) => {
            debug!(%error, "HTTP/2 did not begin");
            return;
        }
    };
    let shared = Arc::new(Shared { serving, connection, exchanges: Mutex::default(), resets: Mutex::new(0) });
    let mut stopping = false;
    poll_fn(|cx| {
        control.wait(cx);
        if control.is_cut_off() {
            shared.each(|exchange| {
                exchange.lose(Disconnect::Shutdown);
            });
            return Poll::Ready(());
        }
        if control.is_stopping() && !stopping {
            stopping = true;
            h2.graceful_shutdown();
            shared.each(HttpExchange::shut_down);
        }
        if shared.is_abused() {
            h2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        }
        shared.poll_accept(cx, &mut h2, &control)
    })
    .await;
}

impl Shared {
    fn poll_accept(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        h2: &mut h2::server::Connection<Rewound, Bytes>,
        control: &Arc<Control>,
    ) -> Poll<()> {
        loop {
            match h2.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => self.begin(request, respond, control),
                Poll::Ready(Some(Err(error))) => {
                    debug!(%error, "connection ended");
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Begins the call for a request, in a task of its own.
    fn begin(
        self: &Arc<Self>,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        control: &Arc<Control>,
    ) {
        let (parts, body) = request.into_parts();
        let mut head = Box::new(RequestHead::on(parts, Arc::clone(&self.connection)));
        let refused = take_authority(&mut head).or_else(|| refusal(&head, false));
        if let Some(status) = refused {
            refuse(&mut respond, status, &self.serving);
            return;
        }
        if self.exchanges.lock().len() >= 2 * self.serving.settings().http2_max_streams as usize {
            // Calls whose client went away run to their end, and count.
            respond.send_reset(Reason::REFUSED_STREAM);
            return;
        }
        let id = respond.stream_id();
        let stream = Stream::new(Arc::clone(self), head, body, respond);
        self.exchanges.lock().insert(id, Arc::clone(stream.exchange()));
        if control.is_stopping() {
            stream.exchange().shut_down();
        }
        self.serving.spawn_call(stream);
    }

    /// A stream is over, and its call.
    pub(super) fn over(&self, id: StreamId) {
        self.exchanges.lock().remove(&id);
    }

    /// A stream ended; `reset` tells whether the client took the request back.
    pub(super) fn ended(&self, reset: bool) {
        let mut resets = self.resets.lock();
        *resets = if reset { resets.saturating_add(1) } else { resets.saturating_sub(1) };
    }

    /// Whether the client does little else than to take requests back (rapid reset, CVE-2023-44487).
    fn is_abused(&self) -> bool {
        *self.resets.lock() > self.serving.settings().http2_max_resets
    }

    fn each(&self, tell: impl Fn(&HttpExchange)) {
        self.exchanges.lock().values().for_each(|exchange| tell(exchange));
    }
}
