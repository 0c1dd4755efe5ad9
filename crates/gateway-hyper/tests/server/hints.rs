//! Early hints, and where they may stand.

use gateway_iface::asgi::event::EarlyHint;
use gateway_iface::{Error, asgi};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::mpsc;

use crate::support::{Server, on_both_runtimes};

fn hint(links: &[&str]) -> EarlyHint {
    EarlyHint::new(links.iter().map(|link| HeaderValue::from_str(link).unwrap()).collect())
}

/// Hints at what its path names, then answers with that.
async fn hints(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let path = scope.path_info().to_owned();
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    send.send(hint(&[&format!("<{path}>")])).await?;
    tokio::task::yield_now().await;
    let streamed = path.len() % 2 == 0;
    send.block(path).await?;
    if streamed {
        tokio::task::yield_now().await;
    }
    Ok(send.last("").await?)
}

/// H-93: in a response of their own, with nothing but the links, before anything of the final head.
#[test]
fn a_131_hints_go_ahead_of_the_head() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::channel(1);
        let tell = std::sync::Arc::new(tokio::sync::Mutex::new(tell));
        let (go, gone) = mpsc::channel::<()>(1);
        let gone = std::sync::Arc::new(tokio::sync::Mutex::new(gone));
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let (tell, gone) = (tell.clone(), gone.clone());
            async move {
                scope.into_http()?;
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                send.send(hint(&["</a.css>; rel=preload", "</b.js>; rel=preload"])).await?;
                gone.lock().await.recv().await;
                send.send(hint(&["</c.js>"])).await?;
                gone.lock().await.recv().await;
                tell.lock().await.send(()).await?;
                Ok::<_, Error>(send.last("body").await?)
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        // Each is on its way while the application is still at its answer.
        for octets in [
            "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nlink: </b.js>; rel=preload\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nlink: </c.js>\r\n\r\n",
        ] {
            assert_eq!(String::from_utf8(client.exact(octets.len()).await).unwrap(), octets);
            assert!(told.try_recv().is_err());
            go.send(()).await.unwrap();
        }
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (200, "body"));
        assert_eq!(response.header("link"), None);
        server.stop().await;
    });
}

#[test]
fn a_132_h_58_http_1_0_gets_no_hints() {
    on_both_runtimes(async || {
        let server = Server::start(hints).await;
        for keep in ["", "connection: keep-alive\r\n"] {
            let mut client = server.connect().await;
            client.send(format!("GET /a HTTP/1.0\r\nhost: test\r\n{keep}\r\n")).await;
            let response = client.head().await;
            assert_eq!((response.status, response.header("link")), (200, None));
            assert_eq!(client.exact(2).await, b"/a");
            if keep.is_empty() {
                assert_eq!(client.closed().await, b"");
            }
        }
        server.stop().await;
    });
}

/// each response has its own hints ahead of it, and nothing in it.
#[test]
fn a_132_h_97_hints_stay_with_their_response_when_requests_are_pipelined() {
    on_both_runtimes(async || {
        let server = Server::start(hints).await;
        let mut client = server.connect().await;
        let paths: Vec<_> = (0..40).map(|number| format!("/{}{number}", "x".repeat(number * 100))).collect();
        let ask = |path: &String| format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
        client.send(paths.iter().map(ask).collect::<String>()).await;
        let mut hinted = 0;
        for path in &paths {
            let mut head = client.head().await;
            while head.status == 103 {
                hinted += 1;
                assert_eq!(head.header("link"), Some(&*format!("<{path}>")));
                head = client.head().await;
            }
            assert_eq!((head.status, head.header("link")), (200, None));
            if let Some(length) = head.header("content-length") {
                assert_eq!(client.exact(length.parse().unwrap()).await, path.as_bytes());
                continue;
            }
            let mut body = Vec::new();
            while let Some(chunk) = client.chunk().await.filter(|chunk| !chunk.is_empty()) {
                body.extend(chunk);
            }
            assert_eq!(body, path.as_bytes());
        }
        // Each may be left out where something of the response before it is still to be written; not all are.
        assert!(hinted > 0);
        server.stop().await;
    });
}

#[test]
fn a_132_hint_after_the_head_is_accepted_and_dropped() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("one").await?;
            send.send(hint(&["</late>"])).await?;
            send.flush().await?;
            send.send(hint(&["</later>"])).await?;
            Ok::<_, Error>(send.last("two").await?)
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        let octets = String::from_utf8(client.closed().await).unwrap();
        assert!(octets.starts_with("HTTP/1.1 200 OK\r\n"), "{octets}");
        assert!(octets.ends_with("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n") && !octets.contains("103"), "{octets}");
        server.stop().await;
    });
}

/// H-60: a call that fails after its hints is answered for; 103 is no answer.
#[test]
fn h_65_a_106_hints_are_followed_by_a_final_answer() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.send(hint(&["</a>"])).await?;
            tokio::task::yield_now().await;
            Err::<(), _>(Error::new("on purpose"))
        };
        let server = Server::despite(&["A-65"], app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        assert_eq!(client.head().await.status, 103);
        assert_eq!(client.response().await.status, 500);
        // The connection is as good as before.
        client.ask("/").await;
        assert_eq!(client.head().await.status, 103);
        server.stop().await;
    });
}
