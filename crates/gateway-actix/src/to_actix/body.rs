//! The body of a response, as actix polls it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use gateway_iface::adapter::{Failed, Hosted};

use super::host::Actix;
use super::payload::Lender;

/// The blocks that an application sends; it runs while actix polls for them, which is the backpressure.
pub(super) struct Body {
    hosted: Hosted,
    lender: Lender,
    size: BodySize,
    host: Arc<Actix>,
}

impl Body {
    pub(super) const fn new(hosted: Hosted, lender: Lender, size: BodySize, host: Arc<Actix>) -> Self {
        Self { hosted, lender, size, host }
    }
}

impl MessageBody for Body {
    type Error = Failed;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failed>>> {
        let Self { hosted, lender, host, .. } = &mut *self;
        let _entered = host.under_way.enter();
        loop {
            match ready!(lender.drive(cx, |cx| hosted.poll_block(cx))) {
                // To actix an empty block is the end of a body in chunks.
                Some(Ok(block)) if block.is_empty() => {}
                next => return Poll::Ready(next),
            }
        }
    }
}
