//! Bodies of requests and responses.

use bytes::Bytes;
use gateway_iface::asgi::{self, Disconnect};
use gateway_iface::{BoxError, Error};
use h2::Reason;
use http::{HeaderMap, StatusCode, header};
use tokio::sync::mpsc;

use crate::support::{Server, builder, get, on_both_runtimes, post, read};

async fn echo(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    while let Some(block) = receive.block().await? {
        send.block(block).await?;
    }
    Ok(send.last(Bytes::new()).await?)
}

/// Far more than every window and buffer on the way.
#[test]
fn a_55_large_body_goes_in_and_out() {
    on_both_runtimes(async || {
        let server = Server::start(echo).await;
        let mut client = server.connect().await;
        let upload: Bytes = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let (response, mut body) = client.open(post("/"), false).await;
        let mut rest = upload.clone();
        let sending = tokio::spawn(async move {
            while !rest.is_empty() {
                body.reserve_capacity(rest.len());
                let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await.unwrap().unwrap();
                let block = rest.split_to(room);
                body.send_data(block, rest.is_empty()).unwrap();
            }
        });
        let (response, trailers) = read(response.await.unwrap()).await.unwrap();
        sending.await.unwrap();
        assert!(response.body() == &upload && trailers.is_none());
        server.stop().await;
    });
}

/// whatever the tasks of connection and stream do at the same time, an application that waits for room goes on
/// when there is some.
#[test]
fn a_69_application_that_waits_for_room_goes_on() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            for _ in 0..BLOCKS {
                send.block(Bytes::from_static(&[b'x'; BLOCK])).await?;
            }
            Ok(send.last(Bytes::new()).await?)
        };
        let server = Server::start(app).await;
        let mut windows = h2::client::Builder::new();
        windows.initial_window_size(2 << 20).initial_connection_window_size(5 << 20);
        let mut client = server.connect_by(&windows).await;
        for _ in 0..ROUNDS {
            assert_eq!(client.get("/").await.body().len(), BLOCKS * BLOCK);
        }
        drop(client);
        server.stop().await;
    });
}

/// A-74, H-84: what came whole has its length.
#[test]
fn h_84_whole_response_has_a_length_and_a_stream_has_none() {
    on_both_runtimes(async || {
        let whole = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            Ok(send.text(200, "whole").await?)
        };
        let server = Server::start(whole).await;
        let response = server.connect().await.get("/").await;
        assert_eq!(
            (response.headers()[header::CONTENT_LENGTH].as_bytes(), &response.body()[..]),
            (&b"5"[..], &b"whole"[..])
        );
        server.stop().await;
        let stream = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("str").await?;
            tokio::task::yield_now().await;
            Ok(send.last("eam").await?)
        };
        let server = Server::start(stream).await;
        let response = server.connect().await.get("/").await;
        assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
        assert_eq!(response.body(), "stream");
        server.stop().await;
    });
}

/// H-113: with a body that is not what was announced.
#[test]
fn h_113_body_of_another_length_resets_the_stream() {
    on_both_runtimes(async || {
        let server = Server::start(echo).await;
        let mut client = server.connect().await;
        let mut request = post("/");
        request.headers_mut().insert(header::CONTENT_LENGTH, 5.into());
        let (response, mut body) = client.open(request, false).await;
        body.send_data(Bytes::from_static(b"123"), true).unwrap();
        let error = match response.await {
            Ok(response) => read(response).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.reason(), Some(Reason::PROTOCOL_ERROR));
        // The connection goes on.
        assert_eq!(client.get("/").await.status(), 200);
        server.stop().await;
    });
}

/// A-106, H-87: what is cut is seen to be cut; and an error costs its own stream only.
#[test]
fn a_104_a_106_failure_is_answered_before_the_head_and_breaks_off_after_it() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let request = scope.into_http()?;
            match request.head().raw_path() {
                "/early" => Err(Error::new("on purpose")),
                "/panic" => panic!("on purpose"),
                "/late" => {
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    send.block("cut").await?;
                    send.flush().await?;
                    Err(Error::new("on purpose"))
                }
                _ => Ok(send.text(200, "well").await?),
            }
        };
        let server = Server::despite(&["A-65"], builder(), app).await;
        let mut client = server.connect().await;
        assert_eq!(client.get("/early").await.status(), 500);
        assert_eq!(client.get("/panic").await.status(), 500);
        let (response, _) = client.open(get("/late"), true).await;
        let error = match response.await {
            Ok(response) => read(response).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
        assert_eq!(client.get("/").await.body(), "well");
        server.stop().await;
    });
}

/// the call goes on, and learns of it whatever it waits for.
#[test]
fn a_100_stream_that_the_client_resets_is_lost() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                let request = scope.into_http()?;
                tell.send(None)?;
                let lost = match request.head().raw_path() {
                    "/waits" => receive.disconnected().await,
                    "/reads" => receive.block().await.unwrap_err(),
                    _ => {
                        send.start(StatusCode::OK, HeaderMap::new()).await?;
                        loop {
                            if let Err(error) = send.block(Bytes::from_static(&[0; 4096])).await {
                                break error.disconnect().unwrap();
                            }
                        }
                    }
                };
                tell.send(Some(lost))?;
                Err::<(), Error>(lost.into())
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        for path in ["/waits", "/reads", "/sends"] {
            let (response, mut body) = client.open(post(path), false).await;
            assert_eq!(told.recv().await, Some(None));
            body.send_reset(Reason::CANCEL);
            drop(response);
            assert_eq!(told.recv().await, Some(Some(Disconnect::Client)), "{path}");
        }
        // The whole connection.
        let (_response, _body) = client.open(post("/waits"), false).await;
        assert_eq!(told.recv().await, Some(None));
        client.connection.abort();
        assert_eq!(told.recv().await, Some(Some(Disconnect::Client)));
        server.stop().await;
    });
}

/// H-47, H-56: a client that would send on is told that nobody reads it, and gets its answer.
#[test]
fn body_that_no_one_reads_does_not_hold_up_the_answer() -> Result<(), BoxError> {
    on_both_runtimes(async || {
        let hello = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            Ok(send.text(200, "no, thanks").await?)
        };
        let server = Server::start(hello).await;
        let mut client = server.connect().await;
        let (response, _body) = client.open(post("/"), false).await;
        assert_eq!(read(response.await.unwrap()).await.unwrap().0.body(), "no, thanks");
        assert_eq!(client.get("/").await.body(), "no, thanks");
        server.stop().await;
    });
    Ok(())
}

const ROUNDS: usize = 16;
const BLOCKS: usize = 256;
const BLOCK: usize = 65_547;
