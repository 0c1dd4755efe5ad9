//! Request targets, addresses, and heads that are wrong.

use std::time::Duration;

use gateway_hyper::LifespanMode;
use gateway_iface::{Error, ServerAddr, asgi};

use crate::support::{Server, builder, hello, on_both_runtimes};

/// Tells target, host and addresses.
async fn tell(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let head = scope.head();
    let hosts: Vec<_> = head.headers().get_all("host").iter().map(|host| host.to_str().unwrap()).collect();
    let server = match head.server() {
        Some(ServerAddr::Ip(addr)) => addr.to_string(),
        other => format!("{other:?}"),
    };
    let client = head.client().map(|client| client.to_string()).unwrap_or_default();
    let (path, query) = (head.raw_path(), head.query_string());
    send.text(200, format!("{path} {query} {} {client} {server}", hosts.join("+"))).await?;
    Ok(())
}

/// What the application was told, for this request line and host.
async fn told(request_line: &str, host: &str) -> Vec<String> {
    let server = Server::start(tell).await;
    let mut client = server.connect().await;
    client.send(format!("{request_line} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
    let response = client.response().await;
    assert_eq!(response.status, 200, "{request_line}: {response:?}");
    server.stop().await;
    response.text().split(' ').map(str::to_owned).collect()
}

/// it is the only host.
#[test]
fn a_35_authority_of_an_absolute_target_is_the_host_and_its_path_is_the_path() {
    on_both_runtimes(async || {
        let told = told("GET http://example.org:81/a%20b?c=d", "other").await;
        assert_eq!(told[..3], ["/a%20b", "c=d", "example.org:81"]);
    });
}

#[test]
fn a_35_absolute_target_without_path_is_the_root() {
    on_both_runtimes(async || {
        assert_eq!(told("GET http://example.org", "other").await[..3], ["/", "", "example.org"]);
    });
}

#[test]
fn a_35_options_asterisk_has_the_path_asterisk() {
    on_both_runtimes(async || {
        assert_eq!(told("OPTIONS *", "test").await[..3], ["*", "", "test"]);
    });
}

/// so does the query.
#[test]
fn a_23_path_that_is_no_text_reaches_the_application_as_received() {
    on_both_runtimes(async || {
        assert_eq!(told("GET /%FF/%2e%2E//;x?%FF", "test").await[..2], ["/%FF/%2e%2E//;x", "%FF"]);
    });
}

#[test]
fn a_22_path_that_cannot_be_decoded_is_answered_with_400_when_it_is_asked_for() {
    async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        let path = scope.into_http()?.path()?.into_owned();
        Ok(send.text(200, path).await?)
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        assert_eq!(server.get("/%FF").await.status, 400);
        assert_eq!(server.get("/caf%C3%A9").await.text(), "/café");
        server.stop().await;
    });
}

#[test]
fn a_30_a_31_client_and_server_are_the_two_ends_of_the_socket() {
    on_both_runtimes(async || {
        // A listener on all addresses knows its own only from the connection.
        for addr in ["127.0.0.1:0", "0.0.0.0:0"] {
            let server = Server::of(builder().bind(addr).await.unwrap(), tell);
            let mut client = server.connect().await;
            let (local, peer) = (client.stream.local_addr().unwrap(), client.stream.peer_addr().unwrap());
            let response = client.get("/").await;
            assert_eq!(response.text(), format!("/  test {local} {peer}"));
            server.stop().await;
        }
    });
}

#[test]
fn head_that_is_no_http_is_refused_and_the_next_connection_is_served() {
    on_both_runtimes(async || {
        let server = Server::start(hello).await;
        for head in [
            "nonsense\r\n\r\n",
            "GET / HTTP/1.1\r\nhost test\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: +1\r\n\r\nx",
            "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: nonsense\r\n\r\n",
        ] {
            let mut client = server.connect().await;
            client.send(head).await;
            let response = client.response().await;
            assert_eq!(response.status, 400, "{head}");
            client.closed().await;
            assert_eq!(server.get("/").await.status, 200, "after {head}");
        }
        server.stop().await;
    });
}

#[test]
fn h_11_h_30_head_over_a_limit_is_refused_by_its_name_and_closed() {
    let large = |name: &str, len| format!("{name}{}", "x".repeat(len));
    let fields = |count| (0..count).map(|number| format!("x-{number}: x\r\n")).collect::<String>();
    on_both_runtimes(async || {
        for (limit, head, status) in [
            (None, large("GET / HTTP/1.1\r\nhost: test\r\nx: ", 120_000), 200),
            (None, large("GET / HTTP/1.1\r\nhost: test\r\nx: ", 131_072), 431),
            (None, large("GET /", 65_000) + " HTTP/1.1\r\nhost: test", 200),
            (None, large("GET /", 70_000) + " HTTP/1.1\r\nhost: test", 414),
            (None, format!("GET / HTTP/1.1\r\nhost: test\r\n{}x: x", fields(98)), 200),
            (None, format!("GET / HTTP/1.1\r\nhost: test\r\n{}x: x", fields(99)), 431),
            (Some(1000), large("GET / HTTP/1.1\r\nhost: test\r\nx: ", 900), 200),
            (Some(1000), large("GET / HTTP/1.1\r\nhost: test\r\nx: ", 1000), 431),
        ] {
            let builder = limit.map_or_else(builder, |limit| builder().max_head_size(limit));
            let server = Server::with(builder, hello).await;
            let mut client = server.connect().await;
            client.send(head.clone() + "\r\n\r\n").await;
            let response = client.response().await;
            assert_eq!(response.status, status, "{limit:?}, {} octets: {:.40}", head.len(), head);
            if status != 200 {
                client.closed().await;
            }
            assert_eq!(server.get("/").await.status, 200);
            server.stop().await;
        }
    });
}

#[test]
fn h_100_client_that_does_not_send_its_head_is_disconnected() {
    on_both_runtimes(async || {
        let server =
            Server::with(builder().header_read_timeout(Some(Duration::from_millis(20))), hello).await;
        let mut client = server.connect().await;
        client.send("GET / HTT").await;
        client.closed().await;
        assert_eq!(server.get("/").await.status, 200);
        server.stop().await;
    });
}

#[test]
fn a_101_half_closed_client_gets_its_response_where_that_is_asked_for() {
    use tokio::io::AsyncWriteExt;
    on_both_runtimes(async || {
        let server = Server::with(builder().half_close(true), hello).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        client.stream.shutdown().await.unwrap();
        assert_eq!(client.response().await.text(), "Hello, World!");
        assert!(client.closed().await.is_empty());
        server.stop().await;
    });
}

/// a method in lower case among them.
#[test]
fn h_22_requests_that_http_forbids_are_answered_and_closed_before_the_application_is_called() {
    on_both_runtimes(async || {
        let never = |_: asgi::Scope, _: asgi::Receive, _: asgi::Send| async {
            Err::<(), _>(Error::new("the application was called"))
        };
        let server = Server::with(builder().lifespan(LifespanMode::Off), never).await;
        for (head, status) in [
            ("GET / HTTP/1.1\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n", 400),
            ("GET / HTTP/1.0\r\nhost: a\r\nhost: b\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: a, b\r\n", 400),
            ("GET * HTTP/1.1\r\nhost: a\r\n", 400),
            ("GET a:80 HTTP/1.1\r\nhost: a\r\n", 400),
            ("GET http://user:password@a/ HTTP/1.1\r\nhost: a\r\n", 400),
            ("GET https://a/ HTTP/1.1\r\nhost: a\r\n", 421),
            ("CONNECT a:80 HTTP/1.1\r\nhost: a\r\n", 501),
            ("CONNECT a HTTP/1.1\r\nhost: a\r\n", 400),
            ("get / HTTP/1.1\r\nhost: a\r\n", 501),
        ] {
            let mut client = server.connect().await;
            // What follows on the same connection is not read (H-98).
            client.send(format!("{head}\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n")).await;
            let response = client.response().await;
            assert_eq!(response.status, status, "{head}");
            assert_eq!(response.header("connection"), Some("close"), "{head}");
            assert_eq!(client.closed().await, b"", "{head}");
        }
        server.stop().await;
    });
}
