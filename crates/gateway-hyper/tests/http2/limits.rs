//! What a request may take, over HTTP/2.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_hyper::Builder;
use gateway_iface::Error;
use gateway_iface::asgi::{self, Disconnect};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{Server, builder, get, on_both_runtimes, post, read};

const SHORT: Option<Duration> = Some(Duration::from_millis(40));

fn patient() -> Builder {
    builder().header_read_timeout(None).idle_timeout(None).body_read_timeout(None).write_timeout(None)
}

async fn length(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    let body = receive.body(usize::MAX).await?;
    Ok(send.text(200, format!("{}", body.len())).await?)
}

#[test]
fn h_100_idle_connection_is_told_to_go() {
    on_both_runtimes(async || {
        let server = Server::with(patient().idle_timeout(SHORT), length).await;
        let mut client = server.connect().await;
        assert_eq!(client.get("/").await.status(), 200);
        drop(client.requests);
        assert!(client.connection.await.unwrap().is_ok());
        server.stop().await;
    });
}

/// One that is told to go, answers nothing, and stays.
#[test]
fn h_100_idle_connection_that_does_not_go_is_closed() {
    on_both_runtimes(async || {
        let server = Server::with(patient().idle_timeout(SHORT), length).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        server.stop().await;
    });
}

#[test]
fn h_100_body_that_stays_away_is_answered_with_408() {
    on_both_runtimes(async || {
        let server = Server::with(patient().body_read_timeout(SHORT), length).await;
        let mut client = server.connect().await;
        let (response, mut body) = client.open(post("/"), false).await;
        body.send_data(Bytes::from_static(b"some"), false).unwrap();
        assert_eq!(response.await.unwrap().status(), 408);
        assert_eq!(client.get("/").await.status(), 200);
        server.stop().await;
    });
}

#[test]
fn h_48_body_over_the_limit_is_answered_with_413() {
    on_both_runtimes(async || {
        let server = Server::with(patient().max_body_size(Some(5)), length).await;
        let mut client = server.connect().await;
        for (announced, octets, status) in [(None, 5, 200), (None, 6, 413), (Some("6"), 6, 413)] {
            let mut request = post("/");
            if let Some(length) = announced {
                request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static(length));
            }
            let (response, mut body) = client.open(request, false).await;
            // It may be refused before this.
            let _ = body.send_data(Bytes::from(vec![b'x'; octets]), true);
            assert_eq!(response.await.unwrap().status(), status, "{announced:?} {octets}");
        }
        server.stop().await;
    });
}

#[test]
fn application_that_is_too_slow_is_answered_for_with_503() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, mut receive: asgi::Receive, send: asgi::Send| {
            scope.into_http()?;
            let lost = receive.disconnected().await;
            drop(send);
            Err::<(), Error>(lost.into())
        };
        let server = Server::with(patient().handler_timeout(SHORT), app).await;
        let response = server.connect().await.get("/").await;
        assert_eq!((response.status().as_u16(), response.headers().contains_key("retry-after")), (503, true));
        server.stop().await;
    });
}

#[test]
fn client_that_takes_nothing_loses_its_stream() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_http()?;
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                loop {
                    if let Err(error) = send.block(Bytes::from_static(&[0; 65536])).await {
                        tell.send(error.disconnect()).unwrap();
                        return Err::<(), Error>(error.into());
                    }
                }
            }
        };
        let server = Server::with(patient().write_timeout(SHORT), app).await;
        let mut client = server.connect().await;
        let (response, _) = client.open(get("/"), true).await;
        let response = response.await.unwrap();
        assert_eq!(told.recv().await, Some(Some(Disconnect::Timeout)));
        assert!(read(response).await.is_err());
        server.stop().await;
    });
}

/// The limit is on the time in which nothing is taken, however long the whole takes.
#[test]
fn client_that_takes_little_but_goes_on_keeps_its_stream() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            loop {
                send.block(Bytes::from_static(&[0; 65536])).await?;
            }
            #[expect(unreachable_code, reason = "it gives the application its type")]
            Ok::<(), Error>(())
        };
        let limit = Duration::from_millis(600);
        let server = Server::with(patient().write_timeout(Some(limit)), app).await;
        let mut client = server.connect_by(h2::client::Builder::new().initial_window_size(1024)).await;
        let (response, _) = client.open(get("/"), true).await;
        let mut body = response.await.unwrap().into_body();
        let began = Instant::now();
        while began.elapsed() < 2 * limit {
            let block = body.data().await.expect("cut off").expect("cut off");
            tokio::time::sleep(limit / 12).await;
            body.flow_control().release_capacity(block.len()).unwrap();
        }
        drop((body, client));
        server.stop().await;
    });
}
