//! What a client has seen of a response.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use crate::asgi::event::{ResponseBody, SendEvent};
use crate::error::Error;

/// What a client has seen of a response, and what the server would have logged.
///
/// ```
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.start(StatusCode::CREATED, HeaderMap::new()).await?;
///     send.block("one ").await?;
///     send.last("two").await?;
///     Ok(())
/// }
///
/// let response = block_on(AsgiClient::new(app).request(Request::get("/").body("")?))?;
/// assert_eq!(response.status(), 201);
/// assert_eq!(response.body(), "one two");
/// assert_eq!(response.blocks(), ["one ", "two"]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Default)]
pub struct TestResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// Empty while there is one block at most, which is `body` then: it costs no allocation.
    blocks: Vec<Bytes>,
    trailers: HeaderMap,
    complete: bool,
    closes: usize,
    error: Option<Error>,
}

impl TestResponse {
    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The whole body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The whole body as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as the application cut it, without empty blocks.
    #[must_use]
    pub fn blocks(&self) -> &[Bytes] {
        if self.blocks.is_empty() && !self.body.is_empty() {
            std::slice::from_ref(&self.body)
        } else {
            &self.blocks
        }
    }

    /// The fields after the body (A-133).
    #[must_use]
    pub const fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }

    /// Whether the client has seen the end of it; otherwise the connection was broken off (H-87).
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// How often the body was closed, where [`WsgiClient::begin`](super::WsgiClient::begin) counts it
    /// (W-12, W-13).
    #[must_use]
    pub const fn closes(&self) -> usize {
        self.closes
    }

    /// The error that the application's call ended with, if any.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Takes the error out.
    pub const fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// A response of the server's own.
    pub(super) fn answer(status: StatusCode) -> Self {
        Self { status, complete: true, ..Self::default() }
    }

    pub(super) fn start(&mut self, status: StatusCode, headers: HeaderMap) {
        (self.status, self.headers) = (status, headers);
    }

    /// Adds a block; [`seal`](Self::seal) makes the body of several.
    pub(super) fn push(&mut self, block: Bytes) {
        if block.is_empty() {
            return;
        }
        if self.blocks.is_empty() {
            if self.body.is_empty() {
                self.body = block;
                return;
            }
            self.blocks.push(std::mem::take(&mut self.body));
        }
        self.blocks.push(block);
    }

    /// Adds what an event carries.
    pub(super) fn event(&mut self, event: SendEvent) -> io::Result<()> {
        match read_file(event)? {
            SendEvent::ResponseStart(start) => self.start(start.status, start.headers),
            SendEvent::WebSocketDenialStart(start) => self.start(start.status, start.headers),
            SendEvent::ResponseBody(block) | SendEvent::WebSocketDenialBody(block) => self.push(block.body),
            SendEvent::ResponseTrailers(trailers) => self.trailers.extend(trailers.headers),
            _ => {}
        }
        Ok(())
    }

    pub(super) const fn set_closes(&mut self, closes: usize) {
        self.closes = closes;
    }

    pub(super) fn seal(mut self, complete: bool, error: Option<Error>) -> Self {
        if !self.blocks.is_empty() {
            let mut body = BytesMut::with_capacity(self.blocks.iter().map(Bytes::len).sum());
            self.blocks.iter().for_each(|block| body.extend_from_slice(block));
            self.body = body.freeze();
        }
        (self.complete, self.error) = (complete, error);
        self
    }
}

/// Reads the file of an event that stands for one, so that it becomes a block (A-127, A-129).
pub(super) fn read_file(event: SendEvent) -> io::Result<SendEvent> {
    let (data, more) = match &event {
        SendEvent::PathSend(file) => (std::fs::read(&file.path)?, false),
        SendEvent::ZeroCopySend(part) => {
            let (mut file, mut data) = (&*part.file, Vec::new());
            let back = match part.offset {
                Some(offset) => {
                    let here = file.stream_position()?;
                    file.seek(SeekFrom::Start(offset))?;
                    Some(here)
                }
                None => None,
            };
            file.take(part.count.unwrap_or(u64::MAX)).read_to_end(&mut data)?;
            if let Some(here) = back {
                file.seek(SeekFrom::Start(here))?;
            }
            (data, part.more_body)
        }
        _ => return Ok(event),
    };
    Ok(SendEvent::ResponseBody(if more { ResponseBody::block(data) } else { ResponseBody::last(data) }))
}
