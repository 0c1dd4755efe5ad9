//! A WebSocket on a stream (RFC 8441).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_iface::asgi::Disconnect;
use gateway_websocket::{Content, Driver, Session};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Response, header};
use http_body::Body as _;

use super::body::{Body, Lost};
use super::connection::Shared;
use super::tunnel::Tunnel;
use crate::builder::OnDisconnect;
use crate::control::Control;
use crate::exchange::Next;
use crate::serving::Registered;
use crate::waits::Wait;
use crate::websocket::{Watch, drive};

/// The task of one stream that asked for a WebSocket.
#[derive(Debug)]
pub(super) struct WebSocket {
    shared: Arc<Shared>,
    registered: Registered,
    session: Box<Session<Watch>>,
    receive: RecvStream,
    respond: SendResponse<Bytes>,
}

impl WebSocket {
    pub(super) fn new(
        shared: Arc<Shared>,
        registered: Registered,
        session: Session<Watch>,
        receive: RecvStream,
        respond: SendResponse<Bytes>,
    ) -> Self {
        Self { shared, registered, session: Box::new(session), receive, respond }
    }

    /// Goes on until the socket and the application's call are over.
    pub(super) async fn run(mut self) {
        let _over = Over { shared: Arc::clone(&self.shared) };
        let control = Arc::clone(self.registered.control());
        let policy = self.shared.serving.settings().on_disconnect;
        let mut taken_back = false;
        let reply = poll_fn(|cx| {
            if let Poll::Ready(lost) = self.poll_told(cx, &control) {
                self.session.lose(lost);
                if lost == Disconnect::Client && !std::mem::replace(&mut taken_back, true) {
                    self.shared.ended(true);
                }
            }
            self.session.poll_reply(cx)
        });
        let reply = reply.await;
        if !taken_back {
            self.shared.ended(false);
        }
        let (mut parts, content) = reply.into_parts();
        parts.headers.entry(header::DATE).or_insert_with(|| self.shared.serving.date());
        control.counters().answered(parts.status);
        let done = content.is_end_stream() && !self.session.is_accepted();
        let Ok(stream) = self.respond.send_response(Response::from_parts(parts, ()), done) else {
            self.lose(Disconnect::Client, policy);
            return self.finish(&control).await;
        };
        if self.session.is_accepted() {
            let tunnel = Tunnel::new(self.receive, stream);
            return drive(Box::new(Driver::new(*self.session, tunnel)), &control).await;
        }
        let lost = if done { None } else { self.write_out(stream, content, &control).await };
        if let Some(reason) = lost {
            self.lose(reason, policy);
        }
        self.finish(&control).await;
    }

    /// Writes out the answer to a refused handshake; why that was given up, if it was.
    async fn write_out(
        &mut self,
        stream: SendStream<Bytes>,
        mut content: Content,
        control: &Control,
    ) -> Option<Disconnect> {
        let mut body = Body::new(stream, VecDeque::new(), Next::Unknown);
        let (waits, limit) = (control.waits(), self.shared.serving.limits().write);
        poll_fn(|cx| {
            control.wait(cx);
            self.session.poll_call(cx);
            if waits.take_expired().is_some_and(|expired| expired.contains(Wait::Write)) {
                body.reset(Reason::CANCEL);
                return Poll::Ready(Some(Disconnect::Timeout));
            }
            let polled = body.poll(cx, &mut content, false, &self.shared);
            body.watch(polled.is_pending(), waits, limit);
            match polled {
                Poll::Ready(written) => Poll::Ready(written.err().map(|Lost| Disconnect::Client)),
                Poll::Pending if control.is_cut_off() => Poll::Ready(Some(Disconnect::Shutdown)),
                Poll::Pending => body.poll_reset(cx).map(|()| Some(Disconnect::Client)),
            }
        })
        .await
    }

    /// Why the handshake is given up, if it is.
    fn poll_told(&mut self, cx: &mut Context<'_>, control: &Control) -> Poll<Disconnect> {
        control.wait(cx);
        if control.is_cut_off() {
            return Poll::Ready(Disconnect::Shutdown);
        }
        if control.is_stopping() || self.shared.is_stopping() {
            self.session.shut_down();
        }
        self.respond.poll_reset(cx).map(|_| Disconnect::Client)
    }

    fn lose(&mut self, reason: Disconnect, policy: OnDisconnect) {
        if self.session.lose(reason) && policy == OnDisconnect::Cancel {
            self.session.cancel();
        }
    }

    /// Waits for the end of the call.
    async fn finish(&mut self, control: &Control) {
        poll_fn(|cx| {
            control.wait(cx);
            self.session.poll_call(cx);
            if self.session.is_active() && !control.is_cut_off() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        self.session.cancel();
    }
}

/// Tells the connection that a call is over, however that came.
struct Over {
    shared: Arc<Shared>,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.shared.over();
    }
}
