//! What becomes of a lifespan at its ends: the server dropped, code after the last answer.

use std::sync::Arc;

use gateway_iface::asgi::event::{Failure, ReceiveEvent, SendEvent};
use gateway_iface::{Error, asgi};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Server, on_both_runtimes};

/// Tells when it is dropped.
struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[test]
fn dropping_serve_runs_no_shutdown_while_its_connections_go_on() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = {
            let gate = Arc::clone(&gate);
            move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
                let (gate, tell) = (Arc::clone(&gate), tell.clone());
                async move {
                    if scope.protocol() == "http" {
                        tell.send("request")?;
                        gate.acquire().await?.forget();
                        return Ok(send.text(200, "served").await?);
                    }
                    receive.receive().await;
                    send.send(SendEvent::StartupComplete).await?;
                    let dropped = Dropped(tell);
                    receive.receive().await;
                    dropped.0.send("told of shutdown")?;
                    Ok::<(), Error>(send.send(SendEvent::ShutdownComplete).await?)
                }
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        assert_eq!(told.recv().await, Some("request"));
        server.task.abort();
        assert!(server.task.await.unwrap_err().is_cancelled());
        assert_eq!(told.recv().await, Some("dropped"));
        gate.add_permits(2);
        assert_eq!(client.response().await.text(), "served");
        assert_eq!(client.get("/").await.text(), "served");
        drop(client);
        assert_eq!(told.recv().await, Some("request"));
        assert_eq!(told.recv().await, None, "the lifespan is over");
    });
}

#[test]
fn a_06_code_after_the_last_answer_of_a_lifespan_runs_before_serve_returns() {
    on_both_runtimes(async || {
        let failure = || Failure::new("not well");
        for answers in [
            vec![SendEvent::StartupComplete, SendEvent::ShutdownComplete],
            vec![SendEvent::StartupComplete, SendEvent::ShutdownFailed(failure())],
            vec![SendEvent::StartupFailed(failure())],
        ] {
            let gate = Arc::new(Semaphore::new(0));
            let (tell, mut told) = mpsc::unbounded_channel();
            let app = {
                let (gate, answers) = (Arc::clone(&gate), answers.clone());
                move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
                    let (gate, answers, tell) = (Arc::clone(&gate), answers.clone(), tell.clone());
                    async move {
                        scope.into_lifespan()?;
                        for answer in answers {
                            receive.receive().await;
                            send.send(answer).await?;
                        }
                        tell.send("answered")?;
                        gate.acquire().await?.forget();
                        tokio::task::yield_now().await;
                        tell.send("cleaned up")?;
                        Ok::<(), Error>(())
                    }
                }
            };
            let name = format!("{:?}", answers.last());
            let server = Server::start(app).await;
            if answers.len() == 2 {
                // Only then is its start-up complete.
                assert_eq!(server.get("/").await.status, 500);
                server.handle.shutdown();
            }
            assert_eq!(told.recv().await, Some("answered"), "{name}");
            tokio::task::yield_now().await;
            assert!(!server.task.is_finished(), "{name}");
            gate.add_permits(1);
            let result = server.task.await.unwrap();
            assert_eq!(told.try_recv(), Ok("cleaned up"), "{name}");
            assert_eq!(result.is_err(), name.contains("Failed"), "{name}: {result:?}");
        }
    });
}

#[test]
fn a_112_lifespan_that_waits_for_an_event_after_the_last_one_does_not_keep_the_server() {
    on_both_runtimes(async || {
        async fn app(
            scope: asgi::Scope,
            mut receive: asgi::Receive,
            mut send: asgi::Send,
        ) -> Result<(), Error> {
            scope.into_lifespan()?;
            loop {
                let answer = match receive.receive().await {
                    ReceiveEvent::LifespanStartup => SendEvent::StartupComplete,
                    _ => SendEvent::ShutdownComplete,
                };
                send.send(answer).await?;
            }
        }
        let server = Server::start(app).await;
        assert_eq!(server.get("/").await.status, 500);
        server.stop().await;
    });
}
