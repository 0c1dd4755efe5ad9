//! The body of a service's request, for an application.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use gateway_iface::{BoxError, RequestTrailers};
use http_body::Body;

pin_project_lite::pin_project! {
    /// The blocks of a body; its trailers go where the application finds them (H-54).
    pub(crate) struct RequestBlocks<B> {
        #[pin]
        body: B,
        trailers: Option<RequestTrailers>,
    }
}

impl<B> RequestBlocks<B> {
    pub(crate) const fn new(body: B, trailers: Option<RequestTrailers>) -> Self {
        Self { body, trailers }
    }
}

impl<B> Stream for RequestBlocks<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Item = Result<Bytes, BoxError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            let frame = match ready!(this.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            };
            match frame.into_data() {
                // What is `Bytes` already is not copied.
                Ok(mut data) => return Poll::Ready(Some(Ok(data.copy_to_bytes(data.remaining())))),
                Err(frame) => {
                    if let (Ok(fields), Some(trailers)) = (frame.into_trailers(), this.trailers.take()) {
                        trailers.set(fields);
                    }
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.body.is_end_stream().then_some(0))
    }
}
