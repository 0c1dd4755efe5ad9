//! What drives an open WebSocket.

use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use gateway_iface::asgi::Disconnect;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::reader::{Incoming, Reader};
use super::session::Session;
use super::timer::{Due, Stall, Timer};
use super::watch::{Limit, Watch};

/// Moves the octets of one WebSocket both ways, polls its application, and watches its time: a future that ends
/// when the connection and the application's call are over.
///
/// Reading, the call and writing take turns in one task, so a message that is answered at once costs one
/// wake-up. Nothing but a few hundred octets is held for a socket where nothing happens.
///
/// # Cancel safety
///
/// Dropping it closes the connection, and drops the call.
#[derive(Debug)]
#[must_use = "a socket moves when this is polled"]
pub struct Driver<Io, W: Watch = ()> {
    session: Session<W>,
    io: Option<Io>,
    reader: Reader,
    out: Vec<u8>,
    written: usize,
    /// Whether something was written since the last flush.
    unflushed: bool,
    /// Whether writing waits for the client.
    is_blocked: bool,
    /// Whether the client took something since that was last looked at.
    moved: bool,
    phase: Phase,
    /// Whether the client may still be sending when this side is closed.
    lingers: bool,
    /// Whether the application has more to receive than is read ahead for it (S-42).
    paused: bool,
    /// Whether anything came since that was last looked at.
    heard: bool,
    timer: Timer,
    stall: Stall,
    /// The task that drives it.
    task: Option<Waker>,
}

/// How far the end of a socket got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Open,
    /// This side's Close is on its way, and the client's is awaited (S-54).
    Closing,
    /// Nothing of the client matters any more; what is there for it still goes out (S-52, S-58).
    Finishing,
    /// This side is closed, and a client that may still be sending is given the time to notice: a socket
    /// that is dropped with octets unread is reset, and the Close may be lost with it.
    Lingering,
}

impl<Io: AsyncRead + AsyncWrite + Unpin, W: Watch> Driver<Io, W> {
    /// For a socket whose handshake was [accepted](Session::is_accepted), over the connection as it is behind the
    /// answer.
    ///
    /// What was read of it together with the handshake comes first (S-12): the stream is to have that.
    pub fn new(mut session: Session<W>, io: Io) -> Self {
        let reader = session.open();
        Self {
            session,
            io: Some(io),
            reader,
            out: Vec::new(),
            written: 0,
            unflushed: false,
            is_blocked: false,
            moved: false,
            phase: Phase::Open,
            lingers: false,
            paused: false,
            heard: false,
            timer: Timer::default(),
            stall: Stall::default(),
            task: None,
        }
    }

    /// The server shuts down: the socket is closed with 1001, and the application is told so (S-59).
    ///
    /// The driver is to be polled on: the client still answers, and the call runs to its end.
    pub fn shut_down(&self) {
        self.session.shut_down();
    }

    /// Gives the connection up; the application is told why, and its call goes on, but for
    /// [`Settings::cancel_on_disconnect`](crate::Settings::cancel_on_disconnect).
    pub fn lose(&mut self, reason: Disconnect) {
        let orderly = self.phase != Phase::Open;
        self.end(reason);
        if !orderly && self.session.settings().cancel_on_disconnect {
            self.session.cancel();
        }
    }

    /// Gives the connection up, and the call: the application may look once, and is dropped.
    pub fn cut_off(&mut self, cx: &mut Context<'_>) {
        self.end(Disconnect::Shutdown);
        self.session.poll_call(cx);
        self.session.cancel();
    }

    /// Goes on until the connection and the application's call are over.
    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            if self.task.replace(cx.waker().clone()).is_none() {
                self.wait_for_silence();
            }
            self.session.exchange().wait(cx);
        }
        let mut call_due = true;
        let mut rounds = 0;
        loop {
            let read = self.poll_read(cx);
            if read || call_due {
                self.session.poll_call(cx);
                call_due = false;
            }
            self.poll_write(cx);
            if !read && !self.resumes() {
                break;
            }
            rounds += 1;
            if rounds == MAX_ROUNDS {
                cx.waker().wake_by_ref();
                break;
            }
        }
        while let Poll::Ready(due) = self.timer.poll(cx) {
            self.waited(due);
            self.poll_write(cx);
            self.session.poll_call(cx);
        }
        if self.io.is_none() && !self.session.is_active() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads once; whether anything came of it.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(io) = &mut self.io else {
            return false;
        };
        match self.phase {
            Phase::Finishing => return false,
            Phase::Open if self.paused && !self.session.exchange().has_room_to_receive() => return false,
            _ => self.paused = false,
        }
        let mut room = [MaybeUninit::uninit(); READ];
        let mut buf = ReadBuf::uninit(&mut room);
        match Pin::new(io).poll_read(cx, &mut buf) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                self.heard = true;
                if self.timer.waits_for(Due::Pong) {
                    self.wait_for_silence();
                }
                if self.phase != Phase::Lingering {
                    self.take(cx, buf.filled_mut());
                }
                true
            }
            Poll::Ready(_) => {
                self.lose(Disconnect::Client);
                true
            }
        }
    }

    fn take(&mut self, cx: &mut Context<'_>, mut octets: &mut [u8]) {
        let mut delivered = false;
        while !octets.is_empty() {
            let read = self.reader.read(octets);
            let ends = matches!(read, Err(_) | Ok((_, Some(Incoming::Close(_)))));
            if ends && std::mem::take(&mut delivered) {
                // What the application answers at once to what came before still goes out.
                self.session.poll_call(cx);
            }
            let (used, incoming) = match read {
                Ok(read) => read,
                Err(failure) => {
                    if failure.is_size() {
                        self.session.watch().hit(Limit::Size);
                    }
                    self.session.exchange().fail(failure);
                    return self.finish(true);
                }
            };
            octets = &mut octets[used..];
            match incoming {
                Some(Incoming::Message(message)) => {
                    self.paused = self.session.exchange().deliver(message);
                    delivered = true;
                }
                Some(Incoming::Ping(payload)) => self.session.exchange().pong(payload),
                Some(Incoming::Close(close)) => {
                    self.session.exchange().peer_closed(close);
                    return self.finish(!octets.is_empty());
                }
                Some(Incoming::Pong) | None => {}
            }
        }
    }

    /// Whether the application has made room for reading on.
    fn resumes(&self) -> bool {
        self.phase == Phase::Open
            && self.paused
            && self.io.is_some()
            && self.session.exchange().has_room_to_receive()
    }

    /// Writes all there is, and closes the connection when that is due.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        self.is_blocked = false;
        while let Some(io) = &mut self.io {
            if self.written < self.out.len() {
                match Pin::new(io).poll_write(cx, &self.out[self.written..]) {
                    Poll::Pending => {
                        self.is_blocked = true;
                        return;
                    }
                    Poll::Ready(Ok(written @ 1..)) => {
                        self.written += written;
                        self.moved = true;
                        self.unflushed = true;
                    }
                    Poll::Ready(_) => return self.lose(Disconnect::Client),
                }
                continue;
            }
            self.written = 0;
            self.out.clear();
            if self.out.capacity() > KEPT {
                self.out = Vec::new();
            }
            let closed = self.session.exchange().take_out(&mut self.out);
            if closed && self.phase == Phase::Open {
                self.phase = Phase::Closing;
                self.wait_for_close();
            }
            if !self.out.is_empty() {
                continue;
            }
            return self.poll_flush(cx);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) {
        let Some(io) = &mut self.io else {
            return;
        };
        if self.unflushed {
            match Pin::new(&mut *io).poll_flush(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => return self.lose(Disconnect::Client),
            }
        }
        if self.phase == Phase::Finishing {
            match Pin::new(io).poll_shutdown(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) if self.lingers => {
                    self.phase = Phase::Lingering;
                    // The end of the client's side may be there already.
                    cx.waker().wake_by_ref();
                }
                // Both have closed: the connection is over at once (S-53).
                Poll::Ready(_) => self.lose(Disconnect::Client),
            }
        }
    }

    /// A wait was in vain.
    fn waited(&mut self, due: Due) {
        let heard = std::mem::take(&mut self.heard);
        match due {
            Due::Silence if heard => self.wait_for_silence(),
            // While nothing is read, nothing can be heard; and a ping waits behind what the client is busy with.
            Due::Silence | Due::Pong if self.paused || self.is_blocked => self.wait_for_silence(),
            Due::Silence => {
                self.session.exchange().ping();
                self.timer.start(Due::Pong, self.session.settings().pong_timeout);
            }
            Due::Pong => {
                self.session.watch().hit(Limit::PongTime);
                self.session.exchange().time_out();
                self.finish(true);
            }
            Due::Close => self.lose(Disconnect::Client),
        }
    }

    fn wait_for_silence(&mut self) {
        if let Some(interval) = self.session.settings().ping_interval {
            self.timer.start(Due::Silence, interval);
        }
    }

    fn wait_for_close(&mut self) {
        self.timer.start(Due::Close, self.session.settings().close_timeout);
    }

    /// Nothing of the client matters any more; whether it may still send.
    fn finish(&mut self, lingers: bool) {
        self.lingers = lingers;
        if self.phase == Phase::Open {
            self.wait_for_close();
        }
        self.phase = Phase::Finishing;
    }

    fn end(&mut self, cause: Disconnect) {
        self.io = None;
        self.timer.stop();
        self.out = Vec::new();
        self.written = 0;
        self.session.lose(cause);
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, W: Watch> Future for Driver<Io, W> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let polled = this.poll_all(cx);
        let moved = std::mem::take(&mut this.moved);
        this.session.watch().written(this.is_blocked, moved);
        let limit = this.session.settings().write_timeout;
        if this.stall.poll(cx, this.is_blocked, moved, limit).is_pending() {
            return polled;
        }
        this.session.watch().hit(Limit::WriteTime);
        this.lose(Disconnect::Timeout);
        this.poll_all(cx)
    }
}

/// Octets that are read at once, into the stack.
const READ: usize = 16 * 1024;
/// A buffer of more octets is given back once it is written.
const KEPT: usize = 1024;
/// How often reading, the call and writing take turns before other tasks are let in between.
const MAX_ROUNDS: usize = 16;
