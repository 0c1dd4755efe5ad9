//! A WebSocket with an asynchronous application, in this process or over a socket.

use std::sync::Arc;

use gateway_iface::asgi;
use gateway_iface::asgi::event::{Accept, Close, Message};
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{Request, StatusCode};
use gateway_iface::testing::{AsgiClient, WebSocketExchange};

use super::deadline::run;
use super::frames::Frames;
use super::websocket_tcp::TcpSocket;
use crate::case::Failure;

/// A WebSocket; dropped early, its connection is lost.
pub(crate) struct Socket<'a> {
    way: Way<'a>,
}

enum Way<'a> {
    Memory(WebSocketExchange<'a>),
    Tcp(TcpSocket),
}

/// A handshake that was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Refusal {
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) const fn body(&self) -> &Bytes {
        &self.body
    }
}

impl<'a> Socket<'a> {
    pub(super) fn open(client: &'a AsgiClient<Arc<dyn asgi::Application>>, request: Request<()>) -> Self {
        Self { way: Way::Memory(client.websocket(request)) }
    }

    pub(super) const fn over(frames: Frames) -> Self {
        Self { way: Way::Tcp(TcpSocket::new(frames)) }
    }

    /// Waits for the application's answer to the handshake.
    fn connect(&mut self) -> Result<Result<Accept, Refusal>, Failure> {
        match &mut self.way {
            Way::Memory(exchange) => {
                let answer = run("waiting for the answer to the handshake", exchange.connect())?;
                Ok(answer
                    .map_err(|response| Refusal { status: response.status(), body: response.body().clone() }))
            }
            Way::Tcp(socket) => socket.connect(),
        }
    }

    /// Waits until the application has accepted.
    pub(crate) fn accepted(&mut self) -> Result<Accept, Failure> {
        self.connect()?.map_err(|refusal| Failure::new(format!("refused with {}", refusal.status())))
    }

    /// Waits until the application has refused.
    pub(crate) fn refused(&mut self) -> Result<Refusal, Failure> {
        match self.connect()? {
            Ok(_) => Err(Failure::new("the socket was accepted")),
            Err(refusal) => Ok(refusal),
        }
    }

    pub(crate) fn send(&mut self, message: impl Into<Message>) -> Result<(), Failure> {
        match &mut self.way {
            Way::Memory(exchange) => {
                exchange.send(message);
                Ok(())
            }
            Way::Tcp(socket) => socket.send(&message.into()),
        }
    }

    /// The next message; `None` when the application has closed the socket or ended.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, Failure> {
        match &mut self.way {
            Way::Memory(exchange) => run("waiting for a message", exchange.next()),
            Way::Tcp(socket) => socket.next(),
        }
    }

    /// Closes; 1005 stands for a Close without a code.
    pub(crate) fn close(&mut self, code: u16, reason: &str) -> Result<(), Failure> {
        match &mut self.way {
            Way::Memory(exchange) => {
                exchange.close(code, reason);
                Ok(())
            }
            Way::Tcp(socket) => socket.close(code, reason),
        }
    }

    pub(crate) fn lose(&mut self) {
        match &mut self.way {
            Way::Memory(exchange) => exchange.lose(),
            Way::Tcp(socket) => socket.lose(),
        }
    }

    /// Waits for the end of the socket, and in this process for that of the application's call; the close
    /// that the client has seen.
    pub(crate) fn end(&mut self) -> Result<Option<Close>, Failure> {
        match &mut self.way {
            Way::Memory(exchange) => {
                // An error of the application shows in the close.
                let _ = run("waiting for the end of the application", exchange.finish())?;
                Ok(exchange.close_frame().cloned())
            }
            Way::Tcp(socket) => socket.end(),
        }
    }
}

impl Drop for Socket<'_> {
    fn drop(&mut self) {
        if let Way::Memory(exchange) = &mut self.way
            && !exchange.is_finished()
        {
            exchange.lose();
            let _ = run("waiting for the end of the application", exchange.finish());
        }
    }
}
