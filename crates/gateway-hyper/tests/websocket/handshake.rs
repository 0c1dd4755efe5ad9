//! The opening handshake over the wire (S-01 to S-20, A-78 to A-80).

use gateway_hyper::LifespanMode;
use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, ReceiveEvent};
use gateway_iface::asgi::{self, Handshake, Scope, SendError};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::apps::echo;
use crate::support::{Server, builder, on_both_runtimes, on_current_thread};
use crate::wire::{TEXT, Wire, frame, request, shake_hands};

/// Says over HTTP that it is HTTP; echoes over a socket.
async fn both(scope: Scope, receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    match scope {
        Scope::WebSocket(_) => echo(scope, receive, send).await,
        scope => {
            scope.into_http()?;
            Ok(send.text(200, "ordinary").await?)
        }
    }
}

/// H-105: the protocol that was asked for is named.
#[test]
fn s_16_s_17_s_19_answer_opens_the_socket_and_has_no_more_than_it_needs() {
    on_both_runtimes(async || {
        let server = Server::start(both).await;
        let (wire, response) = Wire::open_with(&server, "/", "").await;
        assert_eq!(response.header("upgrade"), Some("websocket"));
        assert_eq!(response.header("connection"), Some("Upgrade"));
        assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        for name in [
            "content-length",
            "transfer-encoding",
            "sec-websocket-extensions",
            "sec-websocket-protocol",
            "content-type",
        ] {
            assert_eq!(response.header(name), None, "{name}");
        }
        wire.finish().await;
        server.stop().await;
    });
}

#[test]
fn s_12_octets_behind_the_handshake_are_the_first_frames() {
    on_both_runtimes(async || {
        let server = Server::start(both).await;
        for cut in [1, 5, 8] {
            let mut client = server.connect().await;
            let frame = frame(TEXT, b"early");
            let (first, rest) = frame.split_at(cut);
            client.send([request("/", "").as_bytes(), first].concat()).await;
            assert_eq!(client.head().await.status, 101);
            client.send(rest).await;
            let mut wire = Wire { client };
            assert_eq!(wire.next_text().await, "early");
            wire.finish().await;
        }
        server.stop().await;
    });
}

/// H-63.
#[test]
fn s_13_continue_comes_before_the_switch() {
    on_both_runtimes(async || {
        let server = Server::start(both).await;
        let mut client = server.connect().await;
        client.send(request("/", "expect: 100-continue\r\n")).await;
        assert_eq!(client.head().await.status, 100);
        assert_eq!(client.head().await.status, 101);
        Wire { client }.finish().await;
        server.stop().await;
    });
}

#[test]
fn s_02_s_14_what_asks_for_no_websocket_is_ordinary_http() {
    on_both_runtimes(async || {
        let server = Server::start(both).await;
        for head in [
            request("/", "").replace("HTTP/1.1", "HTTP/1.0"),
            request("/", "").replace("upgrade: websocket", "upgrade: h2c"),
            request("/", "").replace("upgrade: websocket\r\n", ""),
            request("/", "").replace("websocket\r\nconnection: Upgrade", "TLS/1.3\r\nconnection: upgrade"),
        ] {
            let mut client = server.connect().await;
            client.send(&head).await;
            let response = client.response().await;
            assert_eq!((response.status, response.text()), (200, "ordinary"), "{head}");
            assert_eq!(response.header("upgrade"), None);
        }
        server.stop().await;
    });
}

#[test]
fn s_01_s_03_s_05_s_06_s_07_s_08_s_09_s_11_handshake_that_is_not_valid_is_refused_without_the_application() {
    on_both_runtimes(async || {
        let app = |_: Scope, _: asgi::Receive, _: asgi::Send| async { panic!("called") };
        let server = Server::with(builder().lifespan(LifespanMode::Off), app).await;
        let valid = request("/", "");
        for (head, status) in [
            (valid.replace("GET", "POST"), 400),
            (valid.replace("Upgrade", "keep-alive"), 400),
            (valid.replace("sec-websocket-key", "x-key"), 400),
            (valid.replace("ZQ==", "ZQ="), 400),
            (valid.replace("sec-websocket-version", "x-version"), 400),
            (valid.replace("version: 13", "version: 8"), 426),
            (request("/", "sec-websocket-protocol: a,,b\r\n"), 400),
            (request("/", "sec-websocket-extensions: a b\r\n"), 400),
            (request("/", "content-length: 1\r\n") + "x", 400),
            (request("/", "transfer-encoding: chunked\r\n") + "0\r\n\r\n", 400),
            (request("/", "host: another\r\n"), 400),
            (valid.replace("host: test\r\n", ""), 400),
        ] {
            let mut client = server.connect().await;
            client.send(&head).await;
            let response = client.response().await;
            assert_eq!(response.status, status, "{head}");
            assert_eq!(client.closed().await, b"", "{head}");
            if status == 426 {
                assert_eq!(response.header("sec-websocket-version"), Some("13"), "S-07");
                assert_eq!(response.header("upgrade"), Some("websocket"), "S-07");
                assert_eq!(response.header("connection"), Some("upgrade, close"), "S-07");
            }
        }
        server.stop().await;
    });
}

#[test]
fn s_10_origin_that_is_not_on_the_list_is_403() {
    on_current_thread(async || {
        let server = Server::with(builder().websocket_origins(["https://example.org"]), both).await;
        let (_, response) = shake_hands(&server, "/", "origin: https://other.test\r\n").await;
        assert_eq!(response.status, 403);
        let (wire, _) = Wire::open_with(&server, "/", "origin: https://example.org\r\n").await;
        wire.finish().await;
        server.stop().await;
    });
}

#[test]
fn s_18_s_20_a_78_a_79_a_80_accept_chooses_a_subprotocol_and_adds_fields() {
    on_both_runtimes(async || {
        let app = |scope: Scope, mut receive: asgi::Receive, mut send: asgi::Send| async move {
            let scope = scope.into_websocket()?;
            assert_eq!(scope.subprotocols().collect::<Vec<_>>(), ["Chat", "super", "x"], "S-08, A-42");
            receive.receive().await;
            for refused in [
                Accept::new().with_subprotocol("chat"),
                Accept::new().with_headers(one("sec-websocket-accept", "x")),
                Accept::new().with_headers(one("content-length", "0")),
            ] {
                let error = send.send(refused).await.unwrap_err();
                assert!(matches!(error, SendError::Invalid(_)), "{error:?}");
            }
            let mut headers = HeaderMap::new();
            headers.append("set-cookie", HeaderValue::from_static("a=1"));
            headers.append("set-cookie", HeaderValue::from_static("b=2"));
            send.send(Accept::new().with_subprotocol("super").with_headers(headers)).await?;
            while !matches!(receive.receive().await, ReceiveEvent::WebSocketDisconnect(_)) {}
            Ok::<(), Error>(())
        };
        let server = Server::despite(&["A-79", "A-80"], app).await;
        let fields = "sec-websocket-protocol: Chat, super\r\nsec-websocket-protocol: x\r\n";
        let (wire, response) = Wire::open_with(&server, "/", fields).await;
        let of = |wanted: &str| -> Vec<&str> {
            let fields = response.headers.iter().filter(|(name, _)| name == wanted);
            fields.map(|(_, value)| value.as_str()).collect()
        };
        assert_eq!(of("sec-websocket-protocol"), ["super"]);
        assert_eq!(of("set-cookie"), ["a=1", "b=2"]);
        wire.finish().await;
        server.stop().await;
    });
}

fn one(name: &'static str, value: &'static str) -> HeaderMap {
    [(HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect()
}

#[test]
fn socket_opens_on_a_connection_that_served_requests_before() {
    on_both_runtimes(async || {
        let server = Server::start(both).await;
        let mut client = server.connect().await;
        for _ in 0..2 {
            assert_eq!(client.get("/").await.text(), "ordinary");
        }
        client.send(["GET / HTTP/1.1\r\nhost: test\r\n\r\n", &request("/", "")].concat()).await;
        assert_eq!(client.response().await.text(), "ordinary");
        assert_eq!(client.head().await.status, 101);
        let mut wire = Wire { client };
        wire.text("x").await;
        assert_eq!(wire.next_text().await, "x");
        wire.finish().await;
        server.stop().await;
    });
}

#[test]
fn answer_after_the_handshake_goes_on_in_another_task() {
    on_both_runtimes(async || {
        let app = |scope: Scope, receive: asgi::Receive, send: asgi::Send| async move {
            scope.into_websocket()?;
            let open = async move {
                let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                socket.send("from a task").await?;
                Ok::<_, Error>(socket)
            };
            let mut socket = tokio::spawn(open).await??;
            while socket.next().await.is_ok() {}
            Ok::<(), Error>(())
        };
        let server = Server::start(app).await;
        let mut wire = Wire::open(&server, "/").await;
        assert_eq!(wire.next_text().await, "from a task");
        wire.finish().await;
        server.stop().await;
    });
}
