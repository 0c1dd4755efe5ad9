//! Messages.

use gateway_iface::asgi::Handshake;
use gateway_iface::asgi::event::{Accept, DenialStart, Message, SendEvent};
use gateway_iface::http::{HeaderMap, StatusCode};

use crate::case::{App, Case, asgi, ensure, equal};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "messages_keep_kind_and_content",
        rules: &["A-81", "A-82"],
        about: "The application sends each message back: text stays text and octets stay octets, empty ones included, in order.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, send| async move {
                scope.into_websocket()?;
                let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                while let Ok(message) = socket.next().await {
                    socket.send(message).await?;
                }
                Ok(())
            })
        }),
        check: |client| {
            let mut socket = client.websocket(client.to("GET", "", ()))?;
            socket.accepted()?;
            let messages = [
                Message::from("text ☃"),
                Message::from(""),
                Message::from(vec![0, 255, 10, 13]),
                Message::from(Vec::new()),
                Message::from(vec![b'x'; 256 * 1024]),
            ];
            for message in &messages {
                socket.send(message.clone())?;
            }
            for message in messages {
                ensure(socket.next()? == Some(message.clone()), || format!("{message:?} did not come back"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "messages_before_the_close_come_first",
        rules: &["A-93", "A-83"],
        about: "The client sends two messages and closes at once: the application gets both, and then the close with its code and reason.",
        app: App::Asgi(|journal| {
            asgi(move |scope, receive, send| {
                let journal = journal.clone();
                async move {
                    scope.into_websocket()?;
                    let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                    let closed = loop {
                        match socket.next().await {
                            Ok(Message::Text(text)) => journal.note(text),
                            Ok(_) => journal.note("octets"),
                            Err(closed) => break closed,
                        }
                    };
                    journal.note(format!("{} {}", closed.code(), closed.reason()));
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut socket = client.websocket(client.to("GET", "", ()))?;
            socket.accepted()?;
            socket.send("one")?;
            socket.send("two")?;
            socket.close(4321, "enough")?;
            socket.end()?;
            client.wait_for_all(["one", "two", "4321 enough"])
        },
        ..Case::NEW
    },
    Case {
        name: "order_of_websocket_events_is_kept",
        rules: &["A-88", "A-102", "A-07"],
        about: "The application tries events where they are no valid ones: each fails and changes nothing.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_websocket()?;
                receive.receive().await;
                let early = send.send(Message::from("early")).await;
                ensure(early.is_err(), || "a message before the accept was taken".to_owned())?;
                send.send(Accept::new()).await?;
                let again = send.send(Accept::new()).await;
                ensure(again.is_err(), || "a second accept was taken".to_owned())?;
                let denial = DenialStart::new(StatusCode::NOT_FOUND, HeaderMap::new());
                let late = send.send(denial).await;
                ensure(late.is_err(), || "a denial after the accept was taken".to_owned())?;
                let other = send.send(SendEvent::StartupComplete).await;
                ensure(other.is_err(), || "an event of another protocol was taken".to_owned())?;
                Ok(send.send(Message::from("valid")).await?)
            })
        }),
        breaks: &["A-88", "A-07"],
        check: |client| {
            let mut socket = client.websocket(client.to("GET", "", ()))?;
            socket.accepted()?;
            equal("the message", socket.next()?, Some(Message::from("valid")))
        },
        ..Case::NEW
    },
];
