//! The body of a request for a framework, and a watch for the client that sends it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;

use crate::asgi::call::keep;
use crate::asgi::{Disconnect, Receive};

/// Makes two things of a half: the body of the request for a framework's handler, and a watch for its client.
///
/// The two may be polled from different tasks. Where it is known that there is no body, nothing is shared, and
/// the half is with the watch ([`RequestHead::is_bodiless`](crate::RequestHead::is_bodiless)).
#[must_use]
pub fn split(receive: Receive, bodiless: bool) -> (RequestBody, Watch) {
    if bodiless {
        return (RequestBody::empty(), Watch { source: Watched::Alone(receive) });
    }
    let parties = Parties { receive, wakers: [None, None], both: None };
    let source = Arc::new(Mutex::new(parties));
    (RequestBody { source: Some(source.clone()) }, Watch { source: Watched::Shared(source) })
}

/// The body of a request: a stream of its blocks.
///
/// A body that was cut ends with an error and never with an end. Blocks are asked for only when the stream is
/// polled: that is the backpressure.
pub struct RequestBody {
    source: Option<Arc<Mutex<Parties>>>,
}

impl RequestBody {
    /// No body, as that of a handshake.
    #[must_use]
    pub const fn empty() -> Self {
        Self { source: None }
    }

    /// Whether it is known that no block comes any more.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        self.source.is_none()
    }

    /// Polls for the next block; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`Disconnect`] when the body was cut, or the response is complete.
    pub fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Disconnect>> {
        let Some(source) = &self.source else {
            return Poll::Ready(Ok(None));
        };
        let block = ready!(lock(source).poll(READER, cx, Receive::poll_block));
        if let Ok(None) = block {
            self.source = None;
        }
        Poll::Ready(block)
    }
}

impl Stream for RequestBody {
    type Item = Result<Bytes, Disconnect>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_block(cx).map(Result::transpose)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("end", &self.is_end()).finish_non_exhaustive()
    }
}

/// Tells when no one waits for the response any more, while a handler works on it.
pub struct Watch {
    source: Watched,
}

enum Watched {
    Alone(Receive),
    Shared(Arc<Mutex<Parties>>),
}

impl Watch {
    /// Polls for the loss of the client. A server that shuts down leaves time to finish: that is no loss.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let polled = match &mut self.source {
            Watched::Alone(receive) => receive.poll_disconnect(cx),
            Watched::Shared(source) => lock(source).poll(CALL, cx, Receive::poll_disconnect),
        };
        match polled {
            Poll::Pending | Poll::Ready(Disconnect::Shutdown) => Poll::Pending,
            gone => gone,
        }
    }

    /// Waits for what the framework does, unless the client leaves first; then the future is dropped, as a server of
    /// the framework's own would drop it.
    ///
    /// # Errors
    ///
    /// Why the exchange is over. An application passes it on by `?`: it is no fault.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it drops the future.
    pub async fn unless_gone<F: Future>(&mut self, future: F) -> Result<F::Output, Disconnect> {
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_gone(cx).map(Err),
        })
        .await
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// A half that two parties poll. It keeps one waker, so it gets one that wakes both, unless they are one task.
struct Parties {
    receive: Receive,
    wakers: [Option<Waker>; 2],
    both: Option<Arc<Both>>,
}

impl Parties {
    fn poll<T>(
        &mut self,
        who: usize,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Receive, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if let Some(both) = &self.both {
            keep(&mut lock(&both.wakers)[who], cx);
            let waker = Waker::from(both.clone());
            return poll(&mut self.receive, &mut Context::from_waker(&waker));
        }
        keep(&mut self.wakers[who], cx);
        if self.wakers[1 - who].as_ref().is_none_or(|other| other.will_wake(cx.waker())) {
            return poll(&mut self.receive, cx);
        }
        self.both = Some(Arc::new(Both { wakers: Mutex::new(std::mem::take(&mut self.wakers)) }));
        self.poll(who, cx, poll)
    }
}

/// Wakes whoever waits.
struct Both {
    wakers: Mutex<[Option<Waker>; 2]>,
}

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        let wakers = std::mem::take(&mut *lock(&self.wakers));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who polls: the call.
const CALL: usize = 0;
/// Who polls: whoever reads the body.
const READER: usize = 1;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::asgi::event::{ReceiveEvent, RequestBody as Block};
    use crate::asgi::{PollReceive, SendError};
    use crate::error::Error;

    /// A half that keeps one waker, as the contract lets it.
    #[derive(Clone, Default)]
    struct Half(Arc<Mutex<Inner>>);

    #[derive(Default)]
    struct Inner {
        events: Vec<ReceiveEvent>,
        ended: Option<Disconnect>,
        waker: Option<Waker>,
    }

    impl Half {
        fn change(&self, change: impl FnOnce(&mut Inner)) {
            let mut inner = lock(&self.0);
            change(&mut inner);
            let waker = inner.waker.take();
            drop(inner);
            waker.into_iter().for_each(Waker::wake);
        }
    }

    impl PollReceive for Half {
        fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
            let mut inner = lock(&self.0);
            if !inner.events.is_empty() {
                return Poll::Ready(inner.events.remove(0));
            }
            if let Some(reason) = inner.ended {
                return Poll::Ready(ReceiveEvent::HttpDisconnect(reason));
            }
            inner.waker = Some(cx.waker().clone());
            Poll::Pending
        }

        fn poll_disconnect(&mut self, cx: &mut Context<'_>) -> Poll<Disconnect> {
            let mut inner = lock(&self.0);
            inner.waker = Some(cx.waker().clone());
            inner.ended.map_or(Poll::Pending, Poll::Ready)
        }
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_13_body_and_watch_in_two_tasks_are_both_woken() {
        let half = Half::default();
        let (mut body, mut watch) = split(Receive::new(half.clone()), false);
        let (reader, call) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
        let (reader_waker, call_waker) = (Waker::from(reader.clone()), Waker::from(call.clone()));
        let (mut reading, mut calling) =
            (Context::from_waker(&reader_waker), Context::from_waker(&call_waker));
        assert!(body.poll_block(&mut reading).is_pending());
        assert!(watch.poll_gone(&mut calling).is_pending());
        half.change(|inner| inner.events.push(ReceiveEvent::HttpRequest(Block::block("one"))));
        assert_eq!(reader.0.load(Ordering::SeqCst), 1);
        assert!(matches!(body.poll_block(&mut reading), Poll::Ready(Ok(Some(block))) if block == "one"));
        assert!(watch.poll_gone(&mut calling).is_pending());
        assert!(body.poll_block(&mut reading).is_pending());
        let woken = call.0.load(Ordering::SeqCst);
        half.change(|inner| inner.ended = Some(Disconnect::Client));
        assert!(call.0.load(Ordering::SeqCst) > woken);
        assert_eq!(reader.0.load(Ordering::SeqCst), 2);
        assert_eq!(watch.poll_gone(&mut calling), Poll::Ready(Disconnect::Client));
        assert!(
            matches!(body.poll_block(&mut reading), Poll::Ready(Err(Disconnect::Client))),
            "A-67: no end"
        );
    }

    #[test]
    fn a_100_shutdown_is_no_loss_but_a_client_that_leaves_then_is() {
        let half = Half::default();
        let (body, mut watch) = split(Receive::new(half.clone()), true);
        assert!(body.is_end());
        half.change(|inner| inner.ended = Some(Disconnect::Shutdown));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        assert!(watch.poll_gone(&mut Context::from_waker(&waker)).is_pending());
        half.change(|inner| inner.ended = Some(Disconnect::Client));
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        let gone = crate::testing::block_on(watch.unless_gone(std::future::pending::<()>())).unwrap_err();
        assert!(Error::from(SendError::from(gone)).is_disconnected());
    }
}
