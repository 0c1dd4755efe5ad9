//! What a request may take: time, octets, fields.

use std::time::Duration;

use bytes::Bytes;
use gateway_hyper::{Builder, Limit};
use gateway_iface::Error;
use gateway_iface::asgi::{self, Disconnect};
use http::{HeaderMap, StatusCode};
use tokio::sync::mpsc;

use crate::support::{Client, Server, builder, hello, on_both_runtimes};

/// A limit on time that a test is to hit, short enough to wait for.
const SHORT: Option<Duration> = Some(Duration::from_millis(40));

/// Settings without any limit on time.
fn patient() -> Builder {
    builder()
        .header_read_timeout(None)
        .idle_timeout(None)
        .body_read_timeout(None)
        .write_timeout(None)
        .handler_timeout(None)
}

async fn read_all(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    let body = receive.body(usize::MAX).await?;
    Ok(send.text(200, format!("{}", body.len())).await?)
}

/// H-100: nobody is answered who sent nothing.
#[test]
fn h_100_head_that_does_not_come_is_answered_with_408_if_it_began() {
    on_both_runtimes(async || {
        let server = Server::with(patient().header_read_timeout(SHORT), hello).await;
        let mut begun = server.connect().await;
        begun.send("GET / HTTP/1.1\r\nhost: te").await;
        let response = begun.response().await;
        assert_eq!((response.status, response.header("connection")), (408, Some("close")));
        assert!(begun.closed().await.is_empty());
        assert!(server.connect().await.closed().await.is_empty());

        // A further request has the same time, from its first octet.
        let mut client = server.connect().await;
        assert_eq!(client.get("/").await.status, 200);
        client.send("GET").await;
        assert_eq!(client.response().await.status, 408);
        server.stop().await;
    });
}

/// Connections go on then, and so do their limits.
#[test]
fn h_100_limits_hold_when_serving_was_dropped() {
    on_both_runtimes(async || {
        let server = Server::with(patient().header_read_timeout(SHORT), hello).await;
        let mut client = server.connect().await;
        assert_eq!(client.get("/").await.status, 200);
        server.task.abort();
        assert!(server.task.await.unwrap_err().is_cancelled());
        client.send("GET").await;
        assert_eq!(client.response().await.status, 408);
    });
}

#[test]
fn h_100_idle_connection_is_closed() {
    on_both_runtimes(async || {
        let server = Server::with(patient().idle_timeout(SHORT), hello).await;
        let mut client = server.connect().await;
        for _ in 0..3 {
            assert_eq!(client.get("/").await.status, 200);
        }
        assert!(client.closed().await.is_empty());
        server.stop().await;
    });
}

/// H-49, H-100: while a slow body that comes fast enough is read to its end.
#[test]
fn h_100_body_that_stays_away_is_answered_with_408() {
    on_both_runtimes(async || {
        let server = Server::with(patient().body_read_timeout(SHORT), read_all).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n12345").await;
        assert_eq!(client.response().await.status, 408);
        client.closed().await;

        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 100005\r\n\r\n").await;
        // What came earns time: at 500 octets a second, 200 seconds.
        client.send(vec![b'x'; 100_000]).await;
        tokio::time::sleep(4 * SHORT.unwrap()).await;
        client.send("12345").await;
        assert_eq!(client.response().await.text(), "100005");
        server.stop().await;
    });
}

#[test]
fn application_learns_that_the_body_timed_out() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_http()?;
                let lost = receive.block().await.unwrap_err();
                let refused = send.text(200, "too late").await.unwrap_err();
                tell.send((lost, refused.disconnect())).unwrap();
                Err(refused.into())
            }
        };
        let server = Server::with(patient().body_read_timeout(SHORT), app).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n").await;
        assert_eq!(client.response().await.status, 408);
        assert_eq!(told.recv().await, Some((Disconnect::Timeout, Some(Disconnect::Timeout))));
        server.stop().await;
    });
}

#[test]
fn h_48_body_over_the_limit_is_answered_with_413() {
    on_both_runtimes(async || {
        let server = Server::with(patient().max_body_size(Some(5)), read_all).await;
        for (head, body, status) in [
            ("content-length: 5", "12345", 200),
            ("content-length: 6", "", 413),
            ("content-length: 9223372036854775807", "", 413),
            ("transfer-encoding: chunked", "5\r\n12345\r\n0\r\n\r\n", 200),
            ("transfer-encoding: chunked", "5\r\n12345\r\n1\r\n6\r\n", 413),
        ] {
            let mut client = server.connect().await;
            client.send(format!("POST / HTTP/1.1\r\nhost: test\r\n{head}\r\n\r\n{body}")).await;
            assert_eq!(client.response().await.status, status, "{head} {body}");
            if status == 413 {
                client.closed().await;
            }
        }
        assert_eq!(server.handle.stats().limit_hits(Limit::BodySize), 3);
        server.stop().await;
    });
}

/// The call goes on, and learns why nobody waits for it.
#[test]
fn application_that_is_too_slow_is_answered_for_with_503() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_http()?;
                let lost = receive.disconnected().await;
                drop(send);
                tell.send(lost).unwrap();
                Err(lost.into())
            }
        };
        let server = Server::with(patient().handler_timeout(SHORT), app).await;
        let mut client = server.connect().await;
        let response = client.get("/").await;
        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
        assert_eq!(told.recv().await, Some(Disconnect::Timeout));
        server.stop().await;
    });
}

#[test]
fn application_that_has_begun_its_response_has_all_the_time() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("slow").await?;
            tokio::time::sleep(4 * SHORT.unwrap()).await;
            Ok(send.last(" and steady").await?)
        };
        let server = Server::with(patient().handler_timeout(SHORT), app).await;
        assert_eq!(server.get("/").await.text(), "slow and steady");
        server.stop().await;
    });
}

#[test]
fn client_that_takes_nothing_is_disconnected() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_http()?;
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                loop {
                    if let Err(error) = send.block(Bytes::from_static(&[b'x'; 65536])).await {
                        tell.send(error.disconnect()).unwrap();
                        return Err(error.into());
                    }
                }
            }
        };
        let server = Server::with(patient().write_timeout(SHORT), app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        assert_eq!(told.recv().await, Some(Some(Disconnect::Timeout)));
        client.closed().await;
        server.stop().await;
    });
}

#[test]
fn last_request_of_a_connection_is_answered_with_close() {
    on_both_runtimes(async || {
        let server = Server::with(patient().max_requests(Some(3)), hello).await;
        let mut client = server.connect().await;
        for connection in [None, None, Some("close")] {
            let response = client.get("/").await;
            assert_eq!((response.status, response.header("connection")), (200, connection));
        }
        assert!(client.closed().await.is_empty());
        server.stop().await;
    });
}

#[test]
fn h_30_more_fields_than_there_may_be_are_answered_with_431() {
    on_both_runtimes(async || {
        for (most, fields, status) in
            [(100, 99, 200), (100, 100, 431), (3, 2, 200), (3, 3, 431), (200, 199, 200)]
        {
            let server = Server::with(patient().max_headers(most), hello).await;
            let mut client: Client = server.connect().await;
            let fields: String = (0..fields).map(|n| format!("x-{n}: {n}\r\n")).collect();
            client.send(format!("GET / HTTP/1.1\r\nhost: test\r\n{fields}\r\n")).await;
            assert_eq!(client.response().await.status, status, "{most}");
            server.stop().await;
        }
    });
}

/// A wait of one request says nothing of the next one.
#[test]
fn limits_are_for_each_request_anew() {
    on_both_runtimes(async || {
        let limit = Some(Duration::from_millis(600));
        let limits = patient().body_read_timeout(limit).header_read_timeout(limit).handler_timeout(limit);
        let server = Server::with(limits, read_all).await;
        let mut client = server.connect().await;
        for _ in 0..3 {
            client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\n12").await;
            // Three of these are more than the limit.
            tokio::time::sleep(Duration::from_millis(250)).await;
            client.send("345").await;
            assert_eq!(client.response().await.text(), "5");
        }
        server.stop().await;
    });
}

/// They wait for their answer until they are let go.
fn held() -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<tokio::sync::oneshot::Sender<()>>) {
    let (tell, told) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let tell = tell.clone();
        async move {
            scope.into_http()?;
            let (go, gone) = tokio::sync::oneshot::channel();
            tell.send(go)?;
            gone.await?;
            Ok::<_, Error>(send.text(200, "held").await?)
        }
    };
    (app, told)
}

#[test]
fn connection_too_many_is_turned_away_with_503() {
    on_both_runtimes(async || {
        let server = Server::with(patient().max_connections(Some(2)), hello).await;
        let (mut one, mut two) = (server.connect().await, server.connect().await);
        assert_eq!((one.get("/").await.status, two.get("/").await.status), (200, 200));
        let mut three = server.connect().await;
        let response = three.get("/").await;
        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
        assert!(three.closed().await.is_empty());
        drop(two);
        // There is room again as soon as the server has seen that.
        while server.get("/").await.status != 200 {}
        assert_eq!(one.get("/").await.status, 200);
        assert!(server.handle.stats().limit_hits(Limit::Connections) >= 1);
        server.stop().await;
    });
}

#[test]
fn request_too_many_is_answered_with_503() {
    on_both_runtimes(async || {
        let (app, mut told) = held();
        let server = Server::with(patient().max_concurrent_requests(Some(2)), app).await;
        let (mut one, mut two) = (server.connect().await, server.connect().await);
        one.ask("/").await;
        two.ask("/").await;
        let (go_one, go_two) = (told.recv().await.unwrap(), told.recv().await.unwrap());
        let mut three = server.connect().await;
        let response = three.get("/").await;
        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
        go_one.send(()).unwrap();
        go_two.send(()).unwrap();
        assert_eq!((one.response().await.text(), two.response().await.text()), ("held", "held"));
        // The connection that was refused can go on.
        three.ask("/").await;
        told.recv().await.unwrap().send(()).unwrap();
        assert_eq!(three.response().await.text(), "held");
        server.stop().await;
    });
}
