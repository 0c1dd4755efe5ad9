//! The half that events go out by.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;

use super::protocol::Before;
use super::watch::Watch;
use crate::asgi::event::{ReceiveEvent, ResponseBody, ResponseStart, SendEvent};
use crate::asgi::{Disconnect, Exchange, InvalidEvent, Send, SendError};
use crate::outcome::Observe;
use crate::validate::Violation;

/// The half that the application gets; an [`Exchange`], so that whole responses and blocks reach the
/// server as such.
pub(super) struct ValidSend {
    send: Mutex<Send>,
    watch: Arc<Watch>,
}

impl ValidSend {
    pub(super) const fn new(send: Send, watch: Arc<Watch>) -> Self {
        Self { send: Mutex::new(send), watch }
    }

    fn lock(&self) -> MutexGuard<'_, Send> {
        self.send.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server made of an event.
    fn answered(
        &self,
        event: &SendEvent,
        result: Result<(), SendError>,
        before: Before,
    ) -> Result<(), SendError> {
        self.watch.sent(event, &result, before).map_or(result, |violation| refuse(event.name(), violation))
    }

    /// Whether the slot was left as the contract says.
    fn check_slot(&self, polled: &Poll<Result<(), SendError>>, full: bool) -> Result<(), SendError> {
        let wrong = match polled {
            Poll::Pending => !full,
            Poll::Ready(Ok(()) | Err(SendError::Invalid(_))) => full,
            Poll::Ready(Err(_)) => false,
        };
        if wrong && let Some(violation) = self.watch.slot(polled.is_pending()) {
            return refuse("send", violation);
        }
        Ok(())
    }
}

impl Exchange for ValidSend {
    fn poll_receive(&self, _: &mut Context<'_>) -> Poll<ReceiveEvent> {
        // Only the half that events go out by is made of it.
        Poll::Pending
    }

    fn poll_disconnect(&self, _: &mut Context<'_>) -> Poll<Disconnect> {
        Poll::Pending
    }

    fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        let Some(event) = slot.clone() else {
            return self.lock().poll_send(cx, slot);
        };
        if let Some(violation) = self.watch.refuses(&event) {
            *slot = None;
            return Poll::Ready(refuse(event.name(), violation));
        }
        let sending = self.watch.sending();
        let polled = self.lock().poll_send(cx, slot);
        self.check_slot(&polled, slot.is_some())?;
        polled.map(|result| self.answered(&event, result, sending.before))
    }

    fn poll_respond(
        &self,
        cx: &mut Context<'_>,
        start: &mut Option<ResponseStart>,
        body: &mut Option<Bytes>,
    ) -> Poll<Result<(), SendError>> {
        let events = (
            start.clone().map(SendEvent::ResponseStart),
            body.clone().map(|body| SendEvent::ResponseBody(ResponseBody::last(body))),
        );
        if let Some(event) = &events.0
            && let Some(violation) = self.watch.refuses(event)
        {
            (*start, *body) = (None, None);
            return Poll::Ready(refuse(event.name(), violation));
        }
        let sending = self.watch.sending();
        let polled = self.lock().poll_respond(cx, start, body);
        if polled.is_pending() {
            // The start may have been taken ahead of the body.
            return match events.0.filter(|_| start.is_none()) {
                Some(event) => self
                    .answered(&event, Ok(()), sending.before)
                    .map_or_else(|error| Poll::Ready(Err(error)), |()| polled),
                None => polled,
            };
        }
        if let Poll::Ready(Ok(())) = polled {
            self.check_slot(&polled, start.is_some() || body.is_some())?;
        }
        polled.map(|result| match events {
            (Some(start), Some(body)) => match self.watch.responded(&start, &body, &result, sending.before) {
                Some(violation) => refuse(start.name(), violation),
                None => result,
            },
            (Some(event), None) | (None, Some(event)) => self.answered(&event, result, sending.before),
            (None, None) => result,
        })
    }

    fn poll_block(
        &self,
        cx: &mut Context<'_>,
        data: &mut Option<Bytes>,
        more_body: bool,
    ) -> Poll<Result<(), SendError>> {
        let Some(body) = data.clone() else {
            return self.lock().poll_block(cx, data, more_body);
        };
        let block = if more_body { ResponseBody::block(body) } else { ResponseBody::last(body) };
        let event = SendEvent::ResponseBody(block);
        if let Some(violation) = self.watch.refuses(&event) {
            *data = None;
            return Poll::Ready(refuse(event.name(), violation));
        }
        let sending = self.watch.sending();
        let polled = self.lock().poll_block(cx, data, more_body);
        self.check_slot(&polled, data.is_some())?;
        polled.map(|result| self.answered(&event, result, sending.before))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let before = self.watch.before();
        let polled = self.lock().poll_flush(cx);
        if let Poll::Ready(Err(SendError::Disconnected(reason))) = polled
            && let Some(violation) = self.watch.lost(reason, before)
        {
            return Poll::Ready(refuse("flush", violation));
        }
        polled
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.lock().observe(observer);
    }
}

fn refuse(event: &'static str, violation: Violation) -> Result<(), SendError> {
    Err(InvalidEvent::of(event, violation).into())
}
