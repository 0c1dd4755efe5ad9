//! The application's side of an exchange: what its halves do.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gateway_iface::Observe;
use gateway_iface::asgi::event::{ReceiveEvent, ResponseStart, SendEvent};
use gateway_iface::asgi::machine::{HttpState, Step};
use gateway_iface::asgi::{Disconnect, Exchange, SendError};

use super::file::FilePart;
use super::shared::HttpExchange;
use super::state::{State, keep};

impl Exchange for HttpExchange {
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let mut state = self.lock();
        if let Some(reason) = state.disconnect() {
            return Poll::Ready(ReceiveEvent::HttpDisconnect(reason));
        }
        if !state.machine.is_request_read() {
            if std::mem::take(&mut state.expects) {
                state.continues = true;
                self.wake_connection(&state);
            }
            let event = if let Some(request) = state.ahead.pop_front() {
                state.ahead_octets -= request.body.len();
                ReceiveEvent::HttpRequest(request)
            } else if let Poll::Ready(event) = state.poll_body(cx) {
                event
            } else {
                keep(&mut state.receiver, cx);
                return Poll::Pending;
            };
            state.machine.received(&event);
            return Poll::Ready(event);
        }
        if state.shutdown {
            return Poll::Ready(ReceiveEvent::HttpDisconnect(Disconnect::Shutdown));
        }
        keep(&mut state.receiver, cx);
        Poll::Pending
    }

    fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let mut state = self.lock();
        state.read_ahead(cx);
        if let Some(reason) = state.disconnect() {
            return Poll::Ready(reason);
        }
        // Also after a shutdown was told: the client may leave while there is still time.
        keep(&mut state.receiver, cx);
        if state.shutdown { Poll::Ready(Disconnect::Shutdown) } else { Poll::Pending }
    }

    fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if let Err(error) = ready!(state.poll_room(cx)) {
            *slot = None;
            return Poll::Ready(Err(error));
        }
        let Some(event) = slot else {
            return Poll::Ready(Ok(()));
        };
        let len = if let SendEvent::ResponseBody(block) = event { block.body.len() } else { 0 };
        let part = match file_part(event, &state) {
            Ok(part) => part,
            Err(error) => {
                *slot = None;
                return Poll::Ready(Err(error));
            }
        };
        let step = state.machine.send(event);
        match (step, slot.take()) {
            (Err(error), _) => return Poll::Ready(Err(error)),
            (Ok(Step::Accepted), Some(SendEvent::ResponseStart(start))) => state.start = Some(start),
            (Ok(Step::Accepted), Some(SendEvent::ResponseBody(block))) => {
                state.content(block.body, len, block.more_body);
                self.wake_connection(&state);
            }
            (Ok(Step::Accepted), Some(SendEvent::ResponseTrailers(trailers))) => {
                state.trailers.get_or_insert_default().extend(trailers.headers);
                if state.machine.state() == HttpState::Done {
                    state.complete();
                    self.wake_connection(&state);
                }
            }
            (Ok(Step::Accepted), Some(SendEvent::EarlyHint(hint))) if !state.head_out => {
                self.hint(&mut state, hint.links);
            }
            (Ok(Step::Accepted), _) => {
                if let Some(part) = part {
                    state.file(part);
                    self.wake_connection(&state);
                }
            }
            _ => {}
        }
        Poll::Ready(Ok(()))
    }

    fn poll_respond(
        &self,
        cx: &mut Context<'_>,
        start: &mut Option<ResponseStart>,
        body: &mut Option<Bytes>,
    ) -> Poll<Result<(), SendError>> {
        let Some(mut head) = start.take() else {
            return self.poll_block(cx, body, false);
        };
        let mut body = body.take().unwrap_or_default();
        let mut state = self.lock();
        let len = body.len();
        let idle = state.machine.state() == HttpState::Idle;
        let step = state.machine.respond(&mut head, &mut body);
        if idle && state.machine.state() != HttpState::Idle {
            state.start = Some(head);
        }
        if matches!(step?, Step::Accepted) {
            state.content = true;
            if state.machine.is_bodiless() {
                state.hidden_len = len as u64;
            } else if state.machine.state() == HttpState::Done {
                state.whole = body;
            } else if len > 0 {
                state.queued += len;
                state.queue.push_back(body);
            }
            if state.machine.state() == HttpState::Done {
                state.complete();
            }
            self.wake_connection(&state);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_block(
        &self,
        cx: &mut Context<'_>,
        data: &mut Option<Bytes>,
        more_body: bool,
    ) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if let Err(error) = ready!(state.poll_room(cx)) {
            *data = None;
            return Poll::Ready(Err(error));
        }
        let Some(block) = data else {
            return Poll::Ready(Ok(()));
        };
        let len = block.len();
        let step = state.machine.block(block, more_body);
        let block = data.take().unwrap_or_default();
        if matches!(step?, Step::Accepted) {
            state.content(block, len, more_body);
            self.wake_connection(&state);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if state.queue.is_empty() && state.file.is_none() {
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

/// What the event sends of a file, if it sends one and something may still be sent.
fn file_part(event: &mut SendEvent, state: &State) -> Result<Option<FilePart>, SendError> {
    match event {
        _ if state.machine.disconnect().is_some() => Ok(None),
        SendEvent::ZeroCopySend(event) => FilePart::of_descriptor(event).map(Some),
        SendEvent::PathSend(event) => FilePart::of_path(event, state.machine.declared_length()).map(Some),
        _ => Ok(None),
    }
}
