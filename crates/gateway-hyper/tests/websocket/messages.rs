//! Messages in both directions (S-35 to S-41, S-43, S-44, S-68 to S-70).

use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, Close, DenialStart, Message, ResponseBody, SendEvent};
use gateway_iface::asgi::{self, Handshake, SendError};
use http::{HeaderMap, StatusCode};

use crate::apps::{closed, echo, listens, text};
use crate::support::{Server, on_both_runtimes};
use crate::wire::{BINARY, CONTINUE, Frame, PING, PONG, TEXT, Wire, frame};

#[test]
fn s_37_s_41_a_81_a_82_messages_keep_their_kind_their_order_and_their_emptiness() {
    on_both_runtimes(async || {
        let server = Server::start(echo).await;
        let mut wire = Wire::open(&server, "/").await;
        let payloads: Vec<(u8, Vec<u8>)> = [(TEXT, b'a'), (BINARY, 0xff)]
            .into_iter()
            .flat_map(|(first, octet)| {
                [0, 1, 125, 126, 65535, 65536, 300_000].map(|len| (first, vec![octet; len]))
            })
            .collect();
        for (first, payload) in payloads {
            wire.send(first, &payload).await;
            assert!(wire.next().await == Frame { first, payload: payload.clone() }, "{}", payload.len());
        }
        assert!(wire.finish().await.is_empty());
        server.stop().await;
    });
}

#[test]
fn s_36_frames_and_segments_make_no_difference() {
    on_both_runtimes(async || {
        let (app, mut told) = listens();
        let server = Server::start(app).await;
        let mut wire = Wire::open(&server, "/").await;
        let octets = [
            frame(TEXT, b"whole"),
            frame(0x01, b"in "),
            frame(0x00, b""),
            frame(CONTINUE, b"parts"),
            frame(TEXT, b""),
        ]
        .concat();
        wire.client.stream.set_nodelay(true).unwrap();
        wire.client.send(&octets).await;
        for octet in octets {
            wire.client.send([octet]).await;
            tokio::task::yield_now().await;
        }
        for _ in 0..2 {
            for expected in ["whole", "in parts", ""] {
                assert_eq!(told.recv().await, Some(text(expected)));
            }
        }
        wire.finish().await;
        assert_eq!(told.recv().await, Some(closed(1000, "")));
        server.stop().await;
    });
}

#[test]
fn s_35_s_43_s_44_s_46_a_87_control_frames_are_answered_at_once_and_not_told() {
    on_both_runtimes(async || {
        let (app, mut told) = listens();
        let server = Server::start(app).await;
        let mut wire = Wire::open(&server, "/").await;
        wire.send(0x01, b"in ").await;
        for payload in [&b""[..], b"one", &[0xff; 125]] {
            wire.send(PING, payload).await;
            assert_eq!(wire.next().await, Frame { first: PONG, payload: payload.to_vec() });
        }
        wire.send(PONG, b"unsolicited").await;
        wire.send(CONTINUE, b"parts").await;
        // All of a burst are answered.
        let burst: Vec<u8> = (0..20).flat_map(|index| frame(PING, &[index])).collect();
        wire.client.send(burst).await;
        for index in 0..20 {
            assert_eq!(wire.next().await, Frame { first: PONG, payload: vec![index] });
        }
        wire.finish().await;
        assert_eq!(told.recv().await, Some(text("in parts")));
        assert_eq!(told.recv().await, Some(closed(1000, "")));
        server.stop().await;
        assert_eq!(told.recv().await, None, "no ping and no pong was told");
    });
}

#[test]
fn s_67_a_88_events_out_of_order_are_refused_and_nothing_of_them_is_sent() {
    on_both_runtimes(async || {
        let app = |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| async move {
            scope.into_websocket()?;
            receive.receive().await;
            let denial = || DenialStart::new(StatusCode::NOT_FOUND, HeaderMap::new());
            let block = || SendEvent::WebSocketDenialBody(ResponseBody::last("x"));
            for early in [Message::from("x").into(), block(), SendEvent::StartupComplete] {
                assert!(matches!(send.send(early).await, Err(SendError::Invalid(_))));
            }
            send.send(Accept::new()).await?;
            for late in [Accept::new().into(), denial().into(), block()] {
                assert!(matches!(send.send(late).await, Err(SendError::Invalid(_))));
            }
            send.send(Message::from("valid")).await?;
            assert!(matches!(send.send(Close::new(1005)).await, Err(SendError::Invalid(_))), "A-86");
            send.send(Close::new(4000)).await?;
            for gone in
                [Accept::new().into(), Message::from("x").into(), Close::default().into(), denial().into()]
            {
                let gone: SendEvent = gone;
                assert!(matches!(send.send(gone).await, Err(SendError::Disconnected(_))));
            }
            Ok::<(), Error>(())
        };
        let server = Server::despite(&["A-88", "A-07", "A-86", "A-95"], app).await;
        let mut wire = Wire::open(&server, "/").await;
        assert_eq!(wire.next_text().await, "valid");
        assert_eq!(wire.next_close().await, 4000);
        wire.close(4000, "").await;
        assert_eq!(wire.client.closed().await, b"");
        server.stop().await;
    });
}

#[test]
fn s_70_a_13_halves_work_from_two_tasks_at_once() {
    on_both_runtimes(async || {
        let app = |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| async move {
            scope.into_websocket()?;
            let socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            let (mut receive, mut send) = socket.into_halves();
            let (done, counted) = tokio::sync::oneshot::channel();
            tokio::spawn(async move {
                let mut count = 0;
                while receive.receive().await.disconnect().is_none() {
                    count += 1;
                }
                done.send(count)
            });
            for index in 0..100 {
                send.send(Message::from(index.to_string())).await?;
            }
            assert_eq!(counted.await?, 50);
            Ok::<(), Error>(())
        };
        let server = Server::start(app).await;
        let mut wire = Wire::open(&server, "/").await;
        for index in 0..50 {
            wire.text("x").await;
            assert_eq!(wire.next_text().await, index.to_string());
        }
        for index in 50..100 {
            assert_eq!(wire.next_text().await, index.to_string());
        }
        wire.finish().await;
        server.stop().await;
    });
}

#[test]
fn s_68_pongs_go_between_frames_and_never_into_one() {
    on_both_runtimes(async || {
        let server = Server::start(echo).await;
        let mut wire = Wire::open(&server, "/").await;
        let payload = vec![b'x'; 500_000];
        for _ in 0..4 {
            let octets = [frame(BINARY, &payload), frame(PING, b"now")].concat();
            wire.client.send(octets).await;
            let mut frames = [wire.next().await, wire.next().await];
            frames.sort_by_key(|frame| frame.first);
            assert!(frames[0] == Frame { first: BINARY, payload: payload.clone() });
            assert_eq!(frames[1], Frame { first: PONG, payload: b"now".to_vec() });
        }
        wire.finish().await;
        server.stop().await;
    });
}
