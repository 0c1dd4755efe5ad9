//! The handshake of a WebSocket, on its way through hyper.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gateway_iface::RequestHead;
use gateway_websocket::{Handshake, Session};
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;

use super::body::Body;
use super::link::{Call, Link};
use super::service::Responding;
use crate::exchange::Aborted;
use crate::serving::Admitted;
use crate::websocket::Watch;

impl Link {
    /// Begins the call for a WebSocket, unless its handshake is not valid.
    #[cold]
    pub(super) fn begin_websocket(
        self: &Arc<Self>,
        mut head: Box<RequestHead>,
        has_body: bool,
        admitted: Option<Admitted>,
    ) -> Responding {
        let link = Arc::clone(self);
        let settings = &self.serving().settings().websocket;
        let handshake = match Handshake::read(&head, has_body, settings) {
            Ok(handshake) => handshake,
            Err(status) => {
                self.control().counters().request_ended();
                return Responding { link, refused: Some(status) };
            }
        };
        let mut call = self.lock();
        self.make_way(&mut call);
        head.extensions_mut().remove::<OnUpgrade>();
        let watch = Watch::new(Arc::clone(self.serving()), Arc::clone(self.control()), admitted);
        let session = Session::begin(Arc::clone(self.serving().app()), head, handshake, settings, watch);
        if self.control().is_stopping() {
            session.shut_down();
        }
        call.websocket = Some(Box::new(session));
        self.set_active(true);
        Responding { link, refused: None }
    }

    /// Polls the call, and for the answer to the handshake.
    #[cold]
    pub(super) fn poll_websocket(
        self: &Arc<Self>,
        call: &mut Call,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<Body>, Aborted>> {
        let Some(session) = &mut call.websocket else {
            return Poll::Ready(Err(Aborted));
        };
        let polled = session.poll_reply(cx);
        self.set_active(session.is_active());
        let response = ready!(polled);
        self.control().counters().answered(response.status());
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            if session.expects_continue() {
                self.interim().go_on();
            }
            // The socket is taken over when the answer has left hyper, and not before.
            let _ = self.poll_flushed();
        }
        Poll::Ready(Ok(response.map(|content| Body::content(content, Arc::clone(self)))))
    }

    /// The call of a WebSocket, when its handshake was accepted and the answer has left hyper.
    pub(super) fn take_websocket(&self) -> Option<Box<Session<Watch>>> {
        let mut call = self.lock();
        let session = call.websocket.take_if(|session| session.is_accepted())?;
        if self.poll_flushed().is_pending() {
            call.websocket = Some(session);
            return None;
        }
        self.set_active(false);
        Some(session)
    }
}
