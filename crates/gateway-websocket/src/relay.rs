//! A framework's own WebSocket as an application's.

use std::fmt;
use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use gateway_iface::Error;
use gateway_iface::asgi::event::{Close, Message, ReceiveEvent, SendEvent, WebSocketDisconnect};
use gateway_iface::asgi::{self, Receive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::close::{ABNORMAL, NO_CODE};

/// Connects a framework's handler that speaks WebSocket itself, over octets, with the halves of an application's exchange:
/// towards the handler it is the client.
///
/// The handshake is over on both sides: the handler has answered 101, and the exchange accepted. Messages pass one at a
/// time each way, so that backpressure does as well. The handler's pings are answered here, and its client is looked
/// after by whoever serves the exchange.
///
/// It ends when both sides have closed the socket, each told the other's code, and the handler has let it go. A handler
/// that lets it go without closing it has it closed by the server, as one whose call returns (S-59); a client that
/// was lost is lost for the handler, too.
///
/// # Errors
///
/// What the handler did against the protocol, and errors of sending: the client is gone.
///
/// # Examples
///
/// ```
/// # use gateway_iface::{Error, asgi};
/// # use gateway_websocket::Relay;
/// # async fn upgraded() -> std::io::Result<tokio::io::DuplexStream> { Ok(tokio::io::duplex(64).0) }
/// async fn relayed(receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
///     Relay::new(upgraded().await?, receive, send).await
/// }
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct Relay<Io> {
    io: Io,
    socket: tungstenite::WebSocket<Octets>,
    receive: Receive,
    send: asgi::Send,
    /// What the handler sent and the server has not taken.
    slot: Option<SendEvent>,
    /// Whether the handler reads no more: what is for it goes nowhere.
    deaf: bool,
    /// Whether the handler has closed it, and waits for the client's answer.
    closing: bool,
    /// Whether both sides have: what is written is only to leave.
    closed: bool,
    /// Whether one side went without a word.
    lost: bool,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Relay<Io> {
    /// Connects the two.
    pub fn new(io: Io, receive: Receive, send: asgi::Send) -> Self {
        // What a handler sends is limited by what it is.
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let config = config.read_buffer_size(BUFFER).write_buffer_size(0);
        let socket = tungstenite::WebSocket::from_raw_socket(Octets::default(), Role::Client, Some(config));
        Self {
            io,
            socket,
            receive,
            send,
            slot: None,
            deaf: false,
            closing: false,
            closed: false,
            lost: false,
        }
    }

    /// Writes what there is for the handler, if it still reads.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.deaf && ready!(self.try_write(cx)).is_err() {
            self.deaf = true;
        }
        let octets = self.socket.get_mut();
        octets.written = 0;
        octets.out.clear();
        // An idle socket does not keep the room of its largest message.
        octets.out.shrink_to(BUFFER);
        Poll::Ready(())
    }

    fn try_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let octets = self.socket.get_mut();
        while octets.written < octets.out.len() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &octets.out[octets.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            octets.written += written;
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Sends a message of the handler.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.slot.is_none() {
            match self.socket.read() {
                Ok(message) => self.slot = event(message),
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    if ready!(self.poll_read(cx))? == 0 {
                        self.lost = true;
                        return Poll::Ready(Ok(()));
                    }
                }
                Err(error) => return Poll::Ready(Err(Error::new(error))),
            }
        }
        let closes = self.is_closing();
        ready!(self.send.poll_send(cx, &mut self.slot))?;
        self.closing = closes;
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [0; BUFFER];
        let mut buffer = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        self.socket.get_mut().read.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Hands a message of the client to the handler.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match ready!(self.receive.poll_receive(cx)) {
            // What comes after the handler's Close is discarded (S-54).
            ReceiveEvent::WebSocketReceive(_) if self.deaf || self.is_closing() => {}
            ReceiveEvent::WebSocketReceive(Message::Text(text)) => {
                self.socket.send(tungstenite::Message::text(text)).map_err(Error::new)?;
            }
            ReceiveEvent::WebSocketReceive(Message::Binary(octets)) => {
                self.socket.send(tungstenite::Message::binary(octets)).map_err(Error::new)?;
            }
            ReceiveEvent::WebSocketDisconnect(how) => {
                if how.code == ABNORMAL {
                    self.lost = true;
                    return Poll::Ready(Ok(()));
                }
                self.closed = true;
                if self.is_closing() {
                    self.answer(how)?;
                } else {
                    self.socket.close(frame(how)).map_err(Error::new)?;
                }
            }
            _ => {}
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the handler's Close was read.
    const fn is_closing(&self) -> bool {
        self.closing || matches!(self.slot, Some(SendEvent::WebSocketClose(_)))
    }

    /// Answers the handler's Close as the client has (S-50); the library would do so without having asked it.
    fn answer(&mut self, how: WebSocketDisconnect) -> io::Result<()> {
        let mut close = Frame::close(frame(how));
        // What is in memory needs no hiding, but a client masks.
        close.header_mut().mask = Some([0; 4]);
        close.format(self.socket.get_mut()).map_err(io::Error::other)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Relay<Io> {
    /// Both sides have closed it. The handler has what is for it, and is waited for: one that finds its socket gone when
    /// it answers a Close takes that for an error, and one that is held up in a send reads no Close.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = self.poll_write(cx);
        while let Ok(1..) = ready!(self.poll_read(cx)) {
            let octets = self.socket.get_mut();
            octets.read.clear();
            octets.taken = 0;
        }
        Poll::Ready(())
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Future for Relay<Io> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = &mut *self;
        loop {
            if this.lost {
                return Poll::Ready(Ok(()));
            }
            if this.closed {
                return this.poll_closed(cx).map(Ok);
            }
            let written = this.poll_write(cx);
            // What is discarded needs no room.
            let receives = written.is_ready() || this.closing;
            let received = if receives { this.poll_receive(cx)? } else { Poll::Pending };
            if this.lost || this.closed {
                continue;
            }
            let sent = if this.closing { Poll::Pending } else { this.poll_send(cx)? };
            let idle = received.is_pending() && sent.is_pending() && !this.lost;
            // Reading may have left a pong to be written.
            if idle && (written.is_pending() || this.socket.get_ref().out.is_empty()) {
                return Poll::Pending;
            }
        }
    }
}

impl<Io> fmt::Debug for Relay<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("closed", &self.closed).finish_non_exhaustive()
    }
}

/// The octets between the library and the handler's side.
#[derive(Default)]
struct Octets {
    read: Vec<u8>,
    /// Octets at the beginning of `read` that the library has.
    taken: usize,
    out: Vec<u8>,
    /// Octets at the beginning of `out` that the handler's side has.
    written: usize,
}

impl Read for Octets {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = &self.read[self.taken..];
        if left.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = left.len().min(buffer.len());
        buffer[..len].copy_from_slice(&left[..len]);
        self.taken += len;
        if self.taken == self.read.len() {
            self.read.clear();
            self.taken = 0;
        }
        Ok(len)
    }
}

impl Write for Octets {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.out.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the client is sent; nothing of pings and pongs, which the library answers.
fn event(message: tungstenite::Message) -> Option<SendEvent> {
    match message {
        tungstenite::Message::Text(text) => Some(Message::from(text.as_str()).into()),
        tungstenite::Message::Binary(octets) => Some(Message::from(octets).into()),
        tungstenite::Message::Close(frame) => Some(
            frame
                .map_or_else(Close::default, |frame| {
                    Close::new(frame.code.into()).with_reason(frame.reason.as_str())
                })
                .into(),
        ),
        _ => None,
    }
}

/// What the handler is told of the client's close.
fn frame(how: WebSocketDisconnect) -> Option<CloseFrame> {
    (how.code != NO_CODE).then(|| CloseFrame { code: how.code.into(), reason: how.reason.into() })
}

/// Octets that are read at once: an idle socket keeps no more.
const BUFFER: usize = 4 * 1024;
