//! How a WebSocket ends.

use gateway_iface::asgi::event::{Accept, Close, Message, ReceiveEvent};
use gateway_iface::asgi::{Handshake, WebSocket};
use gateway_iface::{Error, asgi};

use crate::case::{App, Case, asgi, ensure, equal};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "close_has_its_code_and_reason",
        rules: &["A-85", "A-90"],
        about: "The application closes with a code and a reason, and without either: the client sees those, or 1000.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, send| async move {
                let (what, mut socket) = open(scope, receive, send).await?;
                let close =
                    if what == "own" { Close::new(3001).with_reason("enough") } else { Close::default() };
                Ok(socket.close(close).await?)
            })
        }),
        check: |client| {
            let wanted = [("/?own", Close::new(3001).with_reason("enough")), ("/?plain", Close::new(1000))];
            for (what, close) in wanted {
                let mut socket = client.websocket(client.to("GET", what, ()))?;
                socket.accepted()?;
                equal("the close", socket.end()?, Some(close))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "close_against_the_rules_is_refused",
        rules: &["A-86"],
        about: "The application closes with codes that must not be sent, and with a reason that is too long: each fails, and the close after them is taken.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, send| async move {
                let (_, mut socket) = open(scope, receive, send).await?;
                for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
                    let closed = socket.close(Close::new(code)).await;
                    ensure(closed.is_err(), || format!("{code} was taken"))?;
                }
                let long = Close::new(1000).with_reason("x".repeat(124));
                ensure(socket.close(long).await.is_err(), || "a long reason was taken".to_owned())?;
                Ok(socket.close(Close::new(1001)).await?)
            })
        }),
        breaks: &["A-86"],
        check: |client| {
            let mut socket = client.websocket(client.to("GET", "", ()))?;
            socket.accepted()?;
            equal("the close", socket.end()?, Some(Close::new(1001)))
        },
        ..Case::NEW
    },
    Case {
        name: "end_of_the_application_closes_the_socket",
        rules: &["A-43", "A-94"],
        about: "The application returns, fails and panics while the socket is open: the client sees a close with 1000, 1011 and 1011.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, send| async move {
                let (what, _socket) = open(scope, receive, send).await?;
                match &*what {
                    "fail" => Err(Error::new("broken")),
                    "panic" => std::panic::resume_unwind(Box::new("broken")),
                    _ => Ok(()),
                }
            })
        }),
        check: |client| {
            for (what, code) in [("/?return", 1000), ("/?fail", 1011), ("/?panic", 1011)] {
                let mut socket = client.websocket(client.to("GET", what, ()))?;
                socket.accepted()?;
                equal(what, socket.end()?.map(|close| close.code), Some(code))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "close_of_the_client_is_told_with_its_code",
        rules: &["A-83", "A-84"],
        about: "The client closes with a code, without one, and not at all: the application is told the code, 1005, and 1006.",
        app: App::Asgi(|journal| {
            asgi(move |scope, receive, send| {
                let journal = journal.clone();
                async move {
                    let (_, mut socket) = open(scope, receive, send).await?;
                    if let Err(closed) = socket.next().await {
                        journal.note(format!("{} {}", closed.code(), closed.reason()));
                    }
                    Ok(())
                }
            })
        }),
        check: |client| {
            for (count, leave) in [Some((3000, "bye")), Some((1005, "")), None].into_iter().enumerate() {
                let mut socket = client.websocket(client.to("GET", "", ()))?;
                socket.accepted()?;
                match leave {
                    Some((code, reason)) => socket.close(code, reason)?,
                    None => socket.lose(),
                }
                socket.end()?;
                client.wait_for_count(count + 1)?;
            }
            client.wait_for_all(["3000 bye", "1005 ", "1006 "])
        },
        ..Case::NEW
    },
    Case {
        name: "closed_socket_stays_closed",
        rules: &["A-88", "A-95"],
        about: "The client leaves: the application gets the same disconnect each time it asks, and its send fails because of that.",
        app: App::Asgi(|journal| {
            asgi(move |scope, receive, send| {
                let journal = journal.clone();
                async move {
                    let (_, socket) = open(scope, receive, send).await?;
                    let (mut receive, mut send) = socket.into_halves();
                    for _ in 0..3 {
                        if let ReceiveEvent::WebSocketDisconnect(how) = receive.receive().await {
                            journal.note(how.code.to_string());
                        }
                    }
                    let error = match send.send(Message::from("late")).await {
                        Ok(()) => return Err(Error::new("a message after the end was taken")),
                        Err(error) => error,
                    };
                    journal.note(if error.disconnect().is_some() { "gone" } else { "invalid" });
                    Err(error.into())
                }
            })
        }),
        check: |client| {
            let mut socket = client.websocket(client.to("GET", "", ()))?;
            socket.accepted()?;
            socket.close(1001, "")?;
            socket.end()?;
            client.wait_for_all(["1001", "1001", "1001", "gone"])
        },
        ..Case::NEW
    },
];

/// Accepts; with the query, which says what to do.
async fn open(
    scope: asgi::Scope,
    receive: asgi::Receive,
    send: asgi::Send,
) -> Result<(String, WebSocket), Error> {
    let scope = scope.into_websocket()?;
    let socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
    Ok((scope.head().query_string().to_owned(), socket))
}
