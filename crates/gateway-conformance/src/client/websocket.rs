//! A WebSocket with an asynchronous application in this process.

use std::sync::Arc;

use gateway_iface::asgi;
use gateway_iface::asgi::event::{Accept, Close, Message};
use gateway_iface::http::Request;
use gateway_iface::testing::{AsgiClient, TestResponse, WebSocketExchange};

use super::deadline::run;
use crate::case::Failure;

/// A WebSocket; dropped early, its connection is lost.
pub(crate) struct Socket<'a> {
    exchange: WebSocketExchange<'a>,
}

impl<'a> Socket<'a> {
    pub(super) fn open(client: &'a AsgiClient<Arc<dyn asgi::Application>>, request: Request<()>) -> Self {
        Self { exchange: client.websocket(request) }
    }

    /// Waits for the application's answer to the handshake.
    pub(crate) fn connect(&mut self) -> Result<Result<Accept, Box<TestResponse>>, Failure> {
        run("waiting for the answer to the handshake", self.exchange.connect())
    }

    /// Waits until the application has accepted.
    pub(crate) fn accepted(&mut self) -> Result<Accept, Failure> {
        self.connect()?.map_err(|refusal| Failure::new(format!("refused with {}", refusal.status())))
    }

    /// Waits until the application has refused.
    pub(crate) fn refused(&mut self) -> Result<TestResponse, Failure> {
        match self.connect()? {
            Ok(_) => Err(Failure::new("the socket was accepted")),
            Err(refusal) => Ok(*refusal),
        }
    }

    pub(crate) fn send(&mut self, message: impl Into<Message>) {
        self.exchange.send(message);
    }

    /// The next message; `None` when the application has closed the socket or ended.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, Failure> {
        run("waiting for a message", self.exchange.next())
    }

    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        self.exchange.close(code, reason);
    }

    pub(crate) fn lose(&mut self) {
        self.exchange.lose();
    }

    /// Waits for the end of the application's call; the close that the client has seen.
    pub(crate) fn end(&mut self) -> Result<Option<Close>, Failure> {
        // An error of the application shows in the close.
        let _ = run("waiting for the end of the application", self.exchange.finish())?;
        Ok(self.exchange.close_frame().cloned())
    }
}

impl Drop for Socket<'_> {
    fn drop(&mut self) {
        if !self.exchange.is_finished() {
            self.exchange.lose();
            let _ = run("waiting for the end of the application", self.exchange.finish());
        }
    }
}
