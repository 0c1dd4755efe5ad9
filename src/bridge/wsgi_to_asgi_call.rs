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
use super::wsgi_to_asgi_handover::{End, Handover, Request, Slots};
use crate::asgi::event::{ReceiveEvent, ResponseStart};
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
    slots: Slots,
    /// What the call comes to when the slots are empty, since the thread's part is over.
    result: Option<Result<(), Error>>,
    lost: Option<SendError>,
    sent_last: bool,
    /// A handle on the buffer that the server read the head into, held until the call is over: so the
    /// server's thread frees it, and not the pool's, which costs an allocator a tenth of a short call.
    _buffer: Option<HeaderValue>,
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

    fn of(runner: &'a R, begin: Option<Begin>, receive: Receive, send: asgi::Send) -> Self {
        Self {
            runner,
            begin,
            handover: None,
            receive,
            send,
            slots: Slots::default(),
            result: None,
            lost: None,
            sent_last: false,
            _buffer: None,
        }
    }

    fn answer(&mut self, status: StatusCode) {
        let (mut headers, text) = refusal::text(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        self.handover = None;
        let start = Some(ResponseStart::new(status, headers).into());
        self.slots = Slots { start, block: Some(text), more_body: false };
    }

    fn begin(&mut self, begin: Begin, cx: &mut Context<'_>) {
        let Begin { app, options, head } = begin;
        self._buffer = head.headers().values().next().cloned();
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
        let Slots { start, block, more_body } = &mut self.slots;
        let mut sent = Ok(());
        if start.is_some() {
            sent = ready!(self.send.poll_send(cx, start));
        }
        if sent.is_ok() && block.is_some() {
            sent = ready!(self.send.poll_block(cx, block, *more_body));
            self.sent_last = sent.is_ok() && !*more_body;
        }
        if let Err(error) = sent {
            self.slots = Slots::default();
            self.lose(error);
        }
        Poll::Ready(())
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

    /// Lets the thread know that the client is gone while it neither reads nor writes. A shutdown is no
    /// loss: what is under way may finish.
    fn watch(&mut self, cx: &mut Context<'_>) {
        if self.sent_last || self.lost.is_some() {
            return;
        }
        if let Poll::Ready(reason) = self.receive.poll_disconnect(cx)
            && reason != Disconnect::Shutdown
        {
            self.lose(reason.into());
        }
    }

    /// The thread's part is over; what it comes to is told when the answer is sent.
    fn end(&mut self, end: End) {
        self.handover = None;
        match end {
            End::Ran(result) => self.result = Some(result),
            End::Abandoned if self.lost.is_some() => {}
            End::Abandoned => self.answer(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    fn result(&mut self) -> Result<(), Error> {
        match (self.result.take().unwrap_or(Ok(())), self.lost.take()) {
            (Err(error), _) if !error.is_disconnected() => Err(error),
            (_, Some(lost)) => Err(lost.into()),
            (result, None) => result,
        }
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
                return if blocked { Poll::Pending } else { Poll::Ready(this.result()) };
            };
            let slots = if blocked { None } else { Some(&mut this.slots) };
            let step = handover.step(cx.waker(), slots);
            if let Some(observers) = step.observers {
                observers.into_iter().for_each(|observer| this.send.observe(observer));
            }
            if let Some(end) = step.end {
                this.end(end);
                continue;
            }
            let reading = step.wants_input && this.poll_feed(cx).is_pending();
            if !step.sends {
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
            handover.leave(if self.sent_last { Disconnect::Complete } else { Disconnect::Client });
        }
    }
}
