//! The thread's side of a call.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::{HeaderMap, Method, StatusCode, header};

use super::wsgi_to_asgi_handover::{Handover, Request};
use crate::error::Error;
use crate::outcome::Observe;
use crate::request::RequestHead;
use crate::wsgi::{self, Body, Environ, Head, Input, StartResponse, Transport};

impl Handover {
    /// Runs the call on this thread, from the first line of the application to the close of its body.
    pub(super) fn work(self: Arc<Self>) {
        // A task that is over left nothing to do.
        let Some(request) = self.take_request() else {
            return;
        };
        let ending = Ending { handover: &self, result: None };
        let mut out = Out { handover: &self, is_head: *request.head.method() == Method::HEAD, left: None };
        let environ = self.environ(request);
        let app = Forward { handover: &self };
        let result = wsgi::run(&app, environ, &mut out);
        ending.end(result.map_err(wsgi::RunError::into_error));
    }

    fn environ(self: &Arc<Self>, request: Request) -> Environ {
        let Request { head, body } = request;
        let input = body.map_or_else(
            || Input::new(Upload { handover: Arc::clone(self), block: Bytes::new() }, length(&head)),
            Input::from_bytes,
        );
        Environ::new(head, input).with_multiprocess(self.options.multiprocess)
    }
}

/// What was announced, unless a transfer coding stands beside it (W-31).
fn length(head: &RequestHead) -> Option<u64> {
    let coded = head.headers().contains_key(header::TRANSFER_ENCODING);
    head.content_length().filter(|_| !coded)
}

/// Tells the task that the thread is done, also when something unwinds.
struct Ending<'a> {
    handover: &'a Handover,
    result: Option<Result<(), Error>>,
}

impl Ending<'_> {
    fn end(mut self, result: Result<(), Error>) {
        self.result = Some(result);
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let result = self.result.take();
        self.handover.end(result.unwrap_or_else(|| Err(Error::new("the thread panicked"))));
    }
}

/// The application with a [`StartResponse`] that hands observers on to the server.
struct Forward<'a> {
    handover: &'a Handover,
}

impl wsgi::Application for Forward<'_> {
    fn call(&self, environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        let mut forward = ForwardStart { inner: start_response, handover: self.handover };
        self.handover.app.call(environ, &mut forward)
    }
}

struct ForwardStart<'a> {
    inner: &'a mut dyn StartResponse,
    handover: &'a Handover,
}

impl StartResponse for ForwardStart<'_> {
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        self.inner.start(status, headers)
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        self.inner.restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.inner.write(data)?;
        // The transport learns of the head only, which has to leave now (W-105).
        if data.is_empty() { self.handover.put_block(Bytes::new(), false) } else { Ok(()) }
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.handover.observe(observer);
    }
}

/// The response on its way to the task.
struct Out<'a> {
    handover: &'a Handover,
    is_head: bool,
    left: Option<u64>,
}

impl Transport for Out<'_> {
    fn head(&mut self, status: StatusCode, mut headers: HeaderMap, length: Option<u64>) -> io::Result<()> {
        let bodiless = self.is_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if let (Some(length), true) = (length, self.is_head) {
            headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
        }
        self.left = length;
        self.handover.put_head(Head { status, headers, length }, bodiless || length == Some(0))
    }

    fn block(&mut self, data: Bytes) -> io::Result<()> {
        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
        self.handover.put_block(data, self.left == Some(0))
    }
}

/// The request body on its way from the task.
struct Upload {
    handover: Arc<Handover>,
    block: Bytes,
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut block = self.fill_buf()?;
        let len = block.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Upload {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.block.is_empty() {
            match self.handover.read()? {
                Some(block) => self.block = block,
                None => break,
            }
        }
        Ok(&self.block)
    }

    fn consume(&mut self, len: usize) {
        self.block.advance(len.min(self.block.len()));
    }
}
