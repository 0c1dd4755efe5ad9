//! The connection of a WebSocket between actix and whoever speaks it: blocks in, and a body out, on one thread.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::error::PayloadError;
use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The connection that reads these blocks, and what it writes.
pub(crate) fn stream<S: Stream<Item = io::Result<Bytes>> + Unpin>(blocks: S) -> (Connection<S>, Outgoing) {
    let pipe = Rc::<RefCell<Pipe>>::default();
    let connection = Connection { blocks: Some(blocks), read: Bytes::new(), pipe: pipe.clone() };
    (connection, Outgoing { pipe })
}

/// Reads blocks, and writes what [`Outgoing`] gives.
pub(crate) struct Connection<S> {
    /// Up to their end.
    blocks: Option<S>,
    read: Bytes,
    pipe: Rc<RefCell<Pipe>>,
}

impl<S: Stream<Item = io::Result<Bytes>> + Unpin> Connection<S> {
    /// Writes nothing more, and reads what still comes, to its end.
    pub(crate) async fn drain(mut self) {
        self.end();
        while let Some(Ok(_)) = poll_fn(|cx| self.poll_block(cx)).await {
            // Blocks that are always there leave time to the others on this thread.
            actix_rt::task::yield_now().await;
        }
    }

    fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(blocks) = &mut self.blocks else {
            return Poll::Ready(None);
        };
        let block = ready!(Pin::new(blocks).poll_next(cx));
        if block.is_none() {
            self.blocks = None;
        }
        Poll::Ready(block)
    }
}

impl<S> Connection<S> {
    fn end(&self) {
        let mut pipe = self.pipe.borrow_mut();
        pipe.ended = true;
        let reader = pipe.reader.take();
        drop(pipe);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl<S: Stream<Item = io::Result<Bytes>> + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.read.is_empty() {
            match ready!(self.poll_block(cx)) {
                Some(block) => self.read = block?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..len]);
        self.read.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<S: Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let mut pipe = self.pipe.borrow_mut();
        if pipe.unread {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = CAPACITY - pipe.octets.len();
        if room == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = room.min(octets.len());
        pipe.octets.extend_from_slice(&octets[..len]);
        let reader = pipe.reader.take();
        drop(pipe);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a [`Connection`] writes: the body of a response, or of a request.
pub(crate) struct Outgoing {
    pipe: Rc<RefCell<Pipe>>,
}

impl Outgoing {
    /// Polls for what was written; `None` when nothing more will be.
    fn poll_octets(&self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut pipe = self.pipe.borrow_mut();
        if pipe.octets.is_empty() {
            if pipe.ended {
                return Poll::Ready(None);
            }
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // An idle socket holds no buffer.
        let octets = std::mem::take(&mut pipe.octets).freeze();
        let writer = pipe.writer.take();
        drop(pipe);
        if let Some(writer) = writer {
            writer.wake();
        }
        Poll::Ready(Some(octets))
    }
}

impl MessageBody for Outgoing {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.poll_octets(cx).map(|octets| octets.map(Ok))
    }
}

/// It ends without an error, also where the client is lost: what came before would be lost with that for `actix-ws`.
/// A socket that ends without a close is one whose client is lost.
impl Stream for Outgoing {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_octets(cx).map(|octets| octets.map(Ok))
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let mut pipe = self.pipe.borrow_mut();
        pipe.unread = true;
        let writer = pipe.writer.take();
        drop(pipe);
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}

#[derive(Default)]
struct Pipe {
    octets: BytesMut,
    ended: bool,
    unread: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

const CAPACITY: usize = 16 * 1024;
