//! The application's side of a WebSocket: what its halves do.

use std::sync::Arc;
use std::task::{Context, Poll};

use gateway_iface::Observe;
use gateway_iface::asgi::event::{ReceiveEvent, SendEvent, WebSocketDisconnect};
use gateway_iface::asgi::machine::WebSocketState;
use gateway_iface::asgi::{Disconnect, Exchange, SendError};
use http::StatusCode;

use super::close::ABNORMAL;
use super::exchange::WebSocketExchange;
use super::state::{Reply, State, keep};

impl Exchange for WebSocketExchange {
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let mut state = self.lock();
        if state.machine.connect() {
            return Poll::Ready(ReceiveEvent::WebSocketConnect);
        }
        let paused = !state.has_room_to_receive();
        if let Some(message) = state.pop_message() {
            if paused {
                self.wake_connection(&state);
            }
            return Poll::Ready(ReceiveEvent::WebSocketReceive(message));
        }
        if let Some(how) = &state.disconnect {
            return Poll::Ready(ReceiveEvent::WebSocketDisconnect(how.clone()));
        }
        if state.shutdown {
            let how = WebSocketDisconnect::new(ABNORMAL, Disconnect::Shutdown);
            return Poll::Ready(ReceiveEvent::WebSocketDisconnect(how));
        }
        keep(&mut state.receiver, cx);
        Poll::Pending
    }

    fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let mut state = self.lock();
        if let Some(reason) = state.machine.disconnect() {
            return Poll::Ready(reason);
        }
        // Also after a shutdown was told: the client may leave while there is still time.
        keep(&mut state.receiver, cx);
        if state.shutdown { Poll::Ready(Disconnect::Shutdown) } else { Poll::Pending }
    }

    fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if state.machine.state() != WebSocketState::Closed && !state.has_room_to_send() {
            keep(&mut state.sender, cx);
            return Poll::Pending;
        }
        let Some(event) = slot.take() else {
            return Poll::Ready(Ok(()));
        };
        let before = state.machine.state();
        state.machine.send(&event)?;
        state.sent(event, before);
        self.wake_connection(&state);
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if state.out.is_empty() && !state.writing && state.queued == 0 {
            return Poll::Ready(match state.machine.disconnect() {
                None | Some(Disconnect::Complete) => Ok(()),
                Some(reason) => Err(reason.into()),
            });
        }
        keep(&mut state.sender, cx);
        Poll::Pending
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.lock().machine.observe(observer);
    }
}

impl State {
    /// Does what an event that the machine has accepted asks for.
    fn sent(&mut self, event: SendEvent, before: WebSocketState) {
        match event {
            SendEvent::WebSocketAccept(accept) => self.reply = Some(Reply::Accept(accept)),
            SendEvent::WebSocketSend(message) => self.write_message(&message),
            SendEvent::WebSocketClose(_) if before == WebSocketState::Connecting => {
                self.reply = Some(Reply::Refuse(StatusCode::FORBIDDEN));
                self.lose(ABNORMAL, String::new(), Disconnect::Complete);
            }
            SendEvent::WebSocketClose(close) => {
                self.write_close(Some(close.code), &close.reason);
                self.drop_messages();
            }
            SendEvent::WebSocketDenialStart(start) => self.denial = Some(start),
            SendEvent::WebSocketDenialBody(block) => {
                if let Some(start) = self.denial.take() {
                    self.reply = Some(Reply::Deny(start));
                }
                if !self.discard && !block.body.is_empty() {
                    self.queued += block.body.len();
                    self.blocks.push_back(block.body);
                }
                if !block.more_body {
                    self.lose(ABNORMAL, String::new(), Disconnect::Complete);
                }
            }
            _ => {}
        }
    }
}
