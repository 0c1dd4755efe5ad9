//! How a WebSocket opens, or does not.

use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, Message, ReceiveEvent};
use gateway_iface::asgi::{Capability, Handshake};
use gateway_iface::http::{HeaderValue, Response, StatusCode};

use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::fields;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "websocket_scope_tells_of_the_handshake",
        rules: &["A-36", "A-38", "A-39", "A-40", "A-41", "A-42"],
        about: "The application sends what its scope says: protocol, scheme, path, query, fields, and the subprotocols that the client offers, in its order.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, send| async move {
                let protocol = scope.protocol();
                let scope = scope.into_websocket()?;
                let head = scope.head();
                let scheme = if head.is_secure() { "wss" } else { "ws" };
                let offered: Vec<_> = scope.subprotocols().collect();
                let field = head.headers().get("x-field").map_or(&b""[..], HeaderValue::as_bytes);
                let path = head.path()?;
                let below = path.rsplit('/').next().unwrap_or_default();
                let told = format!(
                    "{protocol} {scheme} {below} {} {} {}",
                    head.query_string(),
                    String::from_utf8_lossy(field),
                    offered.join("|")
                );
                let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                Ok(socket.send(told).await?)
            })
        }),
        check: |client| {
            let mut request = client.to("GET", "/caf%C3%A9?a=%20", ());
            request.headers_mut().insert("x-field", HeaderValue::from_static("value"));
            request.headers_mut().append("sec-websocket-protocol", HeaderValue::from_static("b, a"));
            request.headers_mut().append("sec-websocket-protocol", HeaderValue::from_static("c"));
            let mut socket = client.websocket(request)?;
            socket.accepted()?;
            let told = Message::from("websocket ws café a=%20 value b|a|c");
            equal("what the scope says", socket.next()?, Some(told))
        },
        ..Case::NEW
    },
    Case {
        name: "connect_comes_first_and_once",
        rules: &["A-77", "A-92"],
        about: "The first event is connect; then nothing comes until the application accepts, whatever the client has sent.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_websocket()?;
                    journal.note(receive.receive().await.name());
                    let early =
                        std::future::poll_fn(|cx| std::task::Poll::Ready(receive.poll_receive(cx))).await;
                    ensure(early.is_pending(), || format!("{early:?} came before the answer"))?;
                    send.send(Accept::new()).await?;
                    journal.note(receive.receive().await.name());
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut socket = client.websocket(client.to("GET", "", ()))?;
            socket.send("early")?;
            socket.accepted()?;
            socket.end()?;
            client.wait_for_all(["websocket.connect", "websocket.receive"])
        },
        ..Case::NEW
    },
    Case {
        name: "accept_tells_subprotocol_and_fields",
        rules: &["A-78", "A-88"],
        about: "The application accepts with one of the subprotocols that were offered, and a field.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, send| async move {
                scope.into_websocket()?;
                let accept = Accept::new().with_subprotocol("b").with_headers(fields([("x-field", "1")]));
                Handshake::begin(receive, send).await?.accept(accept).await?;
                Ok(())
            })
        }),
        check: |client| {
            let mut request = client.to("GET", "", ());
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("a, b"));
            let mut socket = client.websocket(request)?;
            let accept = socket.accepted()?;
            equal("the subprotocol", accept.subprotocol.as_deref(), Some("b"))?;
            equal("x-field", accept.headers.get("x-field"), Some(&HeaderValue::from_static("1")))
        },
        ..Case::NEW
    },
    Case {
        name: "accept_against_the_rules_is_refused",
        rules: &["A-79", "A-80", "A-78"],
        about: "The application accepts with a subprotocol that was not offered, and with fields of the server's: each fails, and the accept after them is taken.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_websocket()?;
                receive.receive().await;
                let wrong = [
                    Accept::new().with_subprotocol("c"),
                    Accept::new().with_headers(fields([("sec-websocket-accept", "x")])),
                    Accept::new().with_headers(fields([("sec-websocket-protocol", "a")])),
                    Accept::new().with_headers(fields([("upgrade", "x")])),
                ];
                for accept in wrong {
                    ensure(send.send(accept).await.is_err(), || "a wrong accept was taken".to_owned())?;
                }
                Ok(send.send(Accept::new()).await?)
            })
        }),
        breaks: &["A-79", "A-80"],
        check: |client| {
            let mut request = client.to("GET", "", ());
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("a"));
            let mut socket = client.websocket(request)?;
            equal("the subprotocol", socket.accepted()?.subprotocol, None)
        },
        ..Case::NEW
    },
    Case {
        name: "close_before_accept_is_403",
        rules: &["A-89", "A-88"],
        about: "The application closes instead of accepting: the client gets 403, and no socket.",
        app: App::Asgi(|_| {
            asgi(|scope, receive, send| async move {
                scope.into_websocket()?;
                Ok(Handshake::begin(receive, send).await?.close().await?)
            })
        }),
        check: |client| {
            let mut socket = client.websocket(client.to("GET", "", ()))?;
            equal("the status", socket.refused()?.status(), StatusCode::FORBIDDEN)
        },
        ..Case::NEW
    },
    Case {
        name: "denial_is_a_response_where_it_is_advertised",
        rules: &["A-125", "A-121"],
        about: "The application denies the socket with a response of its own where its scope says that it can, and else closes.",
        app: App::Asgi(|journal| {
            asgi(move |scope, receive, send| {
                let journal = journal.clone();
                async move {
                    let scope = scope.into_websocket()?;
                    let can = scope.head().capabilities().contains(Capability::WebSocketDenial);
                    let handshake = Handshake::begin(receive, send).await?;
                    if !can {
                        journal.note("closes");
                        return Ok(handshake.close().await?);
                    }
                    journal.note("denies");
                    let denial = Response::builder()
                        .status(401)
                        .header("content-type", "text/plain")
                        .header("www-authenticate", "Basic realm=kit")
                        .body("who are you?");
                    Ok(handshake.deny(denial?).await?)
                }
            })
        }),
        check: |client| {
            let mut socket = client.websocket(client.to("GET", "", ()))?;
            let refusal = socket.refused()?;
            if client.notes()? == ["closes"] {
                return equal("the status", refusal.status(), StatusCode::FORBIDDEN);
            }
            equal("the status", refusal.status(), StatusCode::UNAUTHORIZED)?;
            equal("the body", refusal.body().as_ref(), b"who are you?")
        },
        ..Case::NEW
    },
    Case {
        name: "application_that_ends_before_its_answer_is_500",
        rules: &["A-94", "A-88"],
        about: "The application fails, or returns, before it has answered the handshake: the client gets 500.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, _| async move {
                let scope = scope.into_websocket()?;
                receive.receive().await;
                match scope.head().query_string() {
                    "fail" => Err(Error::new("broken")),
                    _ => Ok(()),
                }
            })
        }),
        breaks: &["A-88"],
        check: |client| {
            for what in ["/?fail", "/?return"] {
                let mut socket = client.websocket(client.to("GET", what, ()))?;
                equal("the status", socket.refused()?.status(), StatusCode::INTERNAL_SERVER_ERROR)?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "client_that_leaves_in_the_handshake_is_told_of",
        rules: &["A-84", "A-88", "A-95"],
        about: "The client leaves before the handshake is answered: the application gets a disconnect with 1006, and its accept fails.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_websocket()?;
                    receive.receive().await;
                    journal.note("asked");
                    if let ReceiveEvent::WebSocketDisconnect(how) = receive.receive().await {
                        journal.note(how.code.to_string());
                    }
                    let accepted = send.send(Accept::new()).await;
                    journal.note(if accepted.is_err() { "refused" } else { "accepted" });
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut socket = client.websocket(client.to("GET", "", ()))?;
            if !client.is_in_process() {
                // In process the application runs when it is waited for, and not before.
                client.wait_for("asked")?;
            }
            socket.lose();
            socket.end()?;
            client.wait_for_all(["asked", "1006", "refused"])
        },
        ..Case::NEW
    },
];
