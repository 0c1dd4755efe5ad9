//! The thread's side of a call.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::{HeaderMap, StatusCode, header};

use super::wsgi_to_asgi_handover::{Handover, Kept, Request};
use crate::asgi::event::ResponseStart;
use crate::error::Error;
use crate::outcome::Observe;
use crate::request::RequestHead;
use crate::wsgi::{self, Environ, HeadState, Input, Responder, StartResponse, Transport};

impl Handover {
    /// Runs the call on this thread, from the first line of the application to the close of its body.
    pub(super) fn work(self: Arc<Self>) {
        // A task that is over left nothing to do.
        let Some(request) = self.take_request() else {
            return;
        };
        let ending = Ending { handover: Some(&self) };
        let mut state = HeadState::new(&request.head);
        let mut out = Out {
            handover: &self,
            is_head: state.is_head_request(),
            left: None,
            kept: Kept::default(),
            closes: false,
        };
        let environ = self.environ(request);
        let result = state.run_call(&mut out, |responder| {
            let mut body = self.app.call(environ, &mut ForwardStart { responder, handover: &self })?;
            let (state, out) = responder.parts_mut();
            out.closes = body.has_closers();
            // Nothing of the application runs after such a block, so all leaves with the end.
            if !state.is_head_sent()
                && !body.has_closers()
                && let Some(block) = body.take_whole()
            {
                out.keep_whole(state, block)?;
            }
            Ok(body)
        });
        // What failed after the last block spoils nothing (W-14).
        let complete = !result.as_ref().is_err_and(wsgi::RunError::is_aborted);
        ending.end(result.map_err(wsgi::RunError::into_error), out.kept, complete);
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
    handover: Option<&'a Handover>,
}

impl Ending<'_> {
    fn end(mut self, result: Result<(), Error>, kept: Kept, complete: bool) {
        if let Some(handover) = self.handover.take() {
            handover.end(result, kept, complete);
        }
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if let Some(handover) = self.handover.take() {
            handover.end(Err(Error::new("the thread panicked")), Kept::default(), false);
        }
    }
}

/// The application's [`StartResponse`], which hands observers on to the server.
struct ForwardStart<'a, 'b, 'c> {
    responder: &'a mut Responder<'b, Out<'c>>,
    handover: &'c Handover,
}

impl StartResponse for ForwardStart<'_, '_, '_> {
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        self.responder.start(status, headers)
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        self.responder.restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.responder.write(data)?;
        // The transport learns of the head only, which has to leave now (W-105).
        if data.is_empty() { self.responder.parts_mut().1.put(Bytes::new(), false) } else { Ok(()) }
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
    kept: Kept,
    /// Whether something of the application runs when the body is closed.
    closes: bool,
}

impl Out<'_> {
    /// Keeps a response of one block back for the end.
    fn keep_whole(&mut self, state: &mut HeadState, mut block: Bytes) -> Result<(), Error> {
        let mut start = ResponseStart::new(StatusCode::OK, HeaderMap::new());
        let length = state.admit_whole(&mut start.status, &mut start.headers, &mut block)?;
        if let (Some(length), true) = (length, self.is_head) {
            start.headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
        }
        self.kept = Kept { start: Some(start.into()), last: Some(block) };
        Ok(())
    }

    /// Hands a block over, and the head before it.
    fn put(&mut self, block: Bytes, complete: bool) -> io::Result<()> {
        self.handover.put(&mut self.kept.start, block, complete)
    }
}

impl Transport for Out<'_> {
    fn head(&mut self, status: StatusCode, mut headers: HeaderMap, length: Option<u64>) -> io::Result<()> {
        let bodiless = self.is_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if let (Some(length), true) = (length, self.is_head) {
            headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
        }
        self.left = length;
        self.kept.start = Some(ResponseStart::new(status, headers).into());
        if bodiless || length == Some(0) { self.put(Bytes::new(), true) } else { Ok(()) }
    }

    fn idle(&mut self) -> io::Result<()> {
        self.handover.check()
    }

    /// Where nothing runs at the close, the end comes with that of the thread: one wake-up less.
    fn end(&mut self) -> io::Result<()> {
        if self.closes {
            self.handover.complete(&mut self.kept.start);
        }
        Ok(())
    }

    fn block(&mut self, data: Bytes) -> io::Result<()> {
        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
        self.put(data, self.left == Some(0))
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
