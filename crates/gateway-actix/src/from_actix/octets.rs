//! What goes between a WebSocket and its handler as octets, on one thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::{Buf, Bytes};
use futures_core::Stream;

/// The two ends of what a handler reads.
pub(super) fn octets() -> (Octets, Payload) {
    let shared = Rc::<RefCell<Shared>>::default();
    (Octets { shared: shared.clone() }, Payload::Stream { payload: Box::pin(Incoming { shared }) })
}

/// The end that octets are given to; dropped without an end, they are cut.
pub(super) struct Octets {
    shared: Rc<RefCell<Shared>>,
}

impl Octets {
    /// Waits until the handler has read what there is; always ready when it reads no more.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut shared = self.shared.borrow_mut();
        if shared.queue.is_empty() || shared.unread {
            return Poll::Ready(());
        }
        shared.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Gives octets; lost when the handler reads no more.
    pub(super) fn give(&self, octets: Vec<u8>) {
        if !octets.is_empty() {
            self.change(|shared| {
                if !shared.unread {
                    shared.queue.push_back(octets.into());
                }
            });
        }
    }

    /// Nothing follows.
    pub(super) fn end(&self) {
        self.change(|shared| shared.end = Some(true));
    }

    fn change(&self, change: impl FnOnce(&mut Shared)) {
        let mut shared = self.shared.borrow_mut();
        change(&mut shared);
        let reader = shared.reader.take();
        drop(shared);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Drop for Octets {
    fn drop(&mut self) {
        self.change(|shared| {
            shared.end.get_or_insert(false);
        });
    }
}

/// The handler's end.
struct Incoming {
    shared: Rc<RefCell<Shared>>,
}

impl Stream for Incoming {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut shared = self.shared.borrow_mut();
        let Some(octets) = shared.queue.pop_front() else {
            return match shared.end {
                Some(true) => Poll::Ready(None),
                Some(false) => Poll::Ready(Some(Err(PayloadError::Incomplete(None)))),
                None => {
                    shared.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        };
        let writer = shared.writer.take();
        drop(shared);
        if let Some(writer) = writer {
            writer.wake();
        }
        Poll::Ready(Some(Ok(octets)))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut shared = self.shared.borrow_mut();
        shared.unread = true;
        let (left, writer) = (mem::take(&mut shared.queue), shared.writer.take());
        drop(shared);
        drop(left);
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}

#[derive(Default)]
struct Shared {
    queue: VecDeque<Bytes>,
    /// Whether what ended is whole.
    end: Option<bool>,
    unread: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What the WebSocket library reads and writes: it never waits, but says so.
#[derive(Default)]
pub(super) struct Wire {
    incoming: Bytes,
    outgoing: Vec<u8>,
}

impl Wire {
    /// Gives the library octets to read; it has read those before.
    pub(super) fn feed(&mut self, octets: Bytes) {
        self.incoming = octets;
    }

    /// What the library wrote.
    pub(super) fn take(&mut self) -> Vec<u8> {
        mem::take(&mut self.outgoing)
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        (&mut self.incoming).reader().read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
