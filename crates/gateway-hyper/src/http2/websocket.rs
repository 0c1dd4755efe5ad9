//! A WebSocket on a stream (RFC 8441).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_iface::asgi::Disconnect;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Response, header};

use super::body::{Body, Lost, Source};
use super::connection::Shared;
use super::tunnel::Tunnel;
use crate::builder::OnDisconnect;
use crate::control::Control;
use crate::exchange::Next;
use crate::serving::Registered;
use crate::waits::Wait;
use crate::websocket::{Content, Driver, Session};

/// The task of one stream that asked for a WebSocket.
#[derive(Debug)]
pub(super) struct WebSocket {
    shared: Arc<Shared>,
    registered: Registered,
    session: Box<Session>,
    receive: RecvStream,
    respond: SendResponse<Bytes>,
}

impl WebSocket {
    pub(super) fn new(
        shared: Arc<Shared>,
        registered: Registered,
        session: Session,
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
        let (mut parts, content) = self.session.response_over_http_2(reply).into_parts();
        parts.headers.entry(header::DATE).or_insert_with(|| self.shared.serving.date());
        control.counters().answered(parts.status);
        let done =
            matches!(&content, Content::Whole(block) if block.is_empty()) && !self.session.is_accepted();
        let Ok(stream) = self.respond.send_response(Response::from_parts(parts, ()), done) else {
            self.lose(Disconnect::Client, policy);
            return self.finish(&control).await;
        };
        if self.session.is_accepted() {
            let tunnel = Tunnel::new(self.receive, stream);
            Box::new(Driver::new(*self.session, tunnel, policy)).run(&control).await;
            return;
        }
        let lost = match content {
            Content::Whole(_) if done => None,
            Content::Whole(block) => {
                let body = Body::new(stream, VecDeque::from([block]), Next::End);
                self.write_out(body, &(), &control).await
            }
            Content::Denied(denied) => {
                let body = Body::new(stream, VecDeque::new(), Next::Unknown);
                self.write_out(body, &denied, &control).await
            }
        };
        if let Some(reason) = lost {
            self.lose(reason, policy);
        }
        self.finish(&control).await;
    }

    /// Writes out the answer to a refused handshake; why that was given up, if it was.
    async fn write_out(
        &mut self,
        mut body: Body,
        source: &impl Source,
        control: &Control,
    ) -> Option<Disconnect> {
        let (waits, limit) = (control.waits(), self.shared.serving.limits().write);
        poll_fn(|cx| {
            control.wait(cx);
            self.session.poll(cx);
            if waits.take_expired().is_some_and(|expired| expired.contains(Wait::Write)) {
                body.reset(Reason::CANCEL);
                return Poll::Ready(Some(Disconnect::Timeout));
            }
            let polled = body.poll(cx, source, false, &self.shared);
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
            self.session.poll(cx);
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
