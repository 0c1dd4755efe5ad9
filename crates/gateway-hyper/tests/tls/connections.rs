//! What is spoken over TLS, and what an application learns of it.

use std::time::Duration;

use gateway_hyper::{Limit, Listener, TlsConfig};
use gateway_iface::{Error, asgi};
use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::rustls::version;

use crate::support::{Authority, Client, Server, builder, on_both_runtimes};

/// Tells what it was told of the connection.
async fn describe(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let head = request.head();
    let tls = head.tls().cloned().unwrap_or_default();
    let (version, suite) = (tls.tls_version.unwrap_or_default(), tls.cipher_suite.unwrap_or_default());
    let text = format!("{:?} {} {version:#06x} {suite:#06x}\n", head.version(), head.is_secure());
    Ok(send.text(200, text + tls.server_cert.as_deref().unwrap_or("unknown")).await?)
}

/// H-102: and the end is told by a closure alert.
#[test]
fn a_46_scope_tells_of_tls() {
    on_both_runtimes(async || {
        let authority = Authority::new("root");
        let server = Server::start(authority.localhost(), describe).await;
        let pem = std::fs::read_to_string(authority.root().with_file_name("localhost.pem")).unwrap();
        for (version, number) in [(&version::TLS12, 0x0303), (&version::TLS13, 0x0304)] {
            let client = Client::trusting(&authority.root()).version(version);
            let answer = client.get(server.addr, "localhost").await.unwrap();
            let (_, text) = answer.split_once("\r\n\r\n").unwrap();
            let (line, certificate) = text.split_once('\n').unwrap();
            assert!(line.starts_with(&format!("HTTP/1.1 true {number:#06x} 0x")), "{line}");
            assert!(!line.ends_with("0x0000"), "{line}");
            assert_eq!(certificate.replace('\n', ""), pem.replace(['\r', '\n'], ""));
        }
        server.stop().await;
    });
}

#[test]
fn http_2_is_chosen_by_alpn() {
    on_both_runtimes(async || {
        let authority = Authority::new("root");
        let server = Server::start(authority.localhost(), describe).await;
        for (alpn, chosen) in [
            (&["h2", "http/1.1"][..], Some("h2")),
            (&["http/1.1", "h2"], Some("h2")),
            (&["http/1.1"], Some("http/1.1")),
            (&[], None),
        ] {
            let client = Client::trusting(&authority.root()).alpn(alpn);
            let stream = client.connect(server.addr, "localhost").await.unwrap();
            let known =
                stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8(name.to_vec()).unwrap());
            assert_eq!(known.as_deref(), chosen, "{alpn:?}");
            if chosen == Some("h2") {
                let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
                let connection = tokio::spawn(connection);
                let request = Request::get("https://localhost/").body(()).unwrap();
                let (response, _) = requests.send_request(request, true).unwrap();
                let mut body = response.await.unwrap().into_body();
                let text = String::from_utf8(body.data().await.unwrap().unwrap().to_vec()).unwrap();
                assert!(text.starts_with("HTTP/2.0 true"), "{text}");
                drop((requests, body));
                connection.await.unwrap().unwrap();
            } else {
                let answer = Client::trusting(&authority.root()).get(server.addr, "localhost").await.unwrap();
                assert!(answer.contains("HTTP/1.1 true"), "{answer}");
            }
        }
        // Who offers nothing that is spoken here is refused.
        let other = Client::trusting(&authority.root()).alpn(&["spdy/3"]);
        assert!(other.connect(server.addr, "localhost").await.is_err());
        server.stop().await;
    });
}

/// H-21: what is not TLS is no request.
#[test]
fn plain_text_to_a_tls_listener_is_not_served() {
    on_both_runtimes(async || {
        let authority = Authority::new("root");
        let server = Server::start(authority.localhost(), describe).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
        server.stop().await;
    });
}

/// H-100: neither one that says nothing, nor one that stops in the middle; nor one that chose HTTP/2 and
/// does not begin.
#[test]
fn handshake_that_does_not_end_is_waited_for_no_longer() {
    on_both_runtimes(async || {
        let authority = Authority::new("root");
        let short = Duration::from_millis(40);
        let settings = builder().tls_handshake_timeout(short).header_read_timeout(Some(short));
        let server = Server::with(settings, authority.localhost(), describe).await;
        for octets in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            stream.write_all(octets).await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
        assert_eq!(server.handle.stats().limit_hits(Limit::TlsHandshakeTime), 2);
        let client = Client::trusting(&authority.root()).alpn(&["h2"]);
        let mut stream = client.connect(server.addr, "localhost").await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        server.stop().await;
    });
}

#[test]
fn files_that_cannot_be_used_are_named() {
    on_both_runtimes(async || {
        let authority = Authority::new("root");
        let (chain, key) = authority.sign("one", &["localhost"], &[]);
        let (other_chain, other_key) = authority.sign("two", &["localhost"], &[]);
        let missing = chain.with_file_name("missing.pem");
        for (chain, key, named) in [
            (&missing, &key, "missing.pem"),
            (&chain, &missing, "missing.pem"),
            (&key, &key, "one.key"),
            (&chain, &chain, "one.pem"),
            (&chain, &other_key, "two.key"),
            (&other_chain, &key, "one.key"),
        ] {
            let listener = Listener::bind("127.0.0.1:0").await.unwrap();
            let error = listener.with_tls(TlsConfig::new(chain, key)).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
            if named == "one.pem" {
                assert!(error.to_string().ends_with("no private key in it"), "{error}");
            }
        }
    });
}
