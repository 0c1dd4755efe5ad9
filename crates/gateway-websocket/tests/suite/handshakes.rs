//! The answer to a handshake, and what goes on behind it.

use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, DenialStart, ReceiveEvent, ResponseBody, SendEvent};
use gateway_iface::asgi::{self, Disconnect, Handshake, Receive};
use gateway_websocket::{Limit, Session, Settings, accept};
use http::{HeaderMap, Method, Response, StatusCode, Version};
use tokio::sync::mpsc::unbounded_channel;

use crate::support::{Told, answer, app, begin, head, head_with, on_runtime, read};

#[test]
fn s_21_handshake_that_is_refused_at_once_leaves_nothing_to_go_on_with() {
    on_runtime(async {
        let app = app(async |receive, send| Ok(Handshake::begin(receive, send).await?.close().await?));
        let (response, session) = answer(app).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(session.is_none());
        assert_eq!(read(response.into_body()).await.0, b"Forbidden");
    });
}

#[test]
fn a_06_call_that_refuses_and_goes_on_is_left_to_be_finished() {
    on_runtime(async {
        let (tell, mut heard) = unbounded_channel();
        let app = app(move |receive, send| {
            let tell = tell.clone();
            async move {
                Handshake::begin(receive, send).await?.close().await?;
                tokio::task::yield_now().await;
                tell.send(()).unwrap();
                Ok(())
            }
        });
        let (response, session) = answer(app).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(heard.try_recv().is_err());
        session.unwrap().finish().await;
        assert_eq!(heard.recv().await, Some(()));
    });
}

#[test]
fn s_22_denial_that_is_sent_at_once_leaves_nothing_to_go_on_with() {
    on_runtime(async {
        let app = app(async |receive, send| {
            let handshake = Handshake::begin(receive, send).await?;
            let response = Response::builder().status(418).body(vec![7; 1024 * 1024])?;
            Ok(handshake.deny(response).await?)
        });
        let (response, session) = answer(app).await;
        assert_eq!(response.status(), 418);
        assert_eq!(response.headers()["connection"], "close");
        assert!(session.is_none());
        let (octets, end) = read(response.into_body()).await;
        assert_eq!((octets.len(), end.is_ok()), (1024 * 1024, true));
    });
}

#[test]
fn s_22_a_11_blocks_of_a_denial_come_as_the_call_sends_them() {
    on_runtime(async {
        let app = app(async |receive, mut send| {
            connected(receive).await?;
            send.send(SendEvent::WebSocketDenialStart(denial())).await?;
            for _ in 0..8 {
                send.send(block(32 * 1024)).await?;
                // The body is empty, and waited for, when the next one comes.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(send.send(SendEvent::WebSocketDenialBody(ResponseBody::last(""))).await?)
        });
        let (response, session) = answer(app).await;
        tokio::spawn(session.unwrap().finish());
        let (octets, end) = read(response.into_body()).await;
        assert_eq!((octets.len(), end.is_ok()), (8 * 32 * 1024, true));
    });
}

#[test]
fn a_106_denial_that_is_not_complete_is_broken_off() {
    on_runtime(async {
        let app = app(async |receive, mut send| {
            connected(receive).await?;
            send.send(SendEvent::WebSocketDenialStart(denial())).await?;
            send.send(block(10)).await?;
            Err(Error::new("no more"))
        });
        let (response, session) = answer(app).await;
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
        assert!(session.is_none());
        let (octets, end) = read(response.into_body()).await;
        assert_eq!((octets.len(), end.is_err()), (10, true));
    });
}

#[test]
fn a_84_s_24_client_that_is_lost_in_the_handshake_ends_no_call() {
    on_runtime(async {
        let (tell, mut heard) = unbounded_channel();
        let app = app(move |receive, send| {
            let tell = tell.clone();
            async move {
                let mut receive = connected(receive).await?;
                tell.send(format!("{:?}", receive.receive().await)).unwrap();
                drop(send);
                tokio::task::yield_now().await;
                tell.send("returned".to_owned()).unwrap();
                Ok(())
            }
        });
        let left = |session: Session| drop(tokio::spawn(session.finish()));
        let mut accepting = Box::pin(accept(app, head(Version::HTTP_11), false, &Settings::default(), left));
        let polled = poll_fn(|cx| Poll::Ready(accepting.as_mut().poll(cx).is_pending())).await;
        assert!(polled && heard.try_recv().is_err());
        drop(accepting);
        let told = heard.recv().await.unwrap();
        assert!(told.contains("1006") && told.contains("Client"), "{told}");
        assert_eq!(heard.recv().await.as_deref(), Some("returned"));
    });
}

#[test]
fn a_06_call_is_dropped_with_its_client_in_the_handshake_where_that_was_asked_for() {
    on_runtime(async {
        let (tell, mut heard) = unbounded_channel::<()>();
        let app = app(move |receive, _send| {
            let held = tell.clone();
            async move {
                let _receive = connected(receive).await?;
                pending::<()>().await;
                drop(held);
                Ok(())
            }
        });
        let settings = Settings::default().cancel_on_disconnect(true);
        let left = |_: Session| panic!("there is nothing to go on with");
        let mut accepting = Box::pin(accept(app, head(Version::HTTP_11), false, &settings, left));
        assert!(poll_fn(|cx| Poll::Ready(accepting.as_mut().poll(cx).is_pending())).await);
        drop(accepting);
        assert_eq!(heard.recv().await, None, "the call and the application are dropped");
    });
}

#[test]
fn s_25_application_that_does_not_answer_is_told_so_and_the_client_gets_503() {
    on_runtime(async {
        let settings = Settings::default().handshake_timeout(Some(Duration::from_millis(20)));
        let (mut session, mut heard) = begin(
            |tell| {
                app(move |mut receive, _send| {
                    let tell = tell.clone();
                    async move {
                        tell.send(Told::Closed(0, receive.disconnected().await)).unwrap();
                        Ok(())
                    }
                })
            },
            &settings,
        );
        let response = poll_fn(|cx| session.poll_reply(cx)).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(heard.recv().await, Some(Told::Hit(Limit::HandshakeTime)));
        session.finish().await;
        assert_eq!(heard.recv().await, Some(Told::Closed(0, Disconnect::Timeout)));
    });
}

#[test]
fn s_07_s_63_answers_of_http_2_have_nothing_of_the_connection() {
    on_runtime(async {
        let never = app(async |_receive, _send| pending::<Result<(), Error>>().await);
        let settings = Settings::default();
        let refused = accept(never, head_with(Version::HTTP_2, "12"), false, &settings, drop).await.0;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert_eq!(refused.headers()["sec-websocket-version"], "13");
        assert!(!refused.headers().contains_key("connection") && !refused.headers().contains_key("upgrade"));

        let accepts = app(async |receive, send| {
            let _socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            pending().await
        });
        let (opened, session) = accept(accepts, head(Version::HTTP_2), false, &settings, drop).await;
        assert_eq!((opened.status(), opened.headers().len()), (StatusCode::OK, 0));
        assert!(session.unwrap().is_accepted());
    });
}

#[test]
fn a_36_a_37_s_63_extended_connect_reads_as_a_handshake_of_http_1() {
    on_runtime(async {
        let mut connect = head(Version::HTTP_2);
        connect.set_method(Method::CONNECT);
        let (tell, mut heard) = unbounded_channel();
        let app = move |scope: asgi::Scope, _: Receive, _: asgi::Send| {
            let head = scope.head().map(|head| (head.method().clone(), head.version()));
            tell.send(head).unwrap();
            async { Ok::<(), Error>(()) }
        };
        let (failed, _) = accept(Arc::new(app), connect, true, &Settings::default(), drop).await;
        assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(heard.recv().await, Some(Some((Method::GET, Version::HTTP_2))));
    });
}

async fn connected(mut receive: Receive) -> Result<Receive, Error> {
    match receive.receive().await {
        ReceiveEvent::WebSocketConnect => Ok(receive),
        event => Err(Error::new(format!("{event:?} came first"))),
    }
}

fn denial() -> DenialStart {
    DenialStart::new(StatusCode::IM_A_TEAPOT, HeaderMap::new())
}

fn block(len: usize) -> SendEvent {
    SendEvent::WebSocketDenialBody(ResponseBody::block(vec![7; len]))
}
