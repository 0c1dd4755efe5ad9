//! The body of a request, for a service.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gateway_iface::asgi::Disconnect;
use gateway_iface::{RequestTrailers, adapter};
use http_body::{Body, Frame, SizeHint};

/// The body of a request that a [`FromTower`](crate::FromTower) hands to its service.
///
/// It asks for a block only when it is polled, and ends with an error where the body was cut. Trailers come as
/// the last frame, where the server has them (H-54).
#[derive(Debug)]
pub struct RequestBody {
    blocks: adapter::RequestBody,
    /// Octets that are still to come, where the request said how many there are.
    remaining: Option<u64>,
    trailers: Option<RequestTrailers>,
}

impl RequestBody {
    pub(crate) const fn new(
        blocks: adapter::RequestBody,
        length: Option<u64>,
        trailers: Option<RequestTrailers>,
    ) -> Self {
        Self { blocks, remaining: length, trailers }
    }

    /// No body.
    pub(crate) const fn empty() -> Self {
        Self { blocks: adapter::RequestBody::empty(), remaining: None, trailers: None }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Disconnect;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Disconnect>>> {
        let this = &mut *self;
        Poll::Ready(match ready!(this.blocks.poll_block(cx)) {
            Ok(Some(block)) => {
                this.remaining = this.remaining.map(|left| left.saturating_sub(block.len() as u64));
                Some(Ok(Frame::data(block)))
            }
            Ok(None) => {
                let trailers = this.trailers.take();
                trailers
                    .and_then(|trailers| trailers.get().cloned())
                    .map(|fields| Ok(Frame::trailers(fields)))
            }
            Err(reason) => Some(Err(reason)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.blocks.is_end() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.remaining {
            _ if self.blocks.is_end() => SizeHint::with_exact(0),
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}
