//! The body of a request on its way to an application that may be on any thread: actix's own stays on its thread.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use actix_web::dev::Payload;
use bytes::Bytes;
use futures_core::Stream;
use gateway_iface::BoxError;
use parking_lot::Mutex;

use crate::waker::keep;

/// The two ends of a body, which has that length where actix does not keep to one.
pub(super) fn lend(payload: Payload, length: Option<u64>) -> (Lender, Blocks) {
    if matches!(payload, Payload::None) || length == Some(0) {
        return (Lender { lent: None, left: None }, Blocks { desk: None });
    }
    let desk = Arc::<Mutex<Desk>>::default();
    (Lender { lent: Some((payload, desk.clone())), left: length }, Blocks { desk: Some(desk) })
}

/// The end on actix's thread: it asks for a block when the application wants one, and not before.
pub(super) struct Lender {
    lent: Option<(Payload, Arc<Mutex<Desk>>)>,
    /// What is still to come of a declared length.
    left: Option<u64>,
}

impl Lender {
    /// Polls the application by `poll`, and gives it the blocks that it waits for.
    pub(super) fn drive<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        loop {
            let polled = poll(cx);
            if polled.is_ready() || !self.lend(cx) {
                return polled;
            }
        }
    }

    /// Whether there is a block for the application that was not there before.
    fn lend(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((payload, desk)) = &mut self.lent else {
            return false;
        };
        {
            let mut desk = desk.lock();
            keep(&mut desk.lender, cx);
            if !desk.wanted {
                return false;
            }
        }
        let Poll::Ready(block) = poll_block(payload, &mut self.left, cx) else {
            return false;
        };
        let last = !matches!(block, Some(Ok(_)));
        let mut shared = desk.lock();
        shared.wanted = false;
        shared.block = Some(block);
        // Whoever is part of this task is polled next.
        let reader = shared.reader.take().filter(|reader| !reader.will_wake(cx.waker()));
        drop(shared);
        if let Some(reader) = reader {
            reader.wake();
        }
        if last {
            self.lent = None;
        }
        true
    }
}

impl Drop for Lender {
    fn drop(&mut self) {
        if let Some((_, desk)) = self.lent.take() {
            let mut desk = desk.lock();
            desk.block.get_or_insert_with(|| Some(Err("the request is over".to_owned())));
            let reader = desk.reader.take();
            drop(desk);
            if let Some(reader) = reader {
                reader.wake();
            }
        }
    }
}

/// Polls for a block of what is left.
fn poll_block(
    payload: &mut Payload,
    left: &mut Option<u64>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, String>>> {
    if *left == Some(0) {
        return Poll::Ready(None);
    }
    // The error of actix stays on its thread, too.
    let block = ready!(Pin::new(payload).poll_next(cx)).map(|block| block.map_err(|error| error.to_string()));
    Poll::Ready(match (block, left) {
        (Some(Ok(mut block)), Some(left)) => {
            block.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= block.len() as u64;
            Some(Ok(block))
        }
        //
        (None, Some(_)) => Some(Err("the body is shorter than its length".to_owned())),
        (block, _) => block,
    })
}

/// The application's end.
pub(super) struct Blocks {
    desk: Option<Arc<Mutex<Desk>>>,
}

impl Stream for Blocks {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(desk) = &self.desk else {
            return Poll::Ready(None);
        };
        let mut shared = desk.lock();
        match shared.block.take() {
            Some(Some(Ok(block))) => Poll::Ready(Some(Ok(block))),
            Some(last) => {
                drop(shared);
                self.desk = None;
                Poll::Ready(last.map(|block| block.map_err(Into::into)))
            }
            None => {
                shared.wanted = true;
                keep(&mut shared.reader, cx);
                // In the lender's own task it looks when the application has been polled.
                let lender = shared.lender.take_if(|lender| !lender.will_wake(cx.waker()));
                drop(shared);
                if let Some(lender) = lender {
                    lender.wake();
                }
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.desk.is_some() { (0, None) } else { (0, Some(0)) }
    }
}

/// Where a block lies between the two.
#[derive(Default)]
struct Desk {
    wanted: bool,
    block: Option<Option<Result<Bytes, String>>>,
    reader: Option<Waker>,
    lender: Option<Waker>,
}
