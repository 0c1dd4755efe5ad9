//! One type for every socket that a connection can come on, so that what reads and writes is compiled
//! for one.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::counted::Counted;
use crate::listener::Accepted;
use crate::stats::Counters;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(Counted<TcpStream>),
    Unix(Counted<UnixStream>),
    Tls(Box<TlsStream<Self>>),
    Rewound(Box<Rewound>),
}

impl Socket {
    pub(crate) fn new(accepted: Accepted, counters: &Arc<Counters>) -> Self {
        let counters = Arc::clone(counters);
        match accepted {
            Accepted::Tcp(stream, _) => Self::Tcp(Counted::new(stream, counters)),
            Accepted::Unix(stream) => Self::Unix(Counted::new(stream, counters)),
        }
    }

    /// The socket with that before what comes on it.
    pub(crate) fn rewound(self, ahead: Bytes) -> Self {
        if ahead.is_empty() { self } else { Self::Rewound(Box::new(Rewound::new(ahead, self))) }
    }

    /// Has the socket closed by a reset, which no client takes for the end of a message (H-87).
    pub(crate) fn reset(&self) {
        match self {
            Self::Tcp(stream) => {
                // Where it fails the peer is gone already.
                let _ = stream.get_ref().set_zero_linger();
            }
            Self::Unix(_) => {}
            Self::Tls(stream) => stream.get_ref().0.reset(),
            Self::Rewound(stream) => stream.socket.reset(),
        }
    }

    /// Writes that much, as far as the socket takes it at once, and closes.
    pub(crate) fn close(mut self, last: &[u8]) {
        let cx = &mut Context::from_waker(Waker::noop());
        if !last.is_empty() {
            // Who is gone already, or reads nothing, goes without.
            let _ = Pin::new(&mut self).poll_write(cx, last);
        }
        let _ = Pin::new(&mut self).poll_shutdown(cx);
    }

    /// Writes that much and closes once the peer has read it and closed too: what it may still send would have the
    /// answer thrown away (H-99).
    pub(crate) async fn turn_away(mut self, last: &[u8]) -> io::Result<()> {
        self.write_all(last).await?;
        self.shutdown().await?;
        tokio::io::copy(&mut self, &mut tokio::io::sink()).await?;
        Ok(())
    }

    /// Whether client and server chose HTTP/2 when they shook hands.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2"))
    }
}

impl AsyncRead for Socket {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Rewound(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Rewound(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Rewound(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Rewound(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Rewound(stream) => stream.is_write_vectored(),
        }
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Rewound(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }
}

/// A socket of which some octets were read already.
#[derive(Debug)]
pub(crate) struct Rewound {
    ahead: Bytes,
    socket: Socket,
}

impl Rewound {
    pub(crate) const fn new(ahead: Bytes, socket: Socket) -> Self {
        Self { ahead, socket }
    }

    /// Has the socket closed by a reset.
    pub(crate) fn reset(&self) {
        self.socket.reset();
    }
}

impl AsyncRead for Rewound {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ahead.is_empty() {
            return Pin::new(&mut this.socket).poll_read(cx, buf);
        }
        let len = this.ahead.len().min(buf.remaining());
        buf.put_slice(&this.ahead.split_to(len));
        if this.ahead.is_empty() {
            this.ahead = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
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
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }
}
