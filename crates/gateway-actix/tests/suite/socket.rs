//! WebSockets of actix handlers.

use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, web};
use actix_ws::{CloseCode, CloseReason, Message as ActixMessage};
use gateway_actix::FromActix;
use gateway_iface::asgi::event::{Accept, Message};
use gateway_iface::asgi::{Capabilities, Capability};
use gateway_iface::http::Request;
use gateway_iface::testing::AsgiClient;
use tokio::sync::mpsc;

use crate::support::{client, run};

/// Echoes, and does what some texts say; tells how it ended.
fn echo() -> (FromActix, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let app = FromActix::new(move || {
        let tell = tell.clone();
        App::new().route(
            "/ws",
            web::get().to(move |request: HttpRequest, body: web::Payload| {
                let tell = tell.clone();
                async move {
                    let (mut response, mut session, mut messages) =
                        actix_ws::handle_with_protocols(&request, body, &["chat"])?;
                    response.headers_mut().insert(header::SERVER, "actix".parse().unwrap());
                    actix_web::rt::spawn(async move {
                        let ended = loop {
                            match messages.recv().await {
                                Some(Ok(ActixMessage::Text(text))) if text == "close" => {
                                    let reason = CloseReason {
                                        code: CloseCode::Other(4000),
                                        description: Some("bye".into()),
                                    };
                                    session.close(Some(reason)).await.unwrap();
                                    break "closed".to_owned();
                                }
                                Some(Ok(ActixMessage::Text(text))) if text == "end" => {
                                    break "ended".to_owned();
                                }
                                Some(Ok(ActixMessage::Text(text))) => session.text(text).await.unwrap(),
                                Some(Ok(ActixMessage::Binary(octets))) => {
                                    session.binary(octets).await.unwrap()
                                }
                                Some(Ok(ActixMessage::Close(reason))) => {
                                    break format!(
                                        "{:?}",
                                        reason.map(|reason| (u16::from(reason.code), reason.description))
                                    );
                                }
                                Some(Ok(_)) => {}
                                Some(Err(error)) => break format!("error {error}"),
                                None => break "no close".to_owned(),
                            }
                        };
                        tell.send(ended).unwrap();
                    });
                    Ok::<_, actix_web::Error>(response)
                }
            }),
        )
    });
    (app.with_threads(1), told)
}

fn upgrade(path: &str) -> Request<()> {
    let request = Request::get(path).header("sec-websocket-protocol", "other, chat");
    request.header("sec-websocket-extensions", "permessage-deflate").body(()).unwrap()
}

#[test]
fn a_78_a_82_messages_go_both_ways_and_the_accept_has_the_fields_of_the_handler() {
    run(async || {
        let (app, _told) = echo();
        let client = client(app);
        let mut socket = client.websocket(upgrade("/ws"));
        let Accept { subprotocol, headers, .. } = socket.connect().await.unwrap();
        assert_eq!(subprotocol.as_deref(), Some("chat"));
        assert_eq!(headers.get("server").unwrap(), "actix");
        assert_eq!(headers.len(), 1, "{headers:?}");
        for message in [Message::from("text"), vec![0, 255].into(), "".into(), "x".repeat(60_000).into()] {
            socket.send(message.clone());
            assert_eq!(socket.next().await, Some(message));
        }
        socket.close(1000, "");
        socket.finish().await.unwrap();
    });
}

#[test]
fn a_85_a_86_close_of_the_handler_has_its_code_and_reason() {
    run(async || {
        let (app, mut told) = echo();
        let client = client(app);
        let mut socket = client.websocket(upgrade("/ws"));
        socket.connect().await.unwrap();
        socket.send("close");
        assert_eq!(socket.next().await, None);
        let close = socket.close_frame().unwrap();
        assert_eq!((close.code, &*close.reason), (4000, "bye"));
        socket.finish().await.unwrap();
        assert_eq!(told.recv().await.unwrap(), "closed");
    });
}

#[test]
fn a_84_close_of_the_client_and_its_loss_reach_the_handler() {
    run(async || {
        let (app, mut told) = echo();
        let client = client(app);
        let closes = [
            (Some((3000, "left")), "Some((3000, Some(\"left\")))"),
            (Some((1005, "")), "None"),
            (None, "no close"),
        ];
        for (close, seen) in closes {
            let mut socket = client.websocket(upgrade("/ws"));
            socket.connect().await.unwrap();
            socket.send("ready");
            socket.next().await.unwrap();
            match close {
                Some((code, reason)) => socket.close(code, reason),
                None => socket.lose(),
            }
            let _ = socket.finish().await;
            let ended = told.recv().await.unwrap();
            assert!(ended.starts_with(seen), "{ended} for {close:?}");
            assert!(!socket.ending().unwrap().1, "A-96: no fault");
        }
    });
}

#[test]
fn a_94_handler_that_ends_without_a_close_ends_the_socket() {
    run(async || {
        let (app, _told) = echo();
        let client = client(app);
        let mut socket = client.websocket(upgrade("/ws"));
        socket.connect().await.unwrap();
        socket.send("end");
        assert_eq!(socket.next().await, None);
        socket.finish().await.unwrap();
    });
}

#[test]
fn a_125_other_answers_are_denials_where_the_server_passes_them_on() {
    run(async || {
        let app = || {
            let app = FromActix::new(|| {
                let no =
                    || async { HttpResponse::Unauthorized().insert_header(("x-why", "no")).body("who?") };
                App::new().route("/no", web::get().to(no))
            });
            app.with_threads(1)
        };
        let able = AsgiClient::new(app());
        let able = able.with_capabilities(Capabilities::none().with(Capability::WebSocketDenial));
        let denial = able.websocket(upgrade("/no")).connect().await.unwrap_err();
        assert_eq!((denial.status().as_u16(), &*denial.text()), (401, "who?"));
        assert_eq!(denial.headers().get("x-why").unwrap(), "no");

        let unable = client(app());
        let mut socket = unable.websocket(upgrade("/no"));
        assert_eq!(socket.connect().await.unwrap_err().status(), 403);
        socket.finish().await.unwrap();
    });
}
