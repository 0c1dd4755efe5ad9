//! Open sockets, over a stream in memory.

use std::future::{Future, pending, poll_fn, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gateway_iface::asgi::event::{Accept, Message};
use gateway_iface::asgi::{self, Disconnect, Handshake};
use gateway_websocket::{Driver, Limit, Session, Settings};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::support::{Heard, Tell, Told, app, begin, frame, on_runtime, send_text};

#[test]
fn a_43_s_59_call_that_returns_ends_the_socket_and_all_is_told_in_order() {
    on_runtime(async {
        let (session, mut heard) = open(Settings::default(), |_| {
            app(async |receive, send| {
                let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                let message = socket.next().await?;
                Ok(socket.send(message).await?)
            })
        })
        .await;
        let (mut client, server) = duplex(1024);
        let socket = tokio::spawn(session.run(async { Ok(server) }));
        send_text(&mut client, "hello").await;
        assert_eq!(frame(&mut client).await, (0x81, b"hello".to_vec()));
        assert_eq!(frame(&mut client).await, (0x88, vec![0x03, 0xe8]));
        drop(client);
        socket.await.unwrap();
        for told in [Told::Opened, Told::Ended("complete"), Told::Over] {
            assert_eq!(heard.recv().await, Some(told));
        }
    });
}

#[test]
fn a_104_s_59_call_that_panics_closes_with_1011_and_is_told_of() {
    on_runtime(async {
        let (session, mut heard) = open(Settings::default(), |_| {
            app(async |receive, send| {
                let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                socket.next().await?;
                panic!("on purpose")
            })
        })
        .await;
        let (mut client, server) = duplex(1024);
        tokio::spawn(session.run(async { Ok(server) }));
        send_text(&mut client, "hello").await;
        assert_eq!(frame(&mut client).await, (0x88, vec![0x03, 0xf3]));
        assert_eq!(heard.recv().await, Some(Told::Opened));
        assert_eq!(heard.recv().await, Some(Told::Ended("panicked")));
    });
}

#[test]
fn s_59_shutdown_of_the_server_closes_with_1001() {
    on_runtime(async {
        let (session, mut heard) = open(Settings::default(), listens).await;
        let (mut client, server) = duplex(1024);
        let (stop, stopped) = oneshot::channel();
        let stopping = async { stopped.await.unwrap() };
        let socket = tokio::spawn(session.run_until(async { Ok(server) }, stopping));
        assert_eq!(heard.recv().await, Some(Told::Opened));
        stop.send(()).unwrap();
        assert_eq!(frame(&mut client).await, (0x88, vec![0x03, 0xe9]));
        assert_eq!(heard.recv().await, Some(Told::Closed(1001, Disconnect::Shutdown)));
        drop(client);
        socket.await.unwrap();
    });
}

#[test]
fn a_84_s_56_upgrade_that_fails_is_the_loss_of_the_client() {
    on_runtime(async {
        let (session, mut heard) = open(Settings::default(), listens).await;
        let failed = ready(Err::<DuplexStream, _>(io::ErrorKind::BrokenPipe.into()));
        session.run(failed).await;
        assert_eq!(heard.recv().await, Some(Told::Closed(1006, Disconnect::Client)));
        assert_eq!(heard.recv().await, Some(Told::Ended("complete")));
    });
}

#[test]
fn a_06_call_is_dropped_with_its_client_where_that_was_asked_for() {
    on_runtime(async {
        let settings = Settings::default().cancel_on_disconnect(true);
        let (session, mut heard) = open(settings, listens).await;
        let (client, server) = duplex(1024);
        drop(client);
        session.run(async { Ok(server) }).await;
        for told in [Told::Opened, Told::Ended("cancelled"), Told::Over] {
            assert_eq!(heard.recv().await, Some(told));
        }
    });
}

#[test]
fn client_that_takes_nothing_is_given_up() {
    on_runtime(async {
        let settings = Settings::default().write_timeout(Some(Duration::from_millis(20)));
        let (session, mut heard) = open(settings, |tell| {
            app(move |receive, send| {
                let tell = tell.clone();
                async move {
                    let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                    socket.send(Message::Binary(vec![7; 64 * 1024].into())).await?;
                    let end = socket.next().await.unwrap_err();
                    tell.send(Told::Closed(end.code(), end.disconnect())).unwrap();
                    Ok(())
                }
            })
        })
        .await;
        let (mut client, server) = duplex(1024);
        let socket = tokio::spawn(session.run(async { Ok(server) }));
        assert_eq!(heard.recv().await, Some(Told::Opened));
        assert_eq!(heard.recv().await, Some(Told::Hit(Limit::WriteTime)));
        assert_eq!(heard.recv().await, Some(Told::Closed(1006, Disconnect::Timeout)));
        socket.await.unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest.len(), 1024, "what was there before");
    });
}

#[test]
fn driver_that_moves_to_another_task_is_woken_there() {
    on_runtime(async {
        let (tell, told) = oneshot::channel::<()>();
        let told = std::sync::Mutex::new(Some(told));
        // No ping is to wake it.
        let settings = Settings::default().ping_interval(None);
        let (session, _heard) = open(settings, |_| {
            app(move |receive, send| {
                let told = told.lock().unwrap().take();
                async move {
                    let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                    // The call itself is woken by nothing.
                    tokio::spawn(async move {
                        told.unwrap().await.unwrap();
                        socket.send("from elsewhere").await.unwrap();
                        pending::<()>().await;
                    });
                    pending().await
                }
            })
        })
        .await;
        let (mut client, server) = duplex(1024);
        let mut driver = Driver::new(session, server);
        assert!(Pin::new(&mut driver).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        tokio::spawn(driver);
        tokio::task::yield_now().await;
        tell.send(()).unwrap();
        assert_eq!(frame(&mut client).await, (0x81, b"from elsewhere".to_vec()));
    });
}

#[test]
fn what_goes_on_behind_a_handshake_can_move_between_threads() {
    const fn is_send<T: Send>() {}
    const {
        is_send::<Session>();
        is_send::<Driver<DuplexStream>>();
        is_send::<gateway_websocket::Content>();
        is_send::<gateway_websocket::Accepting<fn(Session)>>();
    }
}

/// Listens, and tells how the socket ended.
fn listens(tell: UnboundedSender<Told>) -> Arc<dyn asgi::Application> {
    app(move |receive, send| {
        let tell = tell.clone();
        async move {
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            loop {
                if let Err(end) = socket.next().await {
                    tell.send(Told::Closed(end.code(), end.disconnect())).unwrap();
                    return Ok(());
                }
            }
        }
    })
}

/// A session whose handshake was accepted.
async fn open(
    settings: Settings,
    app: impl FnOnce(UnboundedSender<Told>) -> Arc<dyn asgi::Application>,
) -> (Session<Tell>, Heard) {
    let (mut session, heard) = begin(app, &settings);
    let response = poll_fn(|cx: &mut Context<'_>| -> Poll<_> { session.poll_reply(cx) }).await;
    assert_eq!(response.status(), 101);
    assert!(session.is_accepted());
    (session, heard)
}
