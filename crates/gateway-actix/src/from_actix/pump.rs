//! The messages of a WebSocket, between its handler and its client.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use gateway_iface::Error;
use gateway_iface::asgi::event::{Close, Message, ReceiveEvent, SendEvent, WebSocketDisconnect};
use gateway_iface::asgi::{self, Receive};
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::handler::failure;
use super::octets::{Octets, Wire};

/// Passes messages on, one each way at a time: that is the backpressure.
pub(super) struct Pump {
    socket: tungstenite::WebSocket<Wire>,
    octets: Octets,
    receive: Receive,
    send: asgi::Send,
    slot: Option<SendEvent>,
}

/// Who closed a socket.
pub(super) enum Ended {
    ByHandler,
    ByClient,
}

impl Pump {
    pub(super) fn new(octets: Octets, receive: Receive, send: asgi::Send) -> Self {
        // What a handler sends is limited by what it is.
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let config = config.read_buffer_size(READ_BUFFER).write_buffer_size(0);
        let socket = tungstenite::WebSocket::from_raw_socket(Wire::default(), Role::Client, Some(config));
        Self { socket, octets, receive, send, slot: None }
    }

    /// Passes messages on until one side closes the socket. The body is what the handler writes.
    pub(super) fn poll<B: MessageBody>(
        &mut self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Ended, Error>> {
        loop {
            let sent = self.poll_send(body.as_mut(), cx)?;
            if let Poll::Ready(true) = sent {
                return Poll::Ready(Ok(Ended::ByHandler));
            }
            let received = self.poll_receive(cx)?;
            if let Poll::Ready(true) = received {
                return Poll::Ready(Ok(Ended::ByClient));
            }
            if sent.is_pending() && received.is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Sends a message of the handler; whether it was the last.
    fn poll_send<B: MessageBody>(
        &mut self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, Error>> {
        while self.slot.is_none() {
            match self.socket.read() {
                Ok(message) => self.slot = event(message),
                // All is read.
                Err(tungstenite::Error::Io(_)) => match body.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Ok(block))) => self.socket.get_mut().feed(block),
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(failure(&*error.into()))),
                    Poll::Ready(None) => return Poll::Ready(Ok(true)),
                    Poll::Pending => return Poll::Pending,
                },
                Err(error) => return Poll::Ready(Err(Error::new(error))),
            }
        }
        let closes = matches!(self.slot, Some(SendEvent::WebSocketClose(_)));
        let Poll::Ready(sent) = self.send.poll_send(cx, &mut self.slot) else {
            return Poll::Pending;
        };
        sent?;
        if closes {
            // The answer to it, for the handler.
            let _ = self.socket.flush();
            self.octets.give(self.socket.get_mut().take());
            self.octets.end();
        }
        Poll::Ready(Ok(closes))
    }

    /// Hands a message of the client to the handler; whether it was the last.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        if self.octets.poll_room(cx).is_pending() {
            return Poll::Pending;
        }
        let Poll::Ready(event) = self.receive.poll_receive(cx) else {
            return Poll::Pending;
        };
        let closed = match event {
            ReceiveEvent::WebSocketReceive(message) => {
                let message = match message {
                    Message::Text(text) => tungstenite::Message::text(text),
                    Message::Binary(octets) => tungstenite::Message::binary(octets),
                    _ => return Poll::Ready(Ok(false)),
                };
                self.socket.send(message).map_err(Error::new)?;
                false
            }
            ReceiveEvent::WebSocketDisconnect(how) => {
                if how.code != LOST {
                    self.socket.close(frame(how)).map_err(Error::new)?;
                    self.octets.give(self.socket.get_mut().take());
                    self.octets.end();
                }
                return Poll::Ready(Ok(true));
            }
            _ => false,
        };
        self.octets.give(self.socket.get_mut().take());
        Poll::Ready(Ok(closed))
    }
}

/// What the client is sent; nothing of pings and pongs, which the library answers.
fn event(message: tungstenite::Message) -> Option<SendEvent> {
    match message {
        tungstenite::Message::Text(text) => Some(SendEvent::WebSocketSend(text.as_str().into())),
        tungstenite::Message::Binary(octets) => Some(SendEvent::WebSocketSend(octets.into())),
        tungstenite::Message::Close(frame) => {
            Some(SendEvent::WebSocketClose(frame.map_or_else(Close::default, |frame| {
                Close::new(frame.code.into()).with_reason(frame.reason.as_str())
            })))
        }
        _ => None,
    }
}

/// What the handler is told of the client's close.
fn frame(how: WebSocketDisconnect) -> Option<CloseFrame> {
    (how.code != NO_CODE).then(|| CloseFrame { code: how.code.into(), reason: how.reason.into() })
}

/// No close was received (RFC 6455, 7.4.1).
const LOST: u16 = 1006;
/// The close had no code.
const NO_CODE: u16 = 1005;
const READ_BUFFER: usize = 4 * 1024;
