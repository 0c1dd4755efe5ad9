//! A synchronous application on an asynchronous server, without a thread.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};

use super::refusal;
use crate::asgi::event::{ReceiveEvent, ResponseStart};
use crate::asgi::{self, ReadBodyError, Receive, Scope};
use crate::error::Error;
use crate::outcome::Observe;
use crate::queue::Queue;
use crate::request::RequestHead;
use crate::wsgi::{self, Body, Environ, Head, HeadState, Input, StartResponse};

/// A [`wsgi::Application`] that never waits, as an [`asgi::Application`] on the executor itself.
///
/// For one that computes and answers. One that waits, for a lock, a file or another machine, would
/// stall every other task of its executor: that belongs into [`WsgiToAsgi`](super::WsgiToAsgi).
///
/// # Contract
///
/// - Only http scopes reach the application; others are [`UnsupportedScope`](crate::UnsupportedScope)
///   (A-148).
/// - The request body is read whole before the call. One over
///   [`DEFAULT_BODY_LIMIT`](Self::DEFAULT_BODY_LIMIT) is answered with 413, and one that is cut ends
///   the call before the application is called (W-82).
/// - The body is taken block by block, each after the server accepted the one before (A-156, W-17); one
///   block alone is sent as a whole response, so that the server knows its length (W-126).
/// - `write` gathers up to [`DEFAULT_WRITE_LIMIT`](Self::DEFAULT_WRITE_LIMIT) octets, which leave when
///   the call returns: less than W-114 asks for, since nothing can be sent during the call. A write
///   beyond them fails with [`WriteLimitError`].
/// - The body is closed once on every path, also when the call is dropped (A-157, A-158).
/// - An error is the error of the call, and nothing was sent then if the application failed before
///   its first block. Observers are handed on to [`asgi::Send::observe`].
///
/// # Cancel safety
///
/// A call that is dropped closes the body.
///
/// # Examples
///
/// ```
/// use gateway_iface::Error;
/// use gateway_iface::bridge::Inline;
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::wsgi::{Body, Environ, StartResponse};
///
/// fn shout(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
///     let text = environ.input().read_all(100)?.to_ascii_uppercase();
///     start_response.start(StatusCode::OK, HeaderMap::new())?;
///     Ok(Body::from(text))
/// }
///
/// let client = AsgiClient::new(Inline::new(shout));
/// let response = block_on(client.request(Request::post("/").body("hello")?))?;
/// assert_eq!(response.body(), "HELLO");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Inline<A> {
    inner: A,
    body_limit: usize,
    write_limit: usize,
    multithread: bool,
    multiprocess: bool,
}

impl<A> Inline<A> {
    /// How many octets a request body may have.
    pub const DEFAULT_BODY_LIMIT: usize = 1024 * 1024;

    /// How many octets `write` may gather.
    pub const DEFAULT_WRITE_LIMIT: usize = 1024 * 1024;

    /// Calls `inner` on the executor.
    pub const fn new(inner: A) -> Self {
        Self {
            inner,
            body_limit: Self::DEFAULT_BODY_LIMIT,
            write_limit: Self::DEFAULT_WRITE_LIMIT,
            multithread: true,
            multiprocess: false,
        }
    }

    /// With request bodies of at most `limit` octets.
    #[must_use]
    pub const fn with_body_limit(mut self, limit: usize) -> Self {
        self.body_limit = limit;
        self
    }

    /// With at most `limit` octets in `write`.
    #[must_use]
    pub const fn with_write_limit(mut self, limit: usize) -> Self {
        self.write_limit = limit;
        self
    }

    /// Whether the executor has several threads, as it has unless told otherwise here (A-160, W-52).
    #[must_use]
    pub const fn with_multithread(mut self, multithread: bool) -> Self {
        self.multithread = multithread;
        self
    }

    /// Whether other processes may run the application at the same time (A-160, W-53).
    #[must_use]
    pub const fn with_multiprocess(mut self, multiprocess: bool) -> Self {
        self.multiprocess = multiprocess;
        self
    }

    /// The application.
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }
}

impl<A: wsgi::Application> Inline<A> {
    async fn exchange(
        &self,
        head: Box<RequestHead>,
        mut receive: Receive,
        mut send: asgi::Send,
    ) -> Result<(), Error> {
        let announced = head.content_length().is_some_and(|length| length > self.body_limit as u64);
        let body = if announced { None } else { read(&mut receive, self.body_limit).await? };
        let mut response = (Some(ResponseStart::new(StatusCode::OK, HeaderMap::new())), None);
        let Some(body) = body else {
            let (headers, text) = refusal::text(StatusCode::PAYLOAD_TOO_LARGE);
            send.start(StatusCode::PAYLOAD_TOO_LARGE, headers).await?;
            return Ok(send.last(text).await?);
        };
        let (mut body, responding) = self.begin(head, body, &mut send, &mut response)?;
        let sent = match responding {
            None => {
                let (start, block) = &mut response;
                poll_fn(|cx| send.poll_respond(cx, start, block)).await.map_err(Error::from)
            }
            // In a box, so that the future of the shortest answer stays small.
            Some(responding) => Box::pin(responding.send_all(&mut send, &mut body)).await,
        };
        let closed = body.close();
        sent.and(closed)
    }

    /// Calls the application, which fills `response` when it answers with one block.
    fn begin(
        &self,
        head: Box<RequestHead>,
        body: Bytes,
        send: &mut asgi::Send,
        response: &mut (Option<ResponseStart>, Option<Bytes>),
    ) -> Result<(Body, Option<Box<Responding>>), Error> {
        let mut state = HeadState::new(&head);
        let environ = Environ::new(head, Input::from_bytes(body))
            .with_multithread(self.multithread)
            .with_multiprocess(self.multiprocess);
        let mut written =
            Written { head: None, blocks: Queue::default(), room: self.write_limit, limit: self.write_limit };
        let mut start = Start { state: &mut state, written: &mut written, send };
        let mut body = self.inner.call(environ, &mut start)?;
        if !state.is_head_sent()
            && let Some(mut block) = body.take_whole()
        {
            if let Some(start) = &mut response.0 {
                let length = state.admit_whole(&mut start.status, &mut start.headers, &mut block)?;
                if let (Some(length), true) = (length, state.is_head_request()) {
                    start.headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
                }
            }
            response.1 = Some(block);
            return Ok((body, None));
        }
        Ok((body, Some(Box::new(Responding { state, written }))))
    }
}

impl<A: wsgi::Application> asgi::Application for Inline<A> {
    fn call<'a, 'b>(
        &'a self,
        scope: Scope,
        receive: Receive,
        send: asgi::Send,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        match scope.into_http() {
            Ok(scope) => Box::pin(self.exchange(scope.into_head(), receive, send)),
            Err(error) => Box::pin(std::future::ready(Err(error.into()))),
        }
    }
}

impl<A> fmt::Debug for Inline<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inline")
            .field("body_limit", &self.body_limit)
            .field("write_limit", &self.write_limit)
            .finish_non_exhaustive()
    }
}

/// More was written than [`Inline`] gathers; what was written before is kept.
///
/// It is inside the [`io::Error`] that `write` fails with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("more was written than the {limit} octets that an inline application may")]
pub struct WriteLimitError {
    limit: usize,
}

impl WriteLimitError {
    /// How many octets may be written.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

/// The whole body; `None` when it is over the limit.
async fn read(receive: &mut Receive, limit: usize) -> Result<Option<Bytes>, Error> {
    let request = loop {
        match receive.receive().await {
            ReceiveEvent::HttpRequest(request) => break request,
            event => event.disconnect().map_or(Ok(()), |reason| Err(ReadBodyError::Disconnected(reason)))?,
        }
    };
    if request.body.len() > limit {
        return Ok(None);
    }
    if !request.more_body {
        return Ok(Some(request.body));
    }
    // In a box, so that the future of a request without body stays small.
    Ok(Box::pin(gather(receive, request.body, limit)).await?)
}

/// A body that came in several blocks.
async fn gather(receive: &mut Receive, first: Bytes, limit: usize) -> Result<Option<Bytes>, ReadBodyError> {
    let Some(mut block) = receive.block().await? else {
        return Ok(Some(first));
    };
    let mut body = BytesMut::from(first);
    loop {
        if block.len() > limit - body.len() {
            return Ok(None);
        }
        body.extend_from_slice(&block);
        block = match receive.block().await? {
            Some(block) => block,
            None => return Ok(Some(body.freeze())),
        };
    }
}

/// A response of more than one block.
struct Responding {
    state: HeadState,
    written: Written,
}

impl Responding {
    async fn send_all(mut self: Box<Self>, send: &mut asgi::Send, body: &mut Body) -> Result<(), Error> {
        if let Some(head) = self.written.head.take() {
            self.start(send, head).await?;
            if self.written.blocks.is_empty() && !self.state.is_complete() {
                // What was written is empty, which lets the head leave (W-105).
                send.block(Bytes::new()).await?;
            }
        }
        while let Some(block) = self.written.blocks.pop() {
            if self.written.blocks.is_empty() && self.state.is_complete() {
                return self.finish(send, block).await;
            }
            send.block(block).await?;
        }
        while !self.state.is_complete() {
            let Some(block) = body.next().transpose()? else {
                break;
            };
            let last = body.exact_len() == Some(0);
            let admitted = match last && !self.state.is_head_sent() {
                true => self.state.admit_last(block)?,
                false => self.state.admit(block)?,
            };
            if let Some(head) = admitted.head {
                self.start(send, head).await?;
            }
            if last || admitted.complete {
                return self.finish(send, admitted.data).await;
            }
            if !admitted.data.is_empty() {
                send.block(admitted.data).await?;
            }
        }
        self.finish(send, Bytes::new()).await
    }

    async fn start(&self, send: &mut asgi::Send, head: Head) -> Result<(), Error> {
        let Head { status, mut headers, length } = head;
        if let (Some(length), true) = (length, self.state.is_head_request()) {
            headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
        }
        Ok(send.start(status, headers).await?)
    }

    async fn finish(&mut self, send: &mut asgi::Send, block: Bytes) -> Result<(), Error> {
        match self.state.end() {
            Ok(Some(head)) => self.start(send, head).await?,
            Ok(None) => {}
            Err(error) => {
                if !block.is_empty() {
                    send.block(block).await?;
                }
                return Err(error);
            }
        }
        Ok(send.last(block).await?)
    }
}

/// What `write` left to be sent when the call returns.
struct Written {
    head: Option<Head>,
    blocks: Queue,
    room: usize,
    limit: usize,
}

struct Start<'a> {
    state: &'a mut HeadState,
    written: &'a mut Written,
    send: &'a mut asgi::Send,
}

impl StartResponse for Start<'_> {
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        self.state.start(status, headers)
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        self.state.restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        let Some(room) = self.written.room.checked_sub(data.len()) else {
            return Err(io::Error::other(WriteLimitError { limit: self.written.limit }));
        };
        let admitted = self.state.write(Bytes::copy_from_slice(data));
        let admitted = admitted.map_err(|error| io::Error::other(error.into_inner()))?;
        self.written.room = room;
        if admitted.head.is_some() {
            self.written.head = admitted.head;
        }
        if !admitted.data.is_empty() {
            self.written.blocks.push(admitted.data);
        }
        Ok(())
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.send.observe(observer);
    }
}
