//! WebSockets inside of middleware.

use gateway_iface::asgi::Handshake;
use gateway_iface::asgi::event::{Accept, Close, Message};

use crate::case::{App, Case, asgi, equal};
use crate::cases::layers::layered;

pub(super) const CASES: &[Case] = &[Case {
    name: "websocket_passes_every_layer",
    rules: &["A-144", "A-143"],
    about: "Every middleware there is stands around an application that sends messages back: they pass, and so does the close.",
    app: App::Asgi(|_| {
        layered(asgi(|scope, receive, send| async move {
            scope.into_websocket()?;
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            let message = socket.next().await?;
            socket.send(message).await?;
            Ok(socket.close(Close::new(3000).with_reason("enough")).await?)
        }))
    }),
    check: |client| {
        let mut socket = client.websocket(client.to("GET", "", ()))?;
        socket.accepted()?;
        socket.send("through")?;
        equal("the message", socket.next()?, Some(Message::from("through")))?;
        equal("the close", socket.end()?, Some(Close::new(3000).with_reason("enough")))
    },
    ..Case::NEW
}];
