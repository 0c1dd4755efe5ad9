//! axum's own WebSockets: on our server they fare as they do under `axum::serve`.

use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use futures_util::StreamExt;
use gateway_iface::BoxError;
use tokio::sync::mpsc;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{By, Server, run};

type Client = tungstenite::WebSocket<TcpStream>;

/// Answers what it is sent, with what it is told to do first; tells how each socket ended.
fn router(tell: mpsc::UnboundedSender<String>) -> Router {
    let echo = async move |upgrade: WebSocketUpgrade| {
        let tell = tell.clone();
        upgrade.protocols(["chat"]).on_upgrade(async move |mut socket| {
            let mut ended = "lost".to_owned();
            while let Some(Ok(message)) = socket.next().await {
                if let ControlFlow::Break(how) = answer(&mut socket, message).await {
                    ended = how;
                }
            }
            let _ = tell.send(ended);
        })
    };
    Router::new().route("/ws", get(echo))
}

async fn answer(socket: &mut WebSocket, message: Message) -> ControlFlow<String> {
    match message {
        Message::Text(text) if text == "close" => {
            let close = CloseFrame { code: 4001, reason: "as told".into() };
            let _ = socket.send(Message::Close(Some(close))).await;
        }
        Message::Close(Some(close)) => {
            return ControlFlow::Break(format!("{} {}", close.code, close.reason));
        }
        message @ (Message::Text(_) | Message::Binary(_)) => {
            let _ = socket.send(message).await;
        }
        _ => {}
    }
    ControlFlow::Continue(())
}

/// Opens a WebSocket on each server, and has the test look at both ends.
fn on_both(test: fn(Client) -> Result<(), BoxError>, ended: &str) {
    for by in [By::Us, By::Axum] {
        run(async {
            let (tell, mut told) = mpsc::unbounded_channel();
            let server = Server::start(by, router(tell)).await;
            let addr = server.addr();
            let client = tokio::task::spawn_blocking(move || test(connect(addr)?));
            client.await.unwrap().unwrap();
            assert_eq!(told.recv().await.unwrap(), ended, "{by:?}");
            server.stop().await;
        });
    }
}

fn connect(addr: SocketAddr) -> Result<Client, BoxError> {
    let mut request = format!("ws://{addr}/ws").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "other, chat".parse()?);
    let (client, answer) = tungstenite::client(request, TcpStream::connect(addr)?)?;
    assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
    Ok(client)
}

#[test]
fn a_87_messages_of_any_size_come_back_as_they_are() {
    on_both(
        |mut client| {
            let large = "é".repeat(256 * 1024);
            for message in [
                tungstenite::Message::text("short"),
                tungstenite::Message::text(large.as_str()),
                tungstenite::Message::text(""),
                tungstenite::Message::binary(vec![0xff; 700_000]),
            ] {
                client.send(message.clone())?;
                assert_eq!(client.read()?, message);
            }
            client.send(tungstenite::Message::Ping("sign of life".into()))?;
            assert_eq!(client.read()?, tungstenite::Message::Pong("sign of life".into()));
            client.close(Some(tungstenite::protocol::CloseFrame {
                code: CloseCode::Library(4000),
                reason: "enough".into(),
            }))?;
            while client.read().is_ok() {}
            Ok(())
        },
        "4000 enough",
    );
}

#[test]
fn a_85_close_of_a_handler_is_the_clients_and_its_answer_the_handlers() {
    on_both(
        |mut client| {
            client.send(tungstenite::Message::text("close"))?;
            let tungstenite::Message::Close(Some(close)) = client.read()? else {
                return Err("no close".into());
            };
            assert_eq!((u16::from(close.code), close.reason.as_str()), (4001, "as told"));
            while client.read().is_ok() {}
            Ok(())
        },
        "4001 as told",
    );
}

#[test]
fn a_84_handler_learns_that_its_client_is_lost() {
    on_both(
        |mut client| {
            client.send(tungstenite::Message::text("first"))?;
            client.read()?;
            Ok(())
        },
        "lost",
    );
}

#[test]
fn a_125_handler_that_refuses_is_a_response() {
    run(async {
        let server = Server::start(By::Us, router(mpsc::unbounded_channel().0)).await;
        let addr = server.addr();
        let refused = tokio::task::spawn_blocking(move || {
            let request = format!("ws://{addr}/elsewhere").into_client_request().unwrap();
            tungstenite::client(request, TcpStream::connect(addr).unwrap()).map(drop).unwrap_err()
        });
        let refused = refused.await.unwrap().to_string();
        assert!(refused.contains("404"), "{refused}");
        server.stop().await;
    });
}
