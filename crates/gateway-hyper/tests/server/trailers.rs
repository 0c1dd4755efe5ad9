//! Fields after a body, in both directions.

use gateway_iface::asgi::event::{ResponseStart, ResponseTrailers};
use gateway_iface::{Error, RequestTrailers, asgi};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::support::{Server, on_both_runtimes};

fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let field = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    fields.iter().map(field).collect()
}

/// Sends its body in two blocks and then two trailers, each in an event of its own.
async fn sums(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let mut headers = HeaderMap::new();
    if scope.path_info() == "/announced" {
        headers.insert(header::TRAILER, HeaderValue::from_static("x-sum, x-count"));
    }
    send.send(ResponseStart::new(StatusCode::OK, headers).with_trailers(true)).await?;
    send.block("bo").await?;
    send.last("dy").await?;
    let mut first = ResponseTrailers::last(fields(&[("x-sum", "4")]));
    first.more_trailers = true;
    send.send(first).await?;
    Ok(send.send(ResponseTrailers::last(fields(&[("x-count", "2")]))).await?)
}

/// The answer to a request with these lines, head and rest apart.
async fn answer(server: &Server, line: &str, lines: &str) -> (String, String) {
    let mut client = server.connect().await;
    client.send(format!("{line}\r\nhost: test\r\n{lines}connection: close\r\n\r\n")).await;
    let octets = String::from_utf8(client.closed().await).unwrap();
    let (head, rest) = octets.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), rest.to_owned())
}

const WITHOUT: &str = "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n";
const WITH: &str = "2\r\nbo\r\n2\r\ndy\r\n0\r\nx-sum: 4\r\nx-count: 2\r\n\r\n";

/// after the body, in chunked coding, all in one section.
#[test]
fn a_135_h_90_h_92_trailers_go_to_who_lists_them_in_te() {
    on_both_runtimes(async || {
        let server = Server::start(sums).await;
        for (lines, wanted) in [
            ("", WITHOUT),
            ("te: trailers\r\n", WITH),
            ("te: Trailers\r\n", WITH),
            ("te: gzip, trailers\r\n", WITH),
            ("te: gzip;q=0.5,  TRAILERS , deflate\r\n", WITH),
            ("te: gzip\r\nte: trailers\r\n", WITH),
            ("te: gzip\r\n", WITHOUT),
            ("te: xtrailers\r\n", WITHOUT),
            ("te: trailers2, no-trailers\r\n", WITHOUT),
            ("trailer: trailers\r\n", WITHOUT),
        ] {
            let (head, rest) = answer(&server, "GET /announced HTTP/1.1", lines).await;
            assert!(head.starts_with("http/1.1 200 ok"), "{lines:?}: {head}");
            assert!(head.contains("\r\ntransfer-encoding: chunked"), "{lines:?}: {head}");
            assert_eq!(rest, wanted, "{lines:?}");
        }
        server.stop().await;
    });
}

/// over HTTP/1.1 the fields that the head announces are sent.
#[test]
fn a_133_trailers_that_no_field_announces_end_the_response_all_the_same() {
    on_both_runtimes(async || {
        let server = Server::start(sums).await;
        let (_, rest) = answer(&server, "GET /silent HTTP/1.1", "te: trailers\r\n").await;
        assert_eq!(rest, WITHOUT);
        server.stop().await;
    });
}

/// H-83, H-84, H-88: no chunks and no trailers for HTTP/1.0; none for HEAD either (H-77).
#[test]
fn h_77_h_90_trailers_need_a_body_in_chunks() {
    on_both_runtimes(async || {
        let server = Server::start(sums).await;
        let (head, rest) = answer(&server, "GET /announced HTTP/1.0", "te: trailers\r\n").await;
        assert!(!head.contains("transfer-encoding"), "{head}");
        assert_eq!(rest, "body");
        let (_, rest) = answer(&server, "HEAD /announced HTTP/1.1", "te: trailers\r\n").await;
        assert_eq!(rest, "");
        server.stop().await;
    });
}

/// H-91: trailers of a connection that is kept end where they end.
#[test]
fn a_76_request_after_trailers_is_answered_in_its_place() {
    on_both_runtimes(async || {
        let server = Server::start(sums).await;
        let mut client = server.connect().await;
        for _ in 0..3 {
            client.send("GET /announced HTTP/1.1\r\nhost: test\r\nte: trailers\r\n\r\n").await;
            assert_eq!(client.head().await.status, 200);
            assert_eq!(client.exact(WITH.len()).await, WITH.as_bytes());
        }
        server.stop().await;
    });
}

/// H-87, A-106: the call ends between body and trailers.
#[test]
fn a_134_response_without_its_trailers_is_seen_to_be_cut() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            send.send(ResponseStart::new(StatusCode::OK, HeaderMap::new()).with_trailers(true)).await?;
            send.last("body").await?;
            send.flush().await?;
            Err::<(), _>(Error::new("on purpose"))
        };
        let server = Server::start(app).await;
        for lines in ["", "te: trailers\r\n"] {
            let (_, rest) = answer(&server, "GET / HTTP/1.1", lines).await;
            assert_eq!(rest, "4\r\nbody\r\n", "{lines:?}");
        }
        server.stop().await;
    });
}

/// Tells the fields and the trailers of a request.
async fn reads(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let head = request.head();
    let trailers = head.extensions().get::<RequestTrailers>().cloned();
    let early = trailers.as_ref().is_some_and(|trailers| trailers.get().is_some());
    let merged = head.headers().contains_key("x-sum");
    let body = receive.body(100).await?;
    let late = trailers.as_ref().and_then(RequestTrailers::get);
    let text = format!(
        "{} {} {early} {merged} {:?}",
        body.len(),
        trailers.is_some(),
        late.map(|fields| fields.get_all("x-sum").iter().collect::<Vec<_>>())
    );
    Ok(send.text(200, text).await?)
}

/// They are in the extensions of the head, once the body was read; and never among its fields.
#[test]
fn h_54_trailers_of_a_request_are_apart_from_its_fields() {
    on_both_runtimes(async || {
        let server = Server::start(reads).await;
        let mut client = server.connect().await;
        for (announced, end, seen) in [
            ("trailer: x-sum\r\n", "x-sum: 4\r\n", "4 true false false Some([\"4\"])"),
            ("trailer: x-sum\r\n", "x-sum: 4\r\nx-sum: 5\r\n", "4 true false false Some([\"4\", \"5\"])"),
            ("trailer: x-sum\r\n", "", "4 true false false None"),
            ("", "x-sum: 4\r\n", "4 false false false None"),
        ] {
            client
                .send(format!(
                    "POST / HTTP/1.1\r\nhost: test\r\n{announced}transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n{end}\r\n"
                ))
                .await;
            assert_eq!(client.response().await.text(), seen, "{announced:?} {end:?}");
        }
        server.stop().await;
    });
}

/// Without chunks there is no place for trailers, whatever a field says.
#[test]
fn h_54_request_with_a_length_has_no_trailers() {
    on_both_runtimes(async || {
        let server = Server::start(reads).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ntrailer: x-sum\r\ncontent-length: 4\r\n\r\nbody").await;
        assert_eq!(client.response().await.text(), "4 false false false None");
        client.send("GET / HTTP/1.1\r\nhost: test\r\ntrailer: x-sum\r\n\r\n").await;
        assert_eq!(client.response().await.text(), "0 false false false None");
        server.stop().await;
    });
}
