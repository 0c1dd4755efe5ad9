//! What goes out on a stream: the response.

use std::collections::VecDeque;
use std::convert::identity;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gateway_iface::{Error, RequestHead};
use gateway_websocket::refusal;
use h2::Reason;
use h2::server::SendResponse;
use http::{HeaderValue, Method, Response, StatusCode, Version, header};

use super::body::{Body, Lost};
use super::connection::Shared;
use crate::exchange::{HttpExchange, Next, Reply, busy};
use crate::serving::Serving;
use crate::waits::{Wait, Waits};

/// The response of one stream, as far as it is out.
#[derive(Debug)]
pub(super) struct Outgoing {
    respond: SendResponse<Bytes>,
    /// Whether the method hides the body of the response (H-77).
    is_head: bool,
    /// Whether the client reads trailers (H-90, A-135).
    reads_trailers: bool,
    body: Option<Body>,
}

impl Outgoing {
    pub(super) fn new(head: &RequestHead, respond: SendResponse<Bytes>) -> Self {
        let is_head = head.method() == Method::HEAD;
        Self { respond, is_head, reads_trailers: reads_trailers(head), body: None }
    }

    /// Writes out what there is; ready when all of the response is out. `ended` is what the
    /// application's call came to, if it is over just now.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &HttpExchange,
        shared: &Shared,
        waits: &Waits,
        ended: Option<&Result<(), Error>>,
    ) -> Poll<Result<(), Lost>> {
        if self.body.is_none() {
            let done = ready!(self.poll_head(cx, exchange, shared, ended))?;
            waits.end(Wait::Call);
            if done {
                return Poll::Ready(Ok(()));
            }
        } else if let Some(result) = ended {
            exchange.end(result);
        }
        let Some(body) = &mut self.body else {
            return Poll::Ready(Ok(()));
        };
        let polled = body.poll(cx, &mut &*exchange, self.reads_trailers, shared);
        body.watch(polled.is_pending(), waits, shared.serving.limits().write);
        if polled.is_pending() && body.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(Lost));
        }
        polled
    }

    /// Gives the stream up.
    pub(super) fn reset(mut self, reason: Reason) {
        match &mut self.body {
            Some(body) => body.reset(reason),
            None => self.respond.send_reset(reason),
        }
    }

    /// Sends the head as soon as it may go out; whether that was all.
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &HttpExchange,
        shared: &Shared,
        ended: Option<&Result<(), Error>>,
    ) -> Poll<Result<bool, Lost>> {
        let polled = exchange.poll_response(cx, ended, identity);
        self.send_interim(exchange);
        let response = match polled {
            Poll::Ready(Ok(response)) => response,
            // Without an answer, because the client took the request back; or because there is none.
            Poll::Ready(Err(_)) if self.respond.poll_reset(cx).is_ready() => return Poll::Ready(Err(Lost)),
            Poll::Ready(Err(_)) => {
                self.respond.send_reset(Reason::INTERNAL_ERROR);
                return Poll::Ready(Ok(true));
            }
            Poll::Pending if self.respond.poll_reset(cx).is_ready() => return Poll::Ready(Err(Lost)),
            Poll::Pending => return Poll::Pending,
        };
        let (mut parts, reply) = response.into_parts();
        shared.counters().answered(parts.status);
        parts.headers.entry(header::DATE).or_insert_with(|| shared.serving.date());
        let hidden =
            self.is_head || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let whole = matches!(&reply, Reply::Whole(block) if block.is_empty());
        if let Reply::Whole(block) = &reply
            && !hidden
        {
            let length = || HeaderValue::from(block.len());
            parts.headers.entry(header::CONTENT_LENGTH).or_insert_with(length);
        }
        let done = hidden || whole;
        let stream = self.respond.send_response(Response::from_parts(parts, ()), done).map_err(|_| Lost)?;
        if done {
            exchange.discard(VecDeque::new());
            return Poll::Ready(Ok(true));
        }
        let (blocks, next) = match reply {
            Reply::Whole(block) => (VecDeque::from([block]), Next::End),
            Reply::Streamed => (VecDeque::new(), Next::Unknown),
        };
        self.body = Some(Body::new(stream, blocks, next));
        Poll::Ready(Ok(false))
    }

    /// Sends what goes ahead of the head (H-57, A-131).
    fn send_interim(&mut self, exchange: &HttpExchange) {
        let mut send = |status, links: Vec<HeaderValue>| {
            let mut response = Response::new(());
            *response.status_mut() = status;
            for link in links {
                response.headers_mut().append(header::LINK, link);
            }
            // Where it fails the stream is gone, which the head tells.
            let _ = self.respond.send_informational(response);
        };
        if exchange.take_continue() {
            send(StatusCode::CONTINUE, Vec::new());
        }
        if exchange.has_hints() {
            send(StatusCode::EARLY_HINTS, exchange.take_hints());
        }
    }
}

/// Answers a request that does not reach the application.
pub(super) fn refuse(
    respond: &mut SendResponse<Bytes>,
    status: StatusCode,
    is_head: bool,
    serving: &Serving,
) {
    let response = match status {
        StatusCode::SERVICE_UNAVAILABLE => busy(),
        status => refusal(Version::HTTP_2, status),
    };
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(header::DATE, serving.date());
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    if let Ok(mut stream) = respond.send_response(Response::from_parts(parts, ()), is_head)
        && !is_head
    {
        // Where it fails the client is gone.
        let _ = stream.send_data(body, true);
    }
}

/// Whether the request asks for trailers: `trailers` is in its list of what it takes (H-92).
fn reads_trailers(head: &RequestHead) -> bool {
    let values = head.headers().get_all(header::TE).iter();
    let mut members = values.flat_map(|value| value.as_bytes().split(|&octet| octet == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}
