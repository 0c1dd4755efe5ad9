//! Whose addresses a scope has, whatever is spoken behind the header.

use gateway_hyper::{Listener, ProxyProtocol};
use gateway_iface::Error;
use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Handshake};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use crate::proxied::{ADDRS, BINARY, LOCAL, TEXT, here, start, tell};
use crate::support::{Client, Server, builder, on_both_runtimes};
use crate::tls::{Authority, Client as TlsClient};

#[test]
fn a_30_a_31_header_tells_client_and_server_of_every_request() {
    on_both_runtimes(async || {
        let server = start(here()).await;
        for header in [TEXT, BINARY] {
            let mut client = server.connect().await;
            client.send(header).await;
            for _ in 0..2 {
                assert_eq!(client.get("/").await.text(), ADDRS);
            }
            // At once, with what follows.
            let mut client = server.connect().await;
            let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
            client.send([header, request, request].concat()).await;
            assert_eq!(client.response().await.text(), ADDRS);
            assert_eq!(client.response().await.text(), ADDRS);
        }
        server.stop().await;
    });
}

#[test]
fn header_may_come_octet_by_octet() {
    on_both_runtimes(async || {
        let server = start(here()).await;
        for header in [TEXT, BINARY] {
            let mut client = server.connect().await;
            client.stream.set_nodelay(true).unwrap();
            for octet in header {
                client.send([*octet]).await;
                tokio::task::yield_now().await;
            }
            assert_eq!(client.get("/").await.text(), ADDRS);
        }
        server.stop().await;
    });
}

#[test]
fn addresses_of_the_connection_stay_where_the_header_has_none() {
    on_both_runtimes(async || {
        let server = start(here()).await;
        for header in [LOCAL, b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\x03abc"] {
            let mut client = server.connect().await;
            let peer = client.stream.local_addr().unwrap();
            client.send(header).await;
            assert_eq!(client.get("/").await.text(), format!("Some({peer}) Some(Ip({}))", server.addr));
        }
        server.stop().await;
    });
}

/// What was read along with the header is more than a buffer of a connection holds.
#[test]
fn nothing_behind_the_header_is_lost() {
    on_both_runtimes(async || {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap().with_proxy_protocol(here());
        let app = async |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            let body = receive.body(usize::MAX).await?;
            Ok::<(), Error>(send.text(200, body).await?)
        };
        let server = Server::of(builder().listen(listener).unwrap(), app);
        let body: Vec<u8> = (0..100_000_u32).map(|number| b'a' + (number % 23) as u8).collect();
        let head = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut client = server.connect().await;
        client.send([TEXT, head.as_bytes(), &body].concat()).await;
        assert_eq!(client.response().await.body, body);
        server.stop().await;
    });
}

#[test]
fn http_2_by_prior_knowledge_has_them() {
    on_both_runtimes(async || {
        let server = start(here()).await;
        for header in [TEXT, BINARY] {
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            stream.write_all(header).await.unwrap();
            assert_eq!(get_by_http2(stream, "http").await, ADDRS);
        }
        server.stop().await;
    });
}

/// The header is before TLS, and what follows it in the same segment is the client's first word of the handshake.
#[test]
fn a_20_both_versions_of_http_have_them_over_tls() {
    on_both_runtimes(async || {
        let authority = Authority::new("proxied");
        let listener = Listener::bind("127.0.0.1:0").await.unwrap().with_proxy_protocol(here());
        let listener = listener.with_tls(authority.localhost()).unwrap();
        let server = Server::of(builder().listen(listener).unwrap(), tell);
        for (header, alpn) in [(TEXT, H2), (BINARY, H2), (TEXT, &[]), (BINARY, &[])] {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let mut proxy = TcpStream::connect(server.addr).await.unwrap();
            let passing = tokio::spawn(async move {
                let (mut far, mut first) = (far, vec![0; 4096]);
                let len = tokio::io::AsyncReadExt::read(&mut far, &mut first).await.unwrap();
                proxy.write_all(&[header, &first[..len]].concat()).await.unwrap();
                // How the connection ends is not what is tested.
                let _ = tokio::io::copy_bidirectional(&mut far, &mut proxy).await;
            });
            let client = TlsClient::trusting(&authority.root()).alpn(alpn);
            let stream = client.over(near, "localhost").await.unwrap();
            if alpn.is_empty() {
                let mut client = Client::new(stream);
                assert_eq!(client.get("/").await.text(), ADDRS);
            } else {
                assert_eq!(get_by_http2(stream, "https").await, ADDRS);
            }
            passing.await.unwrap();
        }
        server.stop().await;
    });
}

#[test]
fn a_39_websocket_has_them() {
    on_both_runtimes(async || {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap().with_proxy_protocol(here());
        let app = async |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
            let scope = scope.into_websocket()?;
            let text = format!("{:?} {:?}", scope.head().client(), scope.head().server());
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            Ok::<(), Error>(socket.send(text).await?)
        };
        let server = Server::of(builder().listen(listener).unwrap(), app);
        let mut client = server.connect().await;
        client.send(TEXT).await;
        let handshake = "GET / HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        client.send(handshake).await;
        assert_eq!(client.head().await.status, 101);
        // One frame of text, below 126 octets.
        assert_eq!(client.exact(2).await, [0x81, ADDRS.len() as u8]);
        assert_eq!(client.exact(ADDRS.len()).await, ADDRS.as_bytes());
        drop(client);
        server.stop().await;
    });
}

#[test]
fn unix_socket_of_a_proxy_has_them() {
    on_both_runtimes(async || {
        let path = std::env::temp_dir().join(format!("gateway-hyper-proxied-{}", std::process::id()));
        for (proxies, answered) in
            [(ProxyProtocol::new().with_unix(true), true), (here(), false), (ProxyProtocol::new(), false)]
        {
            let listener = Listener::bind_unix(&path).unwrap().with_proxy_protocol(proxies);
            let server = builder().listen(listener).unwrap();
            let handle = server.handle();
            let task = tokio::spawn(server.serve(tell));
            let mut client = Client::new(UnixStream::connect(&path).await.unwrap());
            // Who is refused may be closed before all is written.
            let request = [BINARY, b"GET / HTTP/1.1\r\nhost: test\r\n\r\n"].concat();
            let _ = client.stream.write_all(&request).await;
            if answered {
                assert_eq!(client.response().await.text(), ADDRS);
            } else {
                assert_eq!(client.closed().await, b"");
            }
            drop(client);
            handle.shutdown();
            task.await.unwrap().unwrap();
        }
    });
}

const H2: &[&str] = &["h2"];

async fn get_by_http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, scheme: &str) -> String {
    let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get(format!("{scheme}://localhost/")).body(()).unwrap();
    let (response, _) = requests.send_request(request, true).unwrap();
    let mut body = response.await.unwrap().into_body();
    let mut text = Vec::new();
    while let Some(block) = body.data().await {
        text.extend(block.unwrap());
    }
    drop((requests, body));
    // How the connection ends is not what is tested.
    let _ = connection.await.unwrap();
    String::from_utf8(text).unwrap()
}
