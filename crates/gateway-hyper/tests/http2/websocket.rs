//! WebSockets on streams (RFC 8441).

use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_iface::asgi::event::{Accept, Close};
use gateway_iface::asgi::{self, Disconnect, Handshake};
use gateway_iface::{BoxError, Error};
use h2::client::ResponseFuture;
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response};
use tokio::sync::mpsc;

use crate::support::{Client, Server, builder, get, on_both_runtimes, read};

/// Echoes, closes, refuses or denies, as the path says; tells how the socket was closed.
fn app(tell: mpsc::UnboundedSender<(u16, Disconnect)>) -> impl asgi::Application + 'static {
    move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let tell = tell.clone();
        async move {
            let (path, secure) = match &scope {
                asgi::Scope::WebSocket(scope) => {
                    (scope.head().raw_path().to_owned(), scope.head().is_secure())
                }
                _ => return hello(scope, send).await,
            };
            assert!(!secure);
            let subprotocol = scope.into_websocket()?.subprotocols().next().map(str::to_owned);
            let handshake = Handshake::begin(receive, send).await?;
            match path.as_str() {
                "/refuse" => return Ok(handshake.close().await?),
                "/deny" => {
                    return Ok(handshake
                        .deny(Response::builder().status(429).header("keep-alive", "x").body("not now")?)
                        .await?);
                }
                "/fail" => return Err(Error::new("on purpose")),
                _ => {}
            }
            let mut accept = Accept::new();
            accept.subprotocol = subprotocol;
            let mut socket = handshake.accept(accept).await?;
            if path == "/close" {
                return Ok(socket.close(Close::new(3000)).await?);
            }
            loop {
                match socket.next().await {
                    Ok(message) => socket.send(message).await?,
                    Err(closed) => {
                        tell.send((closed.code(), closed.disconnect()))?;
                        return Ok(());
                    }
                }
            }
        }
    }
}

async fn hello(scope: asgi::Scope, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    Ok(send.text(200, "Hello, World!").await?)
}

/// Asks for a WebSocket, as soon as the server is known to have them (S-63).
async fn ask(
    client: &mut Client,
    path: &str,
    fields: &[(&'static str, &str)],
) -> (ResponseFuture, SendStream<Bytes>) {
    while !client.requests.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://test{path}"))
        .extension(Protocol::from_static("websocket"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    client.open(request.body(()).unwrap(), false).await
}

const VERSION: (&str, &str) = ("sec-websocket-version", "13");

/// Reads that many octets of frames.
async fn octets(stream: &mut RecvStream, len: usize) -> Vec<u8> {
    let mut found = Vec::new();
    while found.len() < len {
        let block = stream.data().await.unwrap().unwrap();
        stream.flow_control().release_capacity(block.len()).unwrap();
        found.extend_from_slice(&block);
    }
    found
}

/// Waits for the orderly end of a stream, which nothing precedes.
async fn ended(mut stream: RecvStream) {
    while let Some(block) = stream.data().await {
        assert_eq!(block.unwrap(), "");
    }
}

/// S-18, S-37, H-81: with the vectors of RFC 6455, and without a length.
#[test]
fn s_63_messages_go_both_ways_on_a_stream() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let server = Server::start(app(tell)).await;
        let mut client = server.connect().await;
        let fields = [VERSION, ("sec-websocket-protocol", "chat, other")];
        let (response, mut send) = ask(&mut client, "/", &fields).await;
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
        for name in ["upgrade", "connection", "sec-websocket-accept", "content-length"] {
            assert!(!response.headers().contains_key(name), "{name}");
        }
        let mut receive = response.into_body();
        let hello = Bytes::from_static(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        // Cut anywhere, and beside other streams.
        for at in 0..hello.len() {
            send.send_data(hello.slice(..at), false).unwrap();
            assert_eq!(client.get("/").await.body(), "Hello, World!");
            send.send_data(hello.slice(at..), false).unwrap();
            assert_eq!(octets(&mut receive, 7).await, b"\x81\x05Hello");
        }
        send.send_data(Bytes::from_static(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]), false).unwrap();
        assert_eq!(octets(&mut receive, 4).await, b"\x88\x02\x03\xe8");
        ended(receive).await;
        assert_eq!(told.recv().await, Some((1000, Disconnect::Client)));
        server.stop().await;
    });
}

/// S-21, S-22, S-23, S-07: and the connection goes on.
#[test]
fn s_15_handshake_that_is_refused_is_answered_on_its_stream() {
    on_both_runtimes(async || {
        let (tell, _told) = mpsc::unbounded_channel();
        let server = Server::despite(&["A-65", "A-88"], builder(), app(tell)).await;
        let mut client = server.connect().await;
        for (path, fields, status, body) in [
            ("/refuse", &[VERSION][..], 403, "Forbidden"),
            ("/deny", &[VERSION], 429, "not now"),
            ("/fail", &[VERSION], 500, "Internal Server Error"),
            ("/", &[("sec-websocket-version", "12")], 400, "Bad Request"),
            ("/", &[], 400, "Bad Request"),
            ("/", &[VERSION, ("sec-websocket-protocol", "a,,b")], 400, "Bad Request"),
        ] {
            let (response, _send) = ask(&mut client, path, fields).await;
            let (response, _) = read(response.await.unwrap()).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.body()[..]),
                (status, body.as_bytes()),
                "{path}"
            );
            assert!(!response.headers().contains_key("connection"));
            let other_version = fields.first().is_some_and(|field| field.1 == "12");
            let version = response.headers().get("sec-websocket-version").map(|version| version.as_bytes());
            assert_eq!(version, other_version.then_some(&b"13"[..]));
        }
        assert_eq!(client.get("/").await.status(), 200);
        server.stop().await;
    });
}

/// S-56, A-84: END_STREAM is the end of a connection, RST_STREAM a broken one.
#[test]
fn s_63_end_of_the_stream_without_a_close_is_1006() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let server = Server::start(app(tell)).await;
        let mut client = server.connect().await;
        for reset in [false, true] {
            let (response, mut send) = ask(&mut client, "/", &[VERSION]).await;
            assert_eq!(response.await.unwrap().status(), 200);
            if reset {
                send.send_reset(Reason::CANCEL);
            } else {
                send.send_data(Bytes::new(), true).unwrap();
            }
            assert_eq!(told.recv().await, Some((1006, Disconnect::Client)), "{reset}");
        }
        server.stop().await;
    });
}

#[test]
fn s_59_shutdown_closes_with_1001() -> Result<(), BoxError> {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let server = Server::start(app(tell)).await;
        let mut client = server.connect().await;
        let (response, mut send) = ask(&mut client, "/", &[VERSION]).await;
        let mut receive = response.await.unwrap().into_body();
        server.handle.shutdown();
        assert_eq!(octets(&mut receive, 4).await, b"\x88\x02\x03\xe9");
        assert_eq!(told.recv().await, Some((1001, Disconnect::Shutdown)));
        send.send_data(Bytes::from_static(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]), false).unwrap();
        server.stop().await;
    });
    Ok(())
}

/// S-55: by the application.
#[test]
fn s_55_close_of_the_application_goes_out_on_the_stream() {
    on_both_runtimes(async || {
        let (tell, _told) = mpsc::unbounded_channel();
        let server = Server::start(app(tell)).await;
        let mut client = server.connect().await;
        let (response, mut send) = ask(&mut client, "/close", &[VERSION]).await;
        let mut receive = response.await.unwrap().into_body();
        assert_eq!(octets(&mut receive, 4).await, b"\x88\x02\x0b\xb8");
        send.send_data(Bytes::from_static(&[0x88, 0x82, 0, 0, 0, 0, 0x0b, 0xb8]), false).unwrap();
        ended(receive).await;
        assert_eq!(client.send(get("/")).await.status(), 200);
        server.stop().await;
    });
}

/// The limit is on the time in which nothing is taken, however long a message takes.
#[test]
fn s_63_client_that_takes_little_but_goes_on_keeps_its_socket() {
    on_both_runtimes(async || {
        let (tell, _told) = mpsc::unbounded_channel();
        let limit = Duration::from_millis(600);
        let server = Server::with(builder().write_timeout(Some(limit)), app(tell)).await;
        let mut client = server.connect_by(h2::client::Builder::new().initial_window_size(1024)).await;
        let (response, mut send) = ask(&mut client, "/", &[VERSION]).await;
        let mut stream = response.await.unwrap().into_body();
        // A message of 65,535 octets, by the mask that changes nothing.
        let message = [&b"\x82\xfe\xff\xff\0\0\0\0"[..], &[0; 65535]].concat();
        send.send_data(Bytes::from(message), false).unwrap();
        let began = Instant::now();
        while began.elapsed() < 2 * limit {
            let block = stream.data().await.expect("cut off").expect("cut off");
            tokio::time::sleep(limit / 12).await;
            stream.flow_control().release_capacity(block.len()).unwrap();
        }
        drop((stream, send, client));
        server.stop().await;
    });
}
