//! The body of an application's response, for whoever called its service.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gateway_iface::Error;
use gateway_iface::adapter::{Failed, Hosted};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};

use crate::tasks::report;

/// The body of a response of [`ToTower`](crate::ToTower). The application runs while it is polled.
///
/// It ends with an error where the application broke its response off, so that the client sees the cut. Dropped
/// before its end, it tells the application that the client left.
pub struct ResponseBody {
    content: Content,
}

enum Content {
    Whole(Bytes),
    Streamed { call: Hosted, reported: bool },
    Handshake(gateway_websocket::Content),
    Ended,
}

impl ResponseBody {
    pub(crate) const fn handshake(content: gateway_websocket::Content) -> Self {
        Self { content: Content::Handshake(content) }
    }

    pub(crate) const fn whole(block: Bytes) -> Self {
        Self { content: Content::Whole(block) }
    }

    /// `reported` says that whoever called the service logs its errors.
    pub(crate) const fn streamed(call: Hosted, reported: bool) -> Self {
        Self { content: Content::Streamed { call, reported } }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Failed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        let (call, reported) = match &mut self.content {
            Content::Streamed { call, reported } => (call, *reported),
            Content::Handshake(content) => {
                return Pin::new(content)
                    .poll_frame(cx)
                    .map_err(|error| Failed::new(StatusCode::INTERNAL_SERVER_ERROR, Error::new(error)));
            }
            Content::Whole(_) | Content::Ended => {
                let Content::Whole(block) = std::mem::replace(&mut self.content, Content::Ended) else {
                    return Poll::Ready(None);
                };
                return Poll::Ready((!block.is_empty()).then(|| Ok(Frame::data(block))));
            }
        };
        let frame = match ready!(call.poll_block(cx)) {
            Some(Ok(block)) => return Poll::Ready(Some(Ok(Frame::data(block)))),
            Some(Err(failed)) => {
                if !reported && failed.is_fault() {
                    report(failed.error());
                }
                Some(Err(failed))
            }
            None => call.take_trailers().map(|fields| Ok(Frame::trailers(fields))),
        };
        self.content = Content::Ended;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(block) => block.is_empty(),
            Content::Streamed { call, .. } => call.is_end(),
            Content::Handshake(content) => content.is_end_stream(),
            Content::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(block) => SizeHint::with_exact(block.len() as u64),
            Content::Streamed { call, .. } => {
                call.remaining().map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Content::Handshake(content) => content.size_hint(),
            Content::Ended => SizeHint::with_exact(0),
        }
    }
}

/// An empty one, for layers that answer in an application's place.
impl Default for ResponseBody {
    fn default() -> Self {
        Self { content: Content::Ended }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}
