//! Sends the response of a service.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use gateway_iface::asgi::event::{ResponseStart, ResponseTrailers};
use gateway_iface::asgi::{self, Capability};
use gateway_iface::{BoxError, Error, RequestHead};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use http_body::{Body, Frame};

/// What sends the response to one request.
pub(crate) struct Sending {
    send: asgi::Send,
    is_head: bool,
    /// Whether nothing of the body is sent: HEAD, 204, 304.
    bodiless: bool,
    trailers: Trailers,
    /// The head, until it is out.
    start: Option<ResponseStart>,
    /// What the length of the body is known to be.
    size: Option<u64>,
    /// Whether trailers may follow, or, once the head is out, will; and what they are.
    trailing: bool,
    fields: Option<HeaderMap>,
}

/// Where trailers may go.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Trailers {
    Nowhere,
    /// Where the head announces them, as HTTP/1.1 has it.
    Announced,
    Anywhere,
}

impl Sending {
    pub(crate) fn new(head: &RequestHead, send: asgi::Send) -> Self {
        let trailers = match head.version() {
            _ if !head.capabilities().contains(Capability::Trailers) => Trailers::Nowhere,
            Version::HTTP_2 | Version::HTTP_3 => Trailers::Anywhere,
            _ => Trailers::Announced,
        };
        let is_head = head.method() == Method::HEAD;
        Self {
            send,
            is_head,
            bodiless: is_head,
            trailers,
            start: None,
            size: None,
            trailing: false,
            fields: None,
        }
    }

    /// Begins a response; nothing is sent yet.
    pub(crate) fn begin(&mut self, status: StatusCode, headers: HeaderMap, body: &impl Body) {
        let hides = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // A service that knows HEAD gives no body, which says nothing of the length (H-78).
        self.bodiless |= hides;
        self.size = body.size_hint().exact().filter(|&size| !hides && (size > 0 || !self.is_head));
        self.trailing = match self.trailers {
            Trailers::Anywhere => true,
            Trailers::Announced => headers.contains_key(header::TRAILER),
            Trailers::Nowhere => false,
        };
        self.start = Some(ResponseStart::new(status, headers));
    }

    /// Whether nothing of the body is sent: it is dropped without being asked for, as hyper does (H-77).
    pub(crate) const fn is_bodiless(&self) -> bool {
        self.bodiless
    }

    /// Sends the head alone.
    pub(crate) async fn send_only_head(&mut self) -> Result<(), Error> {
        self.trailing = false;
        self.send_head().await?;
        Ok(self.send.last(Bytes::new()).await?)
    }

    /// Lets the head go, where nothing is there yet to follow it.
    pub(crate) async fn let_head_go(&mut self) -> Result<(), Error> {
        if self.start.is_some() {
            self.send_head().await?;
            self.send.block(Bytes::new()).await?;
        }
        Ok(())
    }

    /// Sends what came of the body; whether that was the end of the response. `last` says that nothing follows.
    pub(crate) async fn send<D: Buf>(&mut self, frame: Option<Frame<D>>, last: bool) -> Result<bool, Error> {
        match frame.map(Frame::into_data) {
            Some(Ok(mut data)) => {
                // What is `Bytes` already is not copied.
                let block = data.copy_to_bytes(data.remaining());
                if last {
                    return self.send_last(block).await.map(|()| true);
                }
                self.send_head().await?;
                self.send.block(block).await?;
                Ok(false)
            }
            Some(Err(frame)) => {
                self.fields = frame.into_trailers().ok().or_else(|| self.fields.take());
                Ok(false)
            }
            None => self.send_last(Bytes::new()).await.map(|()| true),
        }
    }

    async fn send_head(&mut self) -> Result<(), Error> {
        if let Some(mut start) = self.start.take() {
            if let Some(size) = self.size {
                start.headers.entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(size));
            }
            self.send.send(start.with_trailers(self.trailing)).await?;
        }
        Ok(())
    }

    /// Sends the last block, with the head where that is not out; a server knows the length then.
    async fn send_last(&mut self, block: Bytes) -> Result<(), Error> {
        let mut block = Some(block);
        if let Some(start) = &mut self.start {
            // What is whole has none, unless they came before its end.
            self.trailing &= self.fields.is_some();
            start.trailers = self.trailing;
        }
        if self.start.is_some() {
            poll_fn(|cx| self.send.poll_respond(cx, &mut self.start, &mut block)).await?;
        } else {
            poll_fn(|cx| self.send.poll_block(cx, &mut block, false)).await?;
        }
        if self.trailing {
            let fields = self.fields.take().unwrap_or_default();
            self.send.send(ResponseTrailers::last(fields)).await?;
        }
        Ok(())
    }
}

/// Polls for what comes of a body; nothing comes where its end is known.
pub(crate) fn poll_frame<B>(
    body: Pin<&mut B>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<B::Data>, Error>>>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() {
        return Poll::Ready(None);
    }
    body.poll_frame(cx).map_err(Error::new)
}
