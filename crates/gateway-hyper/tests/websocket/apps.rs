//! Applications that the tests open sockets of.

use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, Message};
use gateway_iface::asgi::{self, Disconnect, Handshake};
use tokio::sync::mpsc;

/// Sends back what it receives, until the socket is closed.
pub(crate) async fn echo(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
    scope.into_websocket()?;
    let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
    loop {
        let message = socket.next().await?;
        socket.send(message).await?;
    }
}

/// What an application was told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    Message(Message),
    Closed(u16, String, Disconnect),
}

pub(crate) type Tellings = mpsc::UnboundedReceiver<Told>;

/// Receives all there is, and tells it.
pub(crate) fn listens() -> (impl asgi::Application + 'static, Tellings) {
    let (tell, told) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let tell = tell.clone();
        async move {
            scope.into_websocket()?;
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            loop {
                match socket.next().await {
                    Ok(message) => tell.send(Told::Message(message))?,
                    Err(closed) => {
                        tell.send(closed_by(&closed))?;
                        let again = socket.next().await.unwrap_err();
                        assert_eq!(again.code(), closed.code(), "it is told again and again");
                        return Ok::<(), Error>(());
                    }
                }
            }
        }
    };
    (app, told)
}

pub(crate) fn closed_by(closed: &asgi::WebSocketClosed) -> Told {
    Told::Closed(closed.code(), closed.reason().to_owned(), closed.disconnect())
}

pub(crate) fn closed(code: u16, reason: &str) -> Told {
    Told::Closed(code, reason.to_owned(), Disconnect::Client)
}

pub(crate) fn text(text: &str) -> Told {
    Told::Message(Message::from(text))
}
