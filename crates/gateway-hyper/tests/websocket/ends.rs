//! Applications that end (S-23, S-59, A-94, A-104), and what becomes of calls whose client is gone.

use gateway_iface::Error;
use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Handshake};
use tokio::sync::mpsc;

use crate::support::{Log, Server, builder, on_both_runtimes, on_current_thread};
use crate::wire::{Wire, shake_hands};

/// Ends as its path says, before or after it has opened the socket.
async fn ends(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_websocket()?;
    let path = scope.head().path_info().to_owned();
    let handshake = Handshake::begin(receive, send).await?;
    let end = |how: &str| match how {
        "returns" => Ok(()),
        "fails" => Err(Error::new("on purpose")),
        _ => panic!("on purpose"),
    };
    if let Some(how) = path.strip_prefix("/early/") {
        return end(how);
    }
    let mut socket = handshake.accept(Accept::new()).await?;
    if let Some(how) = path.strip_prefix("/at-once/") {
        return end(how);
    }
    let how = path.strip_prefix("/later/").unwrap_or_default().to_owned();
    socket.next().await?;
    socket.send("last").await?;
    end(&how)
}

#[test]
fn s_23_a_94_application_that_ends_before_it_answers_is_500() {
    on_current_thread(async || {
        for (path, logged) in [
            ("/early/returns", "returned before it answered"),
            ("/early/fails", "on purpose"),
            ("/early/panics", "panicked"),
        ] {
            let log = Log::start();
            let server = Server::despite(&["A-88"], ends).await;
            let (mut client, response) = shake_hands(&server, path, "").await;
            assert_eq!(response.status, 500, "{path}");
            assert_eq!(response.header("connection"), Some("close"));
            assert_eq!(client.closed().await, b"Internal Server Error");
            let errors = log.errors();
            assert!(errors.len() == 1 && errors[0].contains(logged), "{errors:?}");
            server.stop().await;
        }
    });
}

#[test]
fn s_59_a_94_application_that_ends_closes_its_socket() {
    on_current_thread(async || {
        for (path, code, logged) in [
            ("/later/returns", 1000, None),
            ("/later/fails", 1011, Some("on purpose")),
            ("/later/panics", 1011, Some("panicked")),
            ("/at-once/returns", 1000, None),
            ("/at-once/fails", 1011, Some("on purpose")),
        ] {
            let log = Log::start();
            let server = Server::start(ends).await;
            let mut wire = Wire::open(&server, path).await;
            if path.starts_with("/later") {
                wire.text("x").await;
                assert_eq!(wire.next_text().await, "last", "what was sent before arrives");
            }
            assert_eq!(wire.next_close().await, code, "{path}");
            wire.close(code, "").await;
            assert_eq!(wire.client.closed().await, b"");
            let errors = log.errors();
            assert_eq!(errors.len(), usize::from(logged.is_some()), "{errors:?}");
            assert!(logged.is_none_or(|logged| errors[0].contains(logged)), "{errors:?}");
            server.stop().await;
        }
    });
}

#[test]
fn a_104_failure_costs_its_own_socket_only() {
    on_both_runtimes(async || {
        let server = Server::start(ends).await;
        let mut other = Wire::open(&server, "/later/returns").await;
        let mut wire = Wire::open(&server, "/at-once/panics").await;
        assert_eq!(wire.next_close().await, 1011);
        other.text("x").await;
        assert_eq!(other.next_text().await, "last");
        server.handle.shutdown();
    });
}

/// Waits in something else than the socket, and tells when that is dropped, or over.
fn lingers() -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<&'static str>) {
    struct Tells(mpsc::UnboundedSender<&'static str>);

    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }

    let (tell, told) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let tell = tell.clone();
        async move {
            scope.into_websocket()?;
            let socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            let guard = Tells(tell.clone());
            let (mut receive, _send) = socket.into_halves();
            let reason = receive.disconnected().await;
            tell.send("told")?;
            tokio::task::yield_now().await;
            std::future::pending::<()>().await;
            drop(guard);
            Err::<(), Error>(reason.into())
        }
    };
    (app, told)
}

#[test]
fn a_06_call_whose_client_is_gone_is_dropped_where_the_server_was_told_to() {
    on_both_runtimes(async || {
        let (app, mut told) = lingers();
        let server = Server::cancelling(builder(), app).await;
        drop(Wire::open(&server, "/").await);
        let first = told.recv().await.unwrap();
        let last = if first == "told" { told.recv().await.unwrap() } else { first };
        assert_eq!(last, "dropped");
        server.stop().await;
    });
}

#[test]
fn a_06_call_runs_on_when_its_client_is_gone() {
    on_both_runtimes(async || {
        let (app, mut told) = lingers();
        let server = Server::start(app).await;
        drop(Wire::open(&server, "/").await);
        assert_eq!(told.recv().await, Some("told"));
        assert!(told.try_recv().is_err(), "it is not dropped");
        server.task.abort();
    });
}

#[test]
fn sockets_are_counted_and_so_are_calls_that_return_before_they_answer() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
            let forgets =
                matches!(&scope, asgi::Scope::WebSocket(scope) if scope.head().raw_path() == "/forgets");
            if forgets { Ok(()) } else { crate::apps::echo(scope, receive, send).await }
        };
        let server = Server::despite(&["A-88"], app).await;
        let mut wires = Vec::new();
        for open in 1..=2 {
            let mut wire = Wire::open(&server, "/").await;
            wire.text("x").await;
            assert_eq!(wire.next_text().await, "x");
            wires.push(wire);
            let stats = server.handle.stats();
            assert_eq!((stats.websockets(), stats.open_websockets(), stats.responses(1)), (open, open, open));
        }
        for mut wire in wires {
            wire.close(1000, "").await;
            assert_eq!(wire.next_close().await, 1000);
        }
        while server.handle.stats().open_websockets() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.handle.stats().application_errors(), 0);
        let (_, refused) = shake_hands(&server, "/forgets", "").await;
        assert_eq!(refused.status, 500);
        let stats = server.handle.stats();
        assert_eq!((stats.websockets(), stats.requests(), stats.application_errors()), (2, 3, 1));
        assert_eq!((stats.responses(1), stats.responses(5)), (2, 1));
        server.stop().await;
    });
}
