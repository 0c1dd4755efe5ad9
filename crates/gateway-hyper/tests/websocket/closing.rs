//! Who closes a socket, and what both sides learn of it (S-49 to S-57, A-83 to ).

use std::time::Duration;

use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, Close};
use gateway_iface::asgi::{self, Disconnect, Handshake, SendError};
use tokio::sync::mpsc;

use crate::apps::{Tellings, Told, closed, closed_by, listens, text};
use crate::support::{Log, Server, builder, on_both_runtimes, on_current_thread};
use crate::wire::{CLOSE, PING, TEXT, Wire, frame};

#[test]
fn s_50_s_52_s_53_s_56_a_83_a_93_close_of_the_client_is_echoed_and_told_behind_the_messages() {
    on_both_runtimes(async || {
        for (payload, echoed, expected) in [
            (&b""[..], &b""[..], closed(1005, "")),
            (b"\x03\xe8", b"\x03\xe8", closed(1000, "")),
            (b"\x03\xe9bye", b"\x03\xe9", closed(1001, "bye")),
            (b"\x0b\xb8", b"\x0b\xb8", closed(3000, "")),
            (b"\x13\x87", b"\x13\x87", closed(4999, "")),
        ] {
            let (app, mut told) = listens();
            let server = Server::start(app).await;
            let mut wire = Wire::open(&server, "/").await;
            let octets = [frame(TEXT, b"one"), frame(TEXT, b"two"), frame(CLOSE, payload)];
            // S-52: whatever follows is ignored.
            let ignored = [frame(CLOSE, b""), frame(PING, b"x"), frame(TEXT, b"x"), b"\xff\xff".to_vec()];
            wire.client.send([octets.concat(), ignored.concat()].concat()).await;
            let frame = wire.next().await;
            assert_eq!((frame.first, &frame.payload[..]), (CLOSE, echoed));
            assert_eq!(wire.client.closed().await, b"", "S-53, S-57: the server closes first");
            drop(wire);
            for expected in [text("one"), text("two"), expected] {
                assert_eq!(told.recv().await, Some(expected));
            }
            server.stop().await;
        }
    });
}

#[test]
fn s_56_a_84_connection_that_ends_without_a_close_is_1006() {
    on_both_runtimes(async || {
        for by_reset in [false, true] {
            let (app, mut told) = listens();
            let server = Server::start(app).await;
            let mut wire = Wire::open(&server, "/").await;
            wire.text("one").await;
            assert_eq!(told.recv().await, Some(text("one")));
            if by_reset {
                wire.client.reset();
            } else {
                drop(wire);
            }
            assert_eq!(told.recv().await, Some(closed(1006, "")));
            server.stop().await;
        }
    });
}

/// Closes with this as soon as it received something, and tells how the socket ended.
fn closes(close: Close) -> (impl asgi::Application + 'static, Tellings) {
    let (tell, told) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let (tell, close) = (tell.clone(), close.clone());
        async move {
            scope.into_websocket()?;
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            tell.send(Told::Message(socket.next().await?))?;
            socket.send("last").await?;
            socket.close(close).await?;
            let error = socket.send("too late").await.unwrap_err();
            assert!(matches!(error, SendError::Disconnected(Disconnect::Complete)), "A-95: {error:?}");
            tell.send(closed_by(&socket.next().await.unwrap_err()))?;
            Ok::<(), Error>(())
        }
    };
    (app, told)
}

/// Closes with 4000 as soon as it received something, whether or not the client was faster, and tells how the socket
/// ended.
fn closes_at_once() -> (impl asgi::Application + 'static, Tellings) {
    let (tell, told) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let tell = tell.clone();
        async move {
            scope.into_websocket()?;
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            tell.send(Told::Message(socket.next().await?))?;
            let _ = socket.close(Close::new(4000)).await;
            tell.send(closed_by(&socket.next().await.unwrap_err()))?;
            Ok::<(), Error>(())
        }
    };
    (app, told)
}

const fn complete(code: u16, reason: String) -> Option<Told> {
    Some(Told::Closed(code, reason, Disconnect::Complete))
}

#[test]
fn s_51_s_54_s_55_a_85_a_90_close_of_the_application_waits_for_that_of_the_client() {
    on_both_runtimes(async || {
        for close in [Close::default(), Close::new(1008).with_reason("x".repeat(123)), Close::new(4000)] {
            let (app, mut told) = closes(close.clone());
            let server = Server::start(app).await;
            let mut wire = Wire::open(&server, "/").await;
            wire.text("begin").await;
            assert_eq!(told.recv().await, Some(text("begin")));
            assert_eq!(wire.next_text().await, "last");
            let frame = wire.next().await;
            let expected = [&close.code.to_be_bytes(), close.reason.as_bytes()].concat();
            assert_eq!((frame.first, frame.payload), (CLOSE, expected));
            // What comes after it is read and discarded: neither message nor ping is answered.
            wire.text("discarded").await;
            wire.send(PING, b"discarded").await;
            wire.close(4001, "seen").await;
            assert_eq!(wire.client.closed().await, b"");
            assert_eq!(told.recv().await, complete(4001, "seen".to_owned()));
            server.stop().await;
        }
    });
}

#[test]
fn s_56_close_of_the_application_is_answered_without_a_code_or_not_at_all() {
    on_both_runtimes(async || {
        for (answer, code) in [(Some(frame(CLOSE, b"")), 1005), (None, 1006)] {
            let (app, mut told) = closes(Close::default());
            let server = Server::start(app).await;
            let mut wire = Wire::open(&server, "/").await;
            wire.text("begin").await;
            assert_eq!(wire.next_text().await, "last");
            assert_eq!(wire.next_close().await, 1000);
            if let Some(answer) = answer {
                wire.client.send(answer).await;
                assert_eq!(wire.client.closed().await, b"");
            }
            drop(wire);
            assert_eq!(told.recv().await, Some(text("begin")));
            assert_eq!(told.recv().await, complete(code, String::new()));
            server.stop().await;
        }
    });
}

#[test]
fn s_57_when_both_close_at_once_each_learns_the_other_s_code() {
    on_both_runtimes(async || {
        for in_one_go in [true, false] {
            let (app, mut told) = closes_at_once();
            let server = Server::start(app).await;
            let mut wire = Wire::open(&server, "/").await;
            let mut octets = frame(TEXT, b"begin");
            if !in_one_go {
                wire.client.send(std::mem::take(&mut octets)).await;
                assert_eq!(told.recv().await, Some(text("begin")));
            }
            octets.extend(frame(CLOSE, &4001_u16.to_be_bytes()));
            wire.client.send(octets).await;
            let code = wire.next_close().await;
            assert_eq!(wire.client.closed().await, b"", "there is one Close");
            if in_one_go {
                assert_eq!(told.recv().await, Some(text("begin")));
            }
            // Which is first is a matter of luck; the server's is its own, or an echo (S-50).
            assert!([4000, 4001].contains(&code), "{code}");
            let reason = if code == 4000 { Disconnect::Complete } else { Disconnect::Client };
            assert_eq!(told.recv().await, Some(Told::Closed(4001, String::new(), reason)));
            server.stop().await;
        }
    });
}

#[test]
fn s_54_end_of_the_client_is_not_waited_for_without_bound() {
    on_current_thread(async || {
        let (app, mut told) = closes(Close::default());
        let server = Server::with(builder().websocket_close_timeout(Duration::from_millis(30)), app).await;
        let mut wire = Wire::open(&server, "/").await;
        wire.text("begin").await;
        assert_eq!(told.recv().await, Some(text("begin")));
        assert_eq!(told.recv().await, complete(1006, String::new()));
        assert_eq!(wire.next_text().await, "last");
        assert_eq!(wire.failed().await, 1000);
        server.stop().await;
    });
}

#[test]
fn s_58_client_that_ignores_the_end_is_disconnected() {
    on_current_thread(async || {
        let (app, mut told) = listens();
        let server = Server::with(builder().websocket_close_timeout(Duration::from_millis(30)), app).await;
        let mut wire = Wire::open(&server, "/").await;
        wire.client.send(b"\x81\x00").await;
        assert_eq!(wire.next_close().await, 1002);
        assert!(matches!(told.recv().await, Some(Told::Closed(1002, ..))));
        // The server waits for its connections when it stops: this one is over though its client stays.
        server.stop().await;
        drop(wire);
    });
}

#[test]
fn a_96_a_97_error_of_the_server_that_comes_back_is_not_told_as_the_application_s() {
    on_current_thread(async || {
        let log = Log::start();
        let server = Server::start(crate::apps::echo).await;
        for by_close in [true, false] {
            let mut wire = Wire::open(&server, "/").await;
            wire.text("x").await;
            assert_eq!(wire.next_text().await, "x");
            if by_close {
                wire.finish().await;
            }
        }
        server.stop().await;
        assert_eq!(log.errors(), [""; 0]);
    });
}
