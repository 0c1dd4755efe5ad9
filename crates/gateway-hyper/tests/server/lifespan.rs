//! Start-up before the first request, shutdown after the last.

use std::sync::{Arc, Mutex};

use gateway_hyper::{LifespanMode, ServeError};
use gateway_iface::asgi::event::{Failure, ReceiveEvent, SendEvent};
use gateway_iface::{Error, asgi};
use tokio::sync::Semaphore;

use crate::support::{Client, Server, both_ways, builder, hello, on_both_runtimes};

/// What happened, in its order.
type Story = Arc<Mutex<Vec<&'static str>>>;

/// An application with a lifespan: it passes the gates, and does at start-up and shutdown as told.
#[derive(Clone)]
struct App {
    story: Story,
    startup: Arc<Semaphore>,
    request: Arc<Semaphore>,
    shutdown: Arc<Semaphore>,
    answers: [SendEvent; 2],
}

impl App {
    /// One whose gates are open.
    fn new() -> Self {
        let gate = || Arc::new(Semaphore::new(1000));
        Self {
            story: Story::default(),
            startup: gate(),
            request: gate(),
            shutdown: gate(),
            answers: [SendEvent::StartupComplete, SendEvent::ShutdownComplete],
        }
    }

    fn tell(&self, what: &'static str) {
        self.story.lock().unwrap().push(what);
    }

    fn story(&self) -> Vec<&'static str> {
        self.story.lock().unwrap().clone()
    }
}

#[gateway_iface::async_trait]
impl asgi::Application for App {
    async fn call(
        &self,
        scope: asgi::Scope,
        mut receive: asgi::Receive,
        mut send: asgi::Send,
    ) -> Result<(), Error> {
        if let asgi::Scope::Lifespan(_) = &scope {
            let [startup, shutdown] = self.answers.clone();
            assert!(matches!(receive.receive().await, ReceiveEvent::LifespanStartup));
            self.startup.acquire().await?.forget();
            self.tell("started");
            send.send(startup).await?;
            assert!(matches!(receive.receive().await, ReceiveEvent::LifespanShutdown));
            self.tell("stopping");
            self.shutdown.acquire().await?.forget();
            self.tell("stopped");
            return Ok(send.send(shutdown).await?);
        }
        scope.into_http()?;
        self.tell("request");
        self.request.acquire().await?.forget();
        send.text(200, "served").await?;
        self.tell("answered");
        Ok(())
    }
}

#[test]
fn a_108_connection_that_is_early_waits_for_startup() {
    on_both_runtimes(async || {
        let app = App { startup: Arc::new(Semaphore::new(0)), ..App::new() };
        let server = Server::start(app.clone()).await;
        let mut early = server.connect().await;
        early.ask("/").await;
        assert_eq!(app.story(), [""; 0]);
        app.startup.add_permits(1);
        assert_eq!(early.response().await.text(), "served");
        server.stop().await;
        assert_eq!(app.story(), ["started", "request", "answered", "stopping", "stopped"]);
    });
}

/// there is one lifespan for all connections.
#[test]
fn a_112_a_113_shutdown_comes_after_the_last_request_and_is_waited_for() {
    on_both_runtimes(async || {
        let gate = || Arc::new(Semaphore::new(0));
        let app = App { request: gate(), shutdown: gate(), ..App::new() };
        let server = Server::start(app.clone()).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        let mut idle = server.connect().await;
        idle.ask("/").await;
        while app.story().len() < 3 {
            tokio::task::yield_now().await;
        }
        server.handle.shutdown();
        app.request.add_permits(2);
        assert_eq!(client.response().await.text(), "served");
        assert_eq!(idle.response().await.text(), "served");
        client.closed().await;
        while app.story().last() != Some(&"stopping") {
            tokio::task::yield_now().await;
        }
        assert!(!server.task.is_finished());
        app.shutdown.add_permits(1);
        server.task.await.unwrap().unwrap();
        assert_eq!(app.story()[3..], ["answered", "answered", "stopping", "stopped"]);
    });
}

#[test]
fn a_110_startup_that_fails_ends_serve_and_nothing_is_served() {
    on_both_runtimes(async || {
        let failed = SendEvent::StartupFailed(Failure::new("no database"));
        let app = App {
            answers: [failed, SendEvent::ShutdownComplete],
            startup: Arc::new(Semaphore::new(0)),
            ..App::new()
        };
        let server = Server::start(app.clone()).await;
        let mut early = server.connect().await;
        early.ask("/").await;
        app.startup.add_permits(1);
        let error = server.task.await.unwrap().unwrap_err();
        assert!(matches!(&error, ServeError::Startup(message) if message == "no database"), "{error}");
        assert!(early.closed().await.is_empty());
        assert_eq!(app.story(), ["started"]);
    });
}

#[test]
fn a_114_shutdown_that_fails_is_the_error_of_serve() {
    on_both_runtimes(async || {
        let failed = SendEvent::ShutdownFailed(Failure::new("not saved"));
        let app = App { answers: [SendEvent::StartupComplete, failed], ..App::new() };
        let server = Server::start(app.clone()).await;
        assert_eq!(server.get("/").await.text(), "served");
        server.handle.shutdown();
        let error = server.task.await.unwrap().unwrap_err();
        assert!(matches!(&error, ServeError::Shutdown(message) if message == "not saved"), "{error}");
    });
}

/// Crashes in its lifespan as the place says.
fn crashes(place: &'static str) -> impl asgi::Application + 'static {
    move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| async move {
        if scope.protocol() == "http" {
            return Ok(send.text(200, "served").await?);
        }
        match place {
            "before startup" => return Err(Error::new("crash")),
            "panic" => panic!("crash"),
            _ => {}
        }
        receive.receive().await;
        if place == "in startup" {
            return Err(Error::new("crash"));
        }
        send.send(SendEvent::StartupComplete).await?;
        match place {
            "while serving" => return Err(Error::new("crash")),
            "returns" => return Ok(()),
            _ => {}
        }
        receive.receive().await;
        match place {
            "in shutdown" => Err(Error::new("crash")),
            _ => Ok::<(), Error>(()),
        }
    }
}

#[test]
fn crash_at_startup_is_an_error_and_not_taken_for_an_application_without_lifespan() {
    on_both_runtimes(async || {
        for place in ["before startup", "panic", "in startup"] {
            let server = Server::start(crashes(place)).await;
            let error = server.task.await.unwrap().unwrap_err();
            assert!(matches!(error, ServeError::Startup(_)), "{place}: {error}");
        }
    });
}

#[test]
fn a_115_lifespan_that_ends_while_it_serves_is_not_waited_for() {
    on_both_runtimes(async || {
        for place in ["while serving", "returns", "returns at shutdown"] {
            let server = Server::start(crashes(place)).await;
            assert_eq!(server.get("/").await.text(), "served", "{place}");
            server.stop().await;
        }
    });
}

#[test]
fn crash_at_shutdown_is_an_error() {
    on_both_runtimes(async || {
        let server = Server::start(crashes("in shutdown")).await;
        server.handle.shutdown();
        assert!(matches!(server.task.await.unwrap(), Err(ServeError::Shutdown(_))));
    });
}

#[test]
fn a_111_application_without_lifespan_is_served() {
    on_both_runtimes(async || {
        let server = Server::start(hello).await;
        assert_eq!(server.get("/").await.status, 200);
        server.stop().await;
        let server = Server::with(builder().lifespan(LifespanMode::On), hello).await;
        assert!(matches!(server.task.await.unwrap(), Err(ServeError::Startup(_))), "where it must have one");
    });
}

#[test]
fn a_148_synchronous_application_is_served_without_lifespan() {
    use gateway_iface::wsgi::{Body, Environ, StartResponse};
    on_both_runtimes(async || {
        let app = |_: Environ, start_response: &mut dyn StartResponse| {
            start_response.start(http::StatusCode::OK, http::HeaderMap::new())?;
            Ok(Body::from("served"))
        };
        for (name, app) in both_ways(app) {
            let server = Server::start(app).await;
            assert_eq!(server.get("/").await.text(), "served", "{name}");
            server.stop().await;
        }
    });
}

#[test]
fn lifespan_that_is_off_is_not_called() {
    on_both_runtimes(async || {
        let app = App::new();
        let server = Server::with(builder().lifespan(LifespanMode::Off), app.clone()).await;
        assert_eq!(server.get("/").await.text(), "served");
        server.stop().await;
        assert_eq!(app.story(), ["request", "answered"]);
    });
}

#[test]
fn a_117_state_of_startup_reaches_every_request_and_additions_stay_private() {
    async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        match scope {
            asgi::Scope::Lifespan(lifespan) => {
                receive.receive().await;
                lifespan.state().insert(Mutex::new(0_usize));
                send.send(SendEvent::StartupComplete).await?;
                receive.receive().await;
                send.send(SendEvent::ShutdownComplete).await?;
            }
            scope => {
                let mut scope = scope.into_http()?;
                let state = scope.head().state().ok_or_else(|| Error::new("no state"))?;
                let count = {
                    let mut count = state.get::<Mutex<usize>>().unwrap().lock().unwrap();
                    *count += 1;
                    *count
                };
                let private = state.get::<u8>().is_some();
                scope.head_mut().connection_mut().state_mut().insert(1_u8);
                send.text(200, format!("{count} {private}")).await?;
            }
        }
        Ok(())
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        assert_eq!(client.get("/").await.text(), "1 false");
        assert_eq!(client.get("/").await.text(), "2 false");
        assert_eq!(server.get("/").await.text(), "3 false");
        server.stop().await;
    });
}

/// Stores the runtime it started on and the number it was given, and tells what a request finds.
fn numbered(number: usize) -> impl asgi::Application + 'static {
    move |scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send| async move {
        let runtime = tokio::runtime::Handle::current().id();
        let request = match scope {
            asgi::Scope::Lifespan(lifespan) => {
                let state = lifespan.state().clone();
                let startup = async move {
                    state.insert((number, runtime));
                    Ok(())
                };
                return lifespan.run(receive, send, startup, async { Ok(()) }).await;
            }
            scope => scope.into_http()?,
        };
        let state = request.head().state().ok_or_else(|| Error::new("no state"))?;
        let (number, started_on) =
            state.get::<(usize, tokio::runtime::Id)>().copied().ok_or_else(|| Error::new("no number"))?;
        Ok(send.text(200, format!("{number} {}", started_on == runtime)).await?)
    }
}

#[test]
fn a_119_requests_of_two_servers_at_once_find_the_state_of_their_own_lifespan() {
    on_both_runtimes(async || {
        let (one, two) = (Server::start(numbered(1)).await, Server::start(numbered(2)).await);
        for _ in 0..2 {
            assert_eq!(one.get("/").await.text(), "1 true");
            assert_eq!(two.get("/").await.text(), "2 true");
        }
        one.stop().await;
        assert_eq!(two.get("/").await.text(), "2 true");
        two.stop().await;
    });
}

#[test]
fn a_45_lifespan_and_requests_run_on_the_same_runtime() {
    on_both_runtimes(async || {
        let server = Server::start(numbered(7)).await;
        assert_eq!(server.get("/").await.text(), "7 true");
        server.stop().await;
    });
}

#[test]
fn dropping_serve_before_startup_is_complete_serves_nothing() {
    on_both_runtimes(async || {
        let app = App { startup: Arc::new(Semaphore::new(0)), ..App::new() };
        let server = Server::start(app.clone()).await;
        let mut early: Client = server.connect().await;
        early.ask("/").await;
        server.task.abort();
        assert!(server.task.await.unwrap_err().is_cancelled());
        assert!(early.closed().await.is_empty());
        assert_eq!(app.story(), [""; 0]);
    });
}
