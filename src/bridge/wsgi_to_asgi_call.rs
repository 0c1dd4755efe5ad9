//! The task's side of a call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::refusal;
use super::run_blocking::{Job, RunBlocking};
use super::wsgi_to_asgi::Options;
use super::wsgi_to_asgi_handover::{End, Handover, Request};
use crate::asgi::event::{ReceiveEvent, ResponseBody, ResponseStart, SendEvent};
use crate::asgi::{self, Disconnect, Receive, SendError};
use crate::error::Error;
use crate::request::RequestHead;
use crate::wsgi;

/// One call: hands the request to a thread, and its response to the server.
pub(super) struct Call<'a, R> {
    runner: &'a R,
    begin: Option<Begin>,
    handover: Option<Arc<Handover>>,
    receive: Receive,
    send: asgi::Send,
    slot: Option<SendEvent>,
    block: Option<ResponseBody>,
    lost: Option<SendError>,
    sent_last: bool,
}

struct Begin {
    app: Arc<dyn wsgi::Application>,
    options: Options,
    head: Box<RequestHead>,
}

impl<'a, R: RunBlocking> Call<'a, R> {
    pub(super) fn new(
        runner: &'a R,
        app: Arc<dyn wsgi::Application>,
        options: Options,
        head: Box<RequestHead>,
        receive: Receive,
        send: asgi::Send,
    ) -> Self {
        Self::of(runner, Some(Begin { app, options, head }), receive, send)
    }

    /// Answers without calling the application.
    pub(super) fn refuse(runner: &'a R, receive: Receive, send: asgi::Send, status: StatusCode) -> Self {
        let mut call = Self::of(runner, None, receive, send);
        call.answer(status);
        call
    }

    const fn of(runner: &'a R, begin: Option<Begin>, receive: Receive, send: asgi::Send) -> Self {
        Self {
            runner,
            begin,
            handover: None,
            receive,
            send,
            slot: None,
            block: None,
            lost: None,
            sent_last: false,
        }
    }

    fn answer(&mut self, status: StatusCode) {
        let (mut headers, text) = refusal::text(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        self.handover = None;
        self.slot = Some(ResponseStart::new(status, headers).into());
        self.block = Some(ResponseBody::last(text));
    }

    fn begin(&mut self, begin: Begin, cx: &mut Context<'_>) {
        let Begin { app, options, head } = begin;
        let (body, cut) = self.first_block(&head, cx);
        let (body, first) = match body {
            Some((block, false)) => (Some(block), None),
            Some((block, true)) => (None, Some(block)),
            None => (None, None),
        };
        let handover = Arc::new(Handover::new(app, options, Request { head, body }));
        if let Some(first) = first.filter(|first| !first.is_empty()) {
            handover.feed(first);
        }
        if let Some(reason) = cut {
            handover.feed_end(Err(reason));
            handover.lose(reason);
            self.lost = Some(reason.into());
        }
        self.handover = Some(Arc::clone(&handover));
        if self.runner.run(Job::new(Arc::clone(&handover))).is_err() {
            // Even a runner that keeps the job after all finds nothing in it.
            handover.leave(Disconnect::Complete);
            self.answer(StatusCode::SERVICE_UNAVAILABLE);
        }
    }

    /// A body that is there at once needs no hand-over. Who expects 100 is not asked for it before
    /// the application reads (W-144).
    fn first_block(
        &mut self,
        head: &RequestHead,
        cx: &mut Context<'_>,
    ) -> (Option<(Bytes, bool)>, Option<Disconnect>) {
        if head.headers().contains_key(header::EXPECT) {
            return (None, None);
        }
        match self.receive.poll_receive(cx) {
            Poll::Ready(ReceiveEvent::HttpRequest(request)) => {
                (Some((request.body, request.more_body)), None)
            }
            Poll::Ready(event) => (None, event.disconnect()),
            Poll::Pending => (None, None),
        }
    }

    /// Hands the server what there is; ready when there is nothing left.
    fn poll_slots(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.slot.is_none() {
                let Some(block) = self.block.take() else {
                    return Poll::Ready(());
                };
                self.sent_last = !block.more_body;
                self.slot = Some(block.into());
            }
            if let Err(error) = ready!(self.send.poll_send(cx, &mut self.slot)) {
                (self.slot, self.block, self.sent_last) = (None, None, false);
                self.lose(error);
            }
        }
    }

    fn lose(&mut self, error: SendError) {
        if let Some(handover) = &self.handover {
            handover.lose(error.disconnect().unwrap_or(Disconnect::Client));
        }
        self.lost.get_or_insert(error);
    }

    /// Hands the request body to the thread; pending when the server has no more of it yet.
    fn poll_feed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(handover) = &self.handover else {
            return Poll::Ready(());
        };
        let end = loop {
            match ready!(self.receive.poll_block(cx)) {
                Ok(Some(block)) => {
                    if !handover.feed(block) {
                        return Poll::Ready(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(reason) => break Err(reason),
            }
        };
        handover.feed_end(end);
        if let Err(reason) = end
            && reason != Disconnect::Complete
        {
            self.lose(reason.into());
        }
        Poll::Ready(())
    }

    /// Lets the thread know that the client is gone while it neither reads nor writes.
    fn watch(&mut self, cx: &mut Context<'_>) {
        if self.sent_last || self.lost.is_some() {
            return;
        }
        if let Poll::Ready(reason) = self.receive.poll_disconnect(cx) {
            self.lose(reason.into());
        }
    }

    /// The result of the call; `None` when the answer has to be sent first.
    fn end(&mut self, end: End) -> Option<Result<(), Error>> {
        let result = match end {
            End::Ran(result) => result,
            End::Abandoned if self.lost.is_some() => Ok(()),
            End::Abandoned => {
                self.answer(StatusCode::SERVICE_UNAVAILABLE);
                return None;
            }
        };
        Some(match (result, self.lost.take()) {
            (Err(error), _) if !error.is_disconnected() => Err(error),
            (_, Some(lost)) => Err(lost.into()),
            (result, None) => result,
        })
    }
}

impl<R: RunBlocking> Future for Call<'_, R> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(begin) = this.begin.take() {
            this.begin(begin, cx);
        }
        loop {
            let blocked = this.poll_slots(cx).is_pending();
            let Some(handover) = &this.handover else {
                if blocked {
                    return Poll::Pending;
                }
                return Poll::Ready(this.lost.take().map_or(Ok(()), |lost| Err(lost.into())));
            };
            let step = handover.step(cx.waker(), !blocked);
            step.observers.into_iter().for_each(|observer| this.send.observe(observer));
            if let Some(end) = step.end {
                match this.end(end) {
                    Some(result) => return Poll::Ready(result),
                    None => continue,
                }
            }
            let more = step.head.is_some() || step.block.is_some();
            if let Some(head) = step.head {
                this.slot = Some(ResponseStart::new(head.status, head.headers).into());
            }
            if let Some((body, more_body)) = step.block {
                this.block =
                    Some(if more_body { ResponseBody::block(body) } else { ResponseBody::last(body) });
            }
            let reading = step.wants_input && this.poll_feed(cx).is_pending();
            if !more {
                if !blocked && !reading {
                    this.watch(cx);
                }
                return Poll::Pending;
            }
        }
    }
}

impl<R> Drop for Call<'_, R> {
    fn drop(&mut self) {
        if let Some(handover) = self.handover.take() {
            let complete = self.sent_last && self.slot.is_none();
            handover.leave(if complete { Disconnect::Complete } else { Disconnect::Client });
        }
    }
}
