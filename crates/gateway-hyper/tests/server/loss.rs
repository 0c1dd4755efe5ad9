//! Clients that go away, and who is told.

use std::io::Read;
use std::sync::Arc;

use gateway_iface::asgi::{Disconnect, SendError};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Client, Log, Server, both_ways, on_both_runtimes, on_current_thread};

type Tellings = mpsc::UnboundedReceiver<String>;

/// Waits as its path says, and tells when it begins to and what it was told.
fn waits() -> (impl asgi::Application + 'static, Tellings) {
    let (tell, told) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
        let tell = tell.clone();
        async move {
            let scope = scope.into_http()?;
            match scope.path_info() {
                "/receive" => {
                    receive.body(1000).await?;
                    tell.send("waits".to_owned())?;
                    let first = receive.receive().await.disconnect();
                    assert_eq!(receive.receive().await.disconnect(), first, "A-99: it is sticky");
                    assert_eq!(receive.disconnected().await, first.unwrap());
                    tell.send(format!("{first:?}"))?;
                }
                "/disconnected" => {
                    tell.send("waits".to_owned())?;
                    tell.send(format!("{:?}", Some(receive.disconnected().await)))?;
                }
                "/stream" => {
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    send.block("one").await?;
                    tell.send("waits".to_owned())?;
                    tell.send(format!("{:?}", Some(receive.disconnected().await)))?;
                }
                "/upload" => {
                    let mut len = 0;
                    let end = loop {
                        match receive.block().await {
                            Ok(Some(block)) => {
                                len += block.len();
                                tell.send("waits".to_owned())?;
                            }
                            Ok(None) => break None,
                            Err(reason) => break Some(reason),
                        }
                    };
                    assert!(len > 0);
                    tell.send(format!("{end:?}"))?;
                }
                path => return Err(Error::new(path.to_owned())),
            }
            let sent = send.text(200, "too late").await;
            let first = matches!(sent, Err(SendError::Disconnected(Disconnect::Client)));
            tell.send(if first { "send failed".to_owned() } else { format!("{sent:?}") })?;
            Ok::<(), Error>(sent?)
        }
    };
    (app, told)
}

/// Sends this, goes away once the application waits, and checks what the application is told.
async fn goes_away(head: &str, leave: impl AsyncFn(Client)) {
    let (app, mut told) = waits();
    let server = Server::start(app).await;
    let mut client = server.connect().await;
    client.send(head).await;
    assert_eq!(told.recv().await.unwrap(), "waits", "{head}");
    leave(client).await;
    assert_eq!(told.recv().await.unwrap(), "Some(Client)", "{head}");
    assert!(told.recv().await.unwrap().contains("send failed") || head.contains("/stream"), "{head}");
    server.stop().await;
}

async fn by_closing(client: Client) {
    drop(client);
}

async fn by_reset(client: Client) {
    client.reset();
}

#[test]
fn a_100_application_that_only_waits_in_receive_learns_of_the_loss() {
    on_both_runtimes(async || {
        goes_away("GET /receive HTTP/1.1\r\nhost: test\r\n\r\n", by_closing).await;
        goes_away("GET /receive HTTP/1.1\r\nhost: test\r\n\r\n", by_reset).await;
        goes_away("POST /receive HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody", by_closing).await;
        goes_away(
            "POST /receive HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            by_closing,
        )
        .await;
    });
}

#[test]
fn a_100_application_that_waits_for_the_loss_without_reading_learns_of_it() {
    on_both_runtimes(async || {
        goes_away("GET /disconnected HTTP/1.1\r\nhost: test\r\n\r\n", by_closing).await;
        goes_away("GET /disconnected HTTP/1.1\r\nhost: test\r\n\r\n", by_reset).await;
        goes_away("GET /stream HTTP/1.1\r\nhost: test\r\n\r\n", by_closing).await;
        goes_away("GET /stream HTTP/1.1\r\nhost: test\r\n\r\n", by_reset).await;
    });
}

#[test]
fn a_100_application_that_waits_for_the_loss_learns_of_it_though_a_whole_body_is_unread() {
    on_both_runtimes(async || {
        goes_away("POST /disconnected HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody", by_closing)
            .await;
    });
}

#[test]
fn a_100_application_that_waits_for_the_loss_learns_of_it_in_the_middle_of_an_upload() {
    on_both_runtimes(async || {
        goes_away("POST /disconnected HTTP/1.1\r\nhost: test\r\ncontent-length: 400\r\n\r\nbody", by_closing)
            .await;
        goes_away("POST /disconnected HTTP/1.1\r\nhost: test\r\ncontent-length: 400\r\n\r\n", by_reset).await;
    });
}

#[test]
fn a_67_upload_that_is_cut_is_a_disconnect_and_never_an_end() {
    on_both_runtimes(async || {
        goes_away("POST /upload HTTP/1.1\r\nhost: test\r\ncontent-length: 400\r\n\r\nbody", by_closing).await;
        goes_away("POST /upload HTTP/1.1\r\nhost: test\r\ncontent-length: 400\r\n\r\nbody", by_reset).await;
        goes_away(
            "POST /upload HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n",
            by_closing,
        )
        .await;
    });
}

#[test]
fn a_67_h_50_upload_with_a_broken_chunk_is_a_disconnect_never_an_end_and_is_answered() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                let catches = scope.into_http()?.path_info() == "/catches";
                let error = loop {
                    match receive.block().await {
                        Ok(Some(_)) => tell.send("waits".to_owned())?,
                        Ok(None) => return Err(Error::new("a forged end")),
                        Err(reason) => break reason,
                    }
                };
                tell.send(error.to_string())?;
                if !catches {
                    return Err(error.into());
                }
                send.text(422, "broken").await?;
                Ok::<(), Error>(())
            }
        };
        let server = Server::start(app).await;
        for (path, status) in [("/catches", 422), ("/fails", 400)] {
            let mut client = server.connect().await;
            let head = format!("POST {path} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
            client.send(head + "4\r\nbody\r\n").await;
            assert_eq!(told.recv().await.unwrap(), "waits");
            client.send("nonsense\r\n").await;
            assert_eq!(told.recv().await.unwrap(), Disconnect::Client.to_string());
            assert_eq!(client.response().await.status, status);
            client.closed().await;
        }
        server.stop().await;
    });
}

#[test]
fn w_82_a_154_upload_that_is_cut_is_an_error_of_the_input() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |mut environ: Environ, start_response: &mut dyn StartResponse| {
            let mut first = [0; 4];
            environ.input().read_exact(&mut first)?;
            tell.send("waits".to_owned())?;
            let error = environ.input().read_to_end(&mut Vec::new()).unwrap_err();
            tell.send(format!("{:?}", error.kind()))?;
            start_response.start(StatusCode::OK, HeaderMap::new())?;
            Ok(Body::empty())
        };
        let [(_, pool), (_, inline)] = both_ways(app);
        let server = Server::start(pool).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 400\r\n\r\nbody").await;
        assert_eq!(told.recv().await.unwrap(), "waits");
        drop(client);
        assert_eq!(told.recv().await.unwrap(), "BrokenPipe");
        server.stop().await;

        // Inline the body is read before the call, so there is none.
        let server = Server::start(inline).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 400\r\n\r\nbody").await;
        drop(client);
        server.stop().await;
        assert!(told.try_recv().is_err());
    });
}

#[test]
fn a_95_a_96_error_of_a_lost_client_that_comes_back_is_not_the_applications_fault() {
    on_current_thread(async || {
        let log = Log::start();
        for head in [
            "GET /receive HTTP/1.1\r\nhost: test\r\n\r\n",
            "GET /stream HTTP/1.1\r\nhost: test\r\n\r\n",
            "POST /upload HTTP/1.1\r\nhost: test\r\ncontent-length: 400\r\n\r\nbody",
        ] {
            goes_away(head, by_closing).await;
            assert_eq!(log.errors(), [""; 0], "{head}");
        }
    });
}

#[test]
fn w_120_error_of_a_lost_client_on_the_pool_and_inline_is_not_the_applications_fault() {
    on_current_thread(async || {
        let log = Log::start();
        let app = |_: Environ, start_response: &mut dyn StartResponse| {
            start_response.start(StatusCode::OK, HeaderMap::new())?;
            Ok(Body::blocks(std::iter::repeat("block".repeat(1000))))
        };
        for (name, app) in both_ways(app) {
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            client.ask("/").await;
            client.head().await;
            drop(client);
            server.stop().await;
            assert_eq!(log.errors(), [""; 0], "{name}");
        }
    });
}

#[test]
fn a_104_another_error_after_the_loss_is_the_applications_fault() {
    on_current_thread(async || {
        let log = Log::start();
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, _: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_http()?;
                tell.send(())?;
                receive.disconnected().await;
                Err::<(), Error>(Error::new("of its own"))
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        told.recv().await.unwrap();
        drop(client);
        server.stop().await;
        assert_eq!(log.errors().len(), 1);
        assert!(log.errors()[0].contains("of its own"));
    });
}

#[test]
fn a_99_receive_after_a_complete_response_tells_so_at_once() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_http()?;
                send.text(200, "done").await?;
                for _ in 0..2 {
                    tell.send(receive.receive().await.disconnect())?;
                }
                tell.send(Some(receive.disconnected().await))?;
                Ok::<(), Error>(())
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody").await;
        client.response().await;
        for _ in 0..3 {
            assert_eq!(told.recv().await.unwrap(), Some(Disconnect::Complete));
        }
        server.stop().await;
    });
}

#[test]
fn a_99_receive_that_waits_is_told_when_another_task_completes_the_response() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = {
            let gate = Arc::clone(&gate);
            move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
                let (gate, tell) = (Arc::clone(&gate), tell.clone());
                async move {
                    scope.into_http()?;
                    receive.body(10).await?;
                    let sender = tokio::spawn(async move {
                        gate.acquire().await.unwrap().forget();
                        send.text(200, "from a task").await
                    });
                    tell.send(None)?;
                    tell.send(receive.receive().await.disconnect())?;
                    Ok::<(), Error>(sender.await??)
                }
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        for _ in 0..10 {
            client.ask("/").await;
            assert_eq!(told.recv().await.unwrap(), None);
            gate.add_permits(1);
            assert_eq!(client.response().await.text(), "from a task");
            assert_eq!(told.recv().await.unwrap(), Some(Disconnect::Complete));
        }
        server.stop().await;
    });
}
