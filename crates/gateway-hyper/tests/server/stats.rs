//! The figures of a server, and what shows them.

use std::sync::Arc;
use std::time::Duration;

use gateway_hyper::{Limit, Probes};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Server, builder, hello, on_both_runtimes};

#[test]
fn figures_follow_a_request_from_its_connection_to_its_end() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (began, mut begins) = mpsc::unbounded_channel();
        let opens = Arc::clone(&gate);
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let (gate, began) = (Arc::clone(&opens), began.clone());
            async move {
                scope.into_http()?;
                began.send(())?;
                gate.acquire().await?.forget();
                Ok::<(), Error>(send.text(404, "gone").await?)
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        begins.recv().await.unwrap();
        let stats = server.handle.stats();
        assert_eq!((stats.connections(), stats.open_connections()), (1, 1));
        assert_eq!((stats.requests(), stats.requests_in_flight(), stats.responses(4)), (1, 1, 0));
        gate.add_permits(1);
        client.response().await;
        drop(client);
        while server.handle.stats().open_connections() > 0 {
            tokio::task::yield_now().await;
        }
        let stats = server.handle.stats();
        assert_eq!((stats.requests(), stats.requests_in_flight()), (1, 0));
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|class| stats.responses(class)), [0, 0, 0, 0, 1, 0, 0]);
        server.stop().await;
    });
}

#[test]
fn failures_refusals_and_limits_have_figures_of_their_own() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| match scope
            .into_http()?
            .path_info()
        {
            "/fails" => Err(Error::new("on purpose")),
            "/panics" => panic!("on purpose"),
            _ => Ok(send.text(200, "").await?),
        };
        let server = Server::with(builder().max_head_size(8 * 1024), app).await;
        for path in ["/fails", "/panics"] {
            assert_eq!(server.get(path).await.status, 500);
        }
        for (head, status) in [
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
            ("nothing like a request\r\n\r\n".to_owned(), 400),
            (format!("GET / HTTP/1.1\r\nhost: test\r\nx: {}\r\n\r\n", "x".repeat(9000)), 431),
        ] {
            let mut client = server.connect().await;
            client.send(head).await;
            assert_eq!(client.head().await.status, status);
            client.closed().await;
        }
        while server.handle.stats().open_connections() > 0 {
            tokio::task::yield_now().await;
        }
        let stats = server.handle.stats();
        assert_eq!((stats.application_errors(), stats.application_panics()), (1, 1));
        assert_eq!((stats.requests(), stats.requests_in_flight(), stats.malformed()), (3, 0, 2));
        assert_eq!((stats.responses(5), stats.responses(4)), (2, 1));
        assert_eq!(stats.limit_hits(Limit::HeadSize), 1);
        server.stop().await;
    });
}

#[test]
fn a_65_a_66_call_that_returns_before_its_response_is_complete_is_a_failure() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            if scope.into_http()?.path_info() == "/begins" {
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                send.block("some of it").await?;
            }
            Ok::<(), Error>(())
        };
        let server = Server::despite(&["A-65", "A-66"], app).await;
        assert_eq!(server.get("/").await.status, 500);
        assert!(!server.get("/begins").await.complete);
        let stats = server.handle.stats();
        assert_eq!((stats.application_errors(), stats.application_panics()), (2, 0));
        server.stop().await;
    });
}

#[test]
fn octets_are_counted_as_they_pass() {
    on_both_runtimes(async || {
        let server = Server::start(hello).await;
        let mut client = server.connect().await;
        let request = "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
        client.send(request).await;
        let answer = client.closed().await;
        let stats = server.handle.stats();
        assert_eq!(stats.octets_received(), request.len() as u64);
        // What the client has may have been read before it is counted.
        while server.handle.stats().octets_sent() != answer.len() as u64 {
            tokio::task::yield_now().await;
        }
        server.stop().await;
    });
}

#[test]
fn text_for_prometheus_is_well_formed() {
    on_both_runtimes(async || {
        let server = builder().bind("127.0.0.1:0").await.unwrap();
        let text = server.handle().stats().to_prometheus();
        let (mut described, mut typed) = (Vec::new(), Vec::new());
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                described.push(rest.split_once(' ').unwrap().0);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(!typed.contains(&name), "{line}: once each");
                typed.push(name);
            } else {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                value.parse::<f64>().unwrap();
                let name = sample.split('{').next().unwrap();
                assert_eq!(typed.last(), Some(&name), "{line}: below its type");
                if let Some((_, labels)) = sample.split_once('{') {
                    let (label, value) = labels.strip_suffix("\"}").unwrap().split_once("=\"").unwrap();
                    assert!(
                        label.bytes().chain(value.bytes()).all(|octet| octet.is_ascii_graphic()),
                        "{line}"
                    );
                }
            }
        }
        assert_eq!(described, typed);
    });
}

#[test]
fn health_is_good_until_the_server_stops_and_drain_delay_lets_others_see_it() {
    on_both_runtimes(async || {
        let server = builder().drain_delay(Duration::from_secs(100_000)).bind("127.0.0.1:0").await.unwrap();
        let probes = Probes::new(hello, server.handle()).with_health("/healthz");
        let server = Server::of(server, probes);
        assert_eq!(server.get("/healthz").await.status, 200);
        let mut post = server.connect().await;
        post.send("POST /healthz HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n").await;
        let refused = post.response().await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
        assert!(!server.handle.is_draining());
        server.handle.shutdown();
        while server.get("/healthz").await.status != 503 {}
        assert!(server.handle.is_draining() && server.handle.stats().is_draining());
        assert_eq!(server.get("/").await.text(), "Hello, World!");
        server.task.abort();
    });
}
