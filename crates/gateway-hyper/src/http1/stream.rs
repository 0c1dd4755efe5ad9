//! A socket as hyper reads and writes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead as _, ReadBuf};

use super::link::Link;
use crate::socket::Socket;

/// A connected socket, which tells its connection when hyper has written out all it holds.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TokioIo<Socket>,
    link: Arc<Link>,
    /// Whether all that hyper has written so far is a whole number of responses, so that something may be put
    /// between them.
    between: bool,
    /// A response with 103 or 100 that is being written.
    interim: Bytes,
    /// What came of the preface of HTTP/2, which hyper knows only as a whole; `None` once hyper was given something.
    preface: Option<Preface>,
}

/// The beginning of a preface.
#[derive(Debug, Default)]
struct Preface {
    octets: [u8; PREFACE.len()],
    len: usize,
}

impl Stream {
    pub(crate) fn new(socket: Socket, link: Arc<Link>) -> Self {
        Self {
            socket: TokioIo::new(socket),
            link,
            between: true,
            interim: Bytes::new(),
            preface: Some(Preface::default()),
        }
    }

    pub(crate) fn into_socket(self) -> Socket {
        self.socket.into_inner()
    }

    /// Reads the first octets: as long as they may become the preface of HTTP/2, they are held back.
    #[cold]
    fn poll_first(&mut self, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        while let Some(preface) = &mut self.preface {
            let mut room = [0; 1024];
            let free = buf.remaining().saturating_sub(preface.len).min(room.len());
            let mut part = ReadBuf::new(&mut room[..free]);
            ready!(Pin::new(self.socket.inner_mut()).poll_read(cx, &mut part))?;
            self.link.received();
            let part = part.filled();
            let held = &preface.octets[..preface.len];
            let may_become = !part.is_empty()
                && preface.len + part.len() < PREFACE.len()
                && PREFACE[preface.len..].starts_with(part);
            if may_become {
                preface.octets[preface.len..][..part.len()].copy_from_slice(part);
                preface.len += part.len();
            } else {
                buf.put_slice(held);
                buf.put_slice(part);
                self.preface = None;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what a response has ahead of its head, where it may still be.
    #[inline]
    fn poll_hints(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.interim.is_empty() && !self.link.interim().waits() {
            return Poll::Ready(Ok(()));
        }
        self.poll_interim(cx)
    }

    #[cold]
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.link.interim().waits() {
            let more = self.link.interim().take();
            if self.between {
                let mut interim = BytesMut::from(&self.interim[..]);
                interim.extend_from_slice(&more);
                self.interim = interim.freeze();
            }
        }
        while !self.interim.is_empty() {
            let len = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.interim))?;
            if len == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.interim.advance(len);
        }
        Poll::Ready(Ok(()))
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.preface.is_some() {
            return self.poll_first(cx, buf);
        }
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        self.link.received();
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_hints(cx))?;
        self.between = false;
        let polled = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.link.written(polled.is_pending());
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper asks for this when its own buffer is empty.
        self.link.flushed();
        self.between = true;
        ready!(self.poll_hints(cx))?;
        let polled = Pin::new(&mut self.socket).poll_flush(cx);
        // TLS takes what it is given, and has it wait for the client here.
        self.link.written(polled.is_pending());
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_hints(cx))?;
        self.between = false;
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.link.written(polled.is_pending());
        polled
    }
}

/// What HTTP/2 begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
