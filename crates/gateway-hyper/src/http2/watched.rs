//! The socket of a connection, with a limit on the time in which the client takes nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::control::Control;
use crate::socket::Rewound;
use crate::waits::{Limited, Wait};

/// The socket of a connection, which watches over the time in which the client takes nothing.
///
/// The streams have waits of their own, but what belongs to none of them is written as well: a client that pings and
/// does not read would keep its connection for ever.
#[derive(Debug)]
pub(super) struct Watched {
    io: Rewound,
    control: Arc<Control>,
    limit: Limited,
    blocked: bool,
}

impl Watched {
    pub(super) const fn new(io: Rewound, control: Arc<Control>, limit: Limited) -> Self {
        Self { io, control, limit, blocked: false }
    }

    /// What was written, or not.
    fn look<T>(&mut self, polled: Poll<T>) -> Poll<T> {
        self.blocked = polled.is_pending();
        self.control.waits().watch(Wait::Write, self.blocked, false, self.limit);
        polled
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.blocked {
            // Who takes nothing has no use for an orderly end, and the system would go on trying.
            self.io.reset();
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        self.look(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_flush(cx);
        self.look(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_shutdown(cx);
        self.look(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.look(polled)
    }
}
