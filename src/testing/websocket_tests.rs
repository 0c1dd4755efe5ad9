//! The receive table of A-88, and what a client sees.

use http::{HeaderMap, Request, Response};

use super::*;
use crate::asgi::event::ReceiveEvent;
use crate::asgi::{Capabilities, Capability, Handshake, Scope};
use crate::testing::{AsgiClient, block_on};

fn request(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

/// Does what its path says, then ends.
async fn app(scope: Scope, receive: Receive, mut send: Send) -> Result<(), Error> {
    let scope = scope.into_websocket()?;
    match scope.head().path_info() {
        "/silent" => return Ok(()),
        "/rejected" => return Ok(Handshake::begin(receive, send).await?.close().await?),
        "/denied" => {
            let response = Response::builder().status(401).header("x-why", "no").body("denied");
            return Ok(Handshake::begin(receive, send).await?.deny(response?).await?);
        }
        "/accepted-at-once" => return Ok(send.send(Accept::new()).await?),
        _ => {}
    }
    let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
    match scope.head().path_info() {
        "/fails" => Err(Error::new("broken")),
        "/closes" => {
            socket.close(Close::new(3001).with_reason("done")).await?;
            let closed = socket.next().await.unwrap_err();
            assert_eq!((closed.code(), closed.reason()), (3001, "done"));
            assert_eq!(socket.next().await.unwrap_err().code(), 3001);
            assert!(socket.send("late").await.is_err());
            Ok(())
        }
        _ => loop {
            match socket.next().await {
                Ok(message) => socket.send(message).await?,
                Err(closed) => return Err(Error::new(format!("{} {}", closed.code(), closed.reason()))),
            }
        },
    }
}

/// A-89: a close before the accept is a 403.
#[test]
fn a_88_a_94_handshake_answers_are_seen_by_the_client() {
    let client =
        AsgiClient::new(app).with_capabilities(Capabilities::none().with(Capability::WebSocketDenial));
    for (path, status) in [("/silent", 500), ("/rejected", 403), ("/denied", 401)] {
        let refusal = block_on(client.websocket(request(path)).connect()).unwrap_err();
        assert_eq!(refusal.status().as_u16(), status, "{path}");
        assert!(refusal.is_complete());
        assert_eq!(refusal.body(), if status == 401 { "denied" } else { "" });
    }
    assert!(block_on(client.websocket(request("/echo")).connect()).is_ok());
}

/// A-43: the end of the call is the end of the socket.
#[test]
fn a_94_ends_after_accept_close_with_1000_or_1011() {
    let client = AsgiClient::new(app);
    for (path, code, fault) in [("/accepted-at-once", 1000, false), ("/fails", 1011, true)] {
        let mut socket = client.websocket(request(path));
        assert!(block_on(socket.connect()).is_ok());
        assert_eq!(block_on(socket.next()), None);
        assert_eq!(socket.close_frame(), Some(&Close::new(code)));
        assert_eq!(socket.ending(), Some((WebSocketEnding::Close(code), fault)));
    }
}

/// A-90: the client gets code and reason.
#[test]
fn a_83_close_of_the_application_is_answered_and_told_again_and_again() {
    let client = AsgiClient::new(app);
    let mut socket = client.websocket(request("/closes"));
    block_on(async {
        socket.connect().await.unwrap();
        assert_eq!(socket.next().await, None);
        assert_eq!(socket.close_frame(), Some(&Close::new(3001).with_reason("done")));
        socket.finish().await.unwrap();
    });
}

#[test]
fn a_92_a_93_messages_wait_for_accept_and_come_before_the_close() {
    let client = AsgiClient::new(app);
    let mut socket = client.websocket(request("/echo"));
    socket.send("one");
    block_on(async {
        socket.connect().await.unwrap();
        assert_eq!(socket.next().await, Some(Message::from("one")));
    });
    async fn sink(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
        send.send(Accept::new()).await?;
        let mut names = Vec::new();
        loop {
            let event = receive.receive().await;
            names.push(event.name());
            if let ReceiveEvent::WebSocketDisconnect(how) = event {
                return Err(Error::new(format!("{names:?} {} {}", how.code, how.reason)));
            }
        }
    }
    let client = AsgiClient::new(sink);
    let mut socket = client.websocket(request("/"));
    socket.send("one");
    socket.send("two");
    assert!(block_on(socket.connect()).is_ok());
    socket.close(4000, "bye");
    socket.lose();
    assert_eq!(
        block_on(socket.finish()).unwrap_err().to_string(),
        r#"["websocket.connect", "websocket.receive", "websocket.receive", "websocket.disconnect"] 4000 bye"#
    );
}

/// A-43: the end of the socket is told to the call.
#[test]
fn a_84_lost_connection_has_code_1006_also_during_the_handshake() {
    let client = AsgiClient::new(app);
    let mut socket = client.websocket(request("/echo"));
    block_on(socket.connect()).unwrap();
    socket.lose();
    assert_eq!(block_on(socket.finish()).unwrap_err().to_string(), "1006 ");
    let mut socket = client.websocket(request("/echo"));
    socket.lose();
    let error = block_on(socket.finish()).unwrap_err();
    assert!(error.is_disconnected(), "{error}");
}

#[test]
fn a_11_second_message_waits_until_the_first_is_taken() {
    let client = AsgiClient::new(app);
    let mut socket = client.websocket(request("/echo"));
    block_on(socket.connect()).unwrap();
    socket.send("one");
    socket.send("two");
    assert!(socket.poll_once().is_pending());
    assert!(socket.is_send_pending());
    for message in ["one", "two"] {
        assert_eq!(block_on(socket.next()), Some(Message::from(message)));
    }
    assert!(socket.poll_once().is_pending());
    assert!(!socket.is_send_pending());
    assert_eq!(socket.state(), WebSocketState::Open);
}

#[test]
fn a_05_application_that_knows_http_only_is_answered_500() {
    async fn http_only(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        scope.into_http()?;
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        Ok(())
    }
    let client = AsgiClient::new(http_only);
    let refusal = block_on(client.websocket(request("/")).connect()).unwrap_err();
    assert_eq!(refusal.status(), 500);
    assert!(refusal.error().unwrap().is_unsupported_scope());
}

#[test]
fn a_13_client_learns_of_what_is_sent_from_another_thread() {
    let app = |scope: Scope, receive: Receive, send: Send| async move {
        scope.into_websocket()?;
        let (done, ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let result = block_on(async {
                let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                let message = socket.next().await?;
                Ok::<(), Error>(socket.send(message).await?)
            });
            done.send(result).unwrap();
        });
        ended.await.unwrap()
    };
    let client = AsgiClient::new(app);
    let mut socket = client.websocket(request("/"));
    block_on(socket.connect()).unwrap();
    socket.send("echo");
    assert_eq!(block_on(socket.next()), Some("echo".into()));
    block_on(socket.finish()).unwrap();
}
